"""Responses that have no end of their own: how many one server sends at the same time, and that they end with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from starlette.types import Scope

End: TypeAlias = Callable[[], object]
"""Ends one stream. It is called once at most, and must return at once."""

STATE: Final = "streams"


class Streams:
    """The streams of one server. There is no room for more than `most`, and none once it has closed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ends: dict[End, None] = {}
        self._closed = False

    def __len__(self) -> int:
        """How many are open."""
        return len(self._ends)

    def enter(self, end: End) -> bool:
        """Take a place for a stream, which `end` will end when the server stops; False if there is none."""
        if self._closed or len(self._ends) >= self._most:
            return False
        self._ends[end] = None
        return True

    def leave(self, end: End) -> None:
        """Give the place back."""
        self._ends.pop(end, None)

    def close(self) -> None:
        """End all of them, and let none in."""
        self._closed = True
        for end in list(self._ends):
            end()


def streams_of(scope: Scope) -> Streams:
    """Those of the server that has this request."""
    found: Streams = scope["state"][STATE]
    return found
