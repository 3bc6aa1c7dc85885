"""ETag, If-Match and If-None-Match: what a client knows of a version, and what follows from it."""

from __future__ import annotations

import re
from hashlib import blake2b

from gigbook.application.api.request import Request
from gigbook.business.versions import Expected


def version_tag(version: int) -> bytes:
    """The ETag of something that has a version."""
    return b'"%d"' % version


def content_tag(body: bytes) -> bytes:
    """The ETag of something that has none: equal for equal bytes."""
    return b'"%s"' % blake2b(body, digest_size=12).hexdigest().encode()


def expected(request: Request) -> Expected:
    """The versions that If-Match allows to be replaced; None allows any that exists.

    Tags that are no version of ours (weak ones, made-up ones) match nothing, as RFC 9110 has it.
    """
    given = request.header(b"if-match")
    if given is None or given.strip() == "*":
        return None
    return frozenset(int(tag) for tag in _VERSION.findall(given))


def knows(request: Request, tag: bytes) -> bool:
    """Whether the client asks only for what it does not have, and has this.

    Tags are compared weakly: a cache may mark ours as weak and still hold the same content.
    """
    given = request.header(b"if-none-match")
    if given is None or request.method not in _SAFE:
        return False
    ours = tag.decode()
    return given.strip() == "*" or any(known.strip().removeprefix("W/") == ours for known in given.split(","))


# Whole tags only: the list is cut at commas, and ours never contain one.
_VERSION = re.compile(r'(?:^|,)\s*"([1-9][0-9]{0,18})"\s*(?=,|$)')

_SAFE = ("GET", "HEAD")
