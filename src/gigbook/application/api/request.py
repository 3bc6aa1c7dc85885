"""A request as handlers see it: what the client sent, read only when somebody asks."""

from __future__ import annotations

import re
from random import getrandbits

from starlette.types import Receive, Scope

from gigbook.business.ids import can_be_id
from greenroom.infrastructure import Origin


class Request:
    """One HTTP request. `id` is the client's X-Request-ID if that is sane, else a new one."""

    __slots__ = ("_headers", "id", "method", "path", "receive", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._headers: dict[bytes, bytes] = _headers(scope["headers"])
        self.id = _sane(self._headers.get(b"x-request-id")) or f"{getrandbits(64):016x}"

    def header(self, name: bytes) -> str | None:
        """The header with this name in lower case; its values are joined when there are several."""
        value = self._headers.get(name)
        return None if value is None else value.decode("latin-1")

    def key(self, parameter: str) -> int:
        """The id in the path; 0, which nothing has, where the text can be nobody's id."""
        text: str = self.scope["path_params"][parameter]
        key = int(text) if _ID.fullmatch(text) else 0
        return key if can_be_id(key) else 0

    @property
    def origin(self) -> Origin:
        """What the events that follow from it say of why they happened."""
        return Origin(correlation_id=self.id)


# A leading zero would give one thing two addresses.
_ID = re.compile("[1-9][0-9]{0,18}")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")


def _headers(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    headers = dict(pairs)
    if len(headers) < len(pairs):
        joined: dict[bytes, list[bytes]] = {}
        for name, value in pairs:
            joined.setdefault(name, []).append(value)
        return {name: b", ".join(values) for name, values in joined.items()}
    return headers


def _sane(given: bytes | None) -> str | None:
    return given.decode("ascii") if given and _REQUEST_ID.fullmatch(given) else None
