"""The Idempotency-Key header: a request that is sent again is carried out once."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from msgspec import Struct

from gigbook.application.api.answers import encode
from gigbook.application.api.failures import Refused
from gigbook.application.api.request import Request
from gigbook.business.once import Once

HEADER: Final = "Idempotency-Key"
LONGEST_KEY: Final = 255


def once(request: Request, body: Struct | None = None) -> Once | None:
    """What makes this request the same as one before: its key, and what it asks for. None without the header.

    Raises:
        Refused: the key is empty, too long, or not visible ASCII.
    """
    key = request.header(b"idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Refused(400, f"{HEADER} must have 1 to {LONGEST_KEY} visible ASCII characters")
    # Made from the decoded body: a client that retries may write the same JSON with other spaces.
    asked = blake2b(encode(body), digest_size=16).hexdigest()
    return Once(scope=f"{request.method} {request.path}", key=key, fingerprint=asked)


_KEY = re.compile(f"[\\x21-\\x7e]{{1,{LONGEST_KEY}}}")
