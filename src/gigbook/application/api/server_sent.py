r"""Server-sent events as bytes: the format `text/event-stream` of the WHATWG HTML standard, section 9.2.

>>> event("venue", b'{"id":7}', id="7")
b'id: 7\nevent: venue\ndata: {"id":7}\n\n'
>>> comment("still here")
b': still here\n\n'
"""

from __future__ import annotations

import re
from typing import Final

MEDIA_TYPE: Final = "text/event-stream"


def event(name: str, data: bytes, *, id: str | None = None) -> bytes:
    """One event. The data must be UTF-8; each of its lines arrives as a line, whatever ended it.

    The client sends the `id` of the last event back when it comes again.

    Raises:
        ValueError: the name or the id has a line break, or the id a NUL: both would mean something else to the client.
    """
    head = b"" if id is None else b"id: %s\n" % _one_line(id)
    lines = b"\ndata: ".join(_LINE_BREAK.split(data))
    return b"%sevent: %s\ndata: %s\n\n" % (head, _one_line(name), lines)


def comment(text: str) -> bytes:
    """A line that no client shows anyone. It keeps proxies from taking a quiet connection for a dead one."""
    return b": %s\n\n" % _one_line(text)


def retry(milliseconds: int) -> bytes:
    """How long the client should wait before it comes again, once the connection is lost."""
    return b"retry: %d\n\n" % milliseconds


_LINE_BREAK: Final = re.compile(rb"\r\n|\r|\n")
_FORBIDDEN: Final = re.compile("[\r\n\0]")


def _one_line(text: str) -> bytes:
    if _FORBIDDEN.search(text):
        raise ValueError(f"expected one line without NUL, got {text!r}")
    return text.encode()
