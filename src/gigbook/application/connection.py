"""What our connections do that uvicorn's do not: a response leaves in one piece, and a slow client is given up."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gigbook.application.api.answers import error, phrase

PATIENCE: Final = 30.0
"""Seconds that a client has to send a request, head and body, and that it may take nothing of a response."""

LARGEST_HEAD: Final = 64 * 1024
"""Bytes that the request line and the headers may have together, about."""


class Connection(HttpToolsProtocol):
    """One client's connection."""

    awaited_since: float = math.inf
    """When we began to wait for the request that is not complete yet; never, if there is none."""

    head_size: float = -math.inf
    """How much of a head has come that is not complete yet; nothing counts, if there is none."""

    arriving: int = 0
    """How much has just come, and may belong to a head."""

    cycles: tuple[RequestResponseCycle, ...] = ()
    """The last request, and those before it that had no answer yet when it came: uvicorn itself knows only the last."""

    wire: OneWrite
    taken: int = -1
    taken_at: float = -math.inf
    """How much the client had taken of what we sent when we last looked, and when it was seen to take something."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, and wait for its first request."""
        self.wire = OneWrite(cast(asyncio.Transport, transport), self.loop.call_soon)
        super().connection_made(self.wire)
        self.awaited_since = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell all who answer here that nobody listens any more."""
        for cycle in self.cycles:
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends, but no head without an end."""
        self.arriving = len(data)
        super().data_received(data)
        self.head_size += self.arriving
        if self.head_size > LARGEST_HEAD and not self.transport.is_closing():
            self._refuse(*_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """Refuse what can not be read, in the shape that all errors have."""
        # The parser takes no path that is longer than that.
        too_large = self.head_size + self.arriving > LARGEST_HEAD
        self._refuse(*_TOO_LARGE if too_large else (400, "This is no HTTP/1.1 request that can be read"))

    def on_message_begin(self) -> None:
        """Wait for the rest of a request whose first bytes are here."""
        super().on_message_begin()
        self.awaited_since = self.loop.time()
        self.head_size = 0

    def on_headers_complete(self) -> None:
        """Let the request be answered."""
        super().on_headers_complete()
        self.head_size = -math.inf
        self.cycles = (*[cycle for cycle in self.cycles if not cycle.response_complete], self.cycle)

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: who asks for another protocol gets this one, and uvicorn would tell operators to get more."""

    def on_message_complete(self) -> None:
        """Wait no more."""
        self.awaited_since = math.inf
        # Who sends one request after the other may send many in one piece, and with them the beginning of one more.
        self.arriving = 0
        super().on_message_complete()

    def give_up(self, now: float) -> None:
        """Close the connection if the client has taken too long to send a request, or to take what was sent to it."""
        if now - self.awaited_since > PATIENCE:
            self.transport.close()
        if self.wire.unsent == 0 or self.wire.taken != self.taken:
            self.taken, self.taken_at = self.wire.taken, now
        elif now - self.taken_at > PATIENCE:
            # Closing would wait until all is sent.
            self.transport.abort()

    def cut_streams(self) -> None:
        """Abort the connection if it has sent a stream and the client has not taken the end of it."""
        # Every other response knows its length before it begins.
        if any(cycle.chunked_encoding for cycle in self.cycles):
            self.transport.abort()

    def _refuse(self, status: int, message: str) -> None:
        # The client takes it for the answer to the request that waits longest: that is right if its body is wrong.
        if all(cycle.response_complete or _is_awaited(cycle) for cycle in self.cycles):
            self._write(status, message)
        self.transport.close()

    def _write(self, status: int, message: str) -> None:
        body = error(status, message).body
        head = (
            f"HTTP/1.1 {status} {phrase(status)}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        )
        self.transport.write(head.encode() + b"connection: close\r\n\r\n" + body)


def _is_awaited(cycle: RequestResponseCycle) -> bool:
    """Whether its body is not all here, and nothing of an answer has been sent."""
    return cycle.more_body and not cycle.response_started


_TOO_LARGE: Final = (431, f"The request line and the headers must have at most {LARGEST_HEAD} bytes")


class OneWrite(asyncio.Transport):
    """Holds the head of a response back until its body comes, but not beyond this turn of the loop.

    uvicorn writes them one after the other, and each write would be a system call and a segment of its own: a tenth
    of what a small response costs.
    """

    def __init__(self, transport: asyncio.Transport, call_soon: Callable[[Callable[[], None]], object]) -> None:
        super().__init__()
        self._transport = transport
        self._call_soon = call_soon
        self._head = b""
        self._written = 0

    @property
    def unsent(self) -> int:
        """How many bytes the client could have, but has no room for."""
        return self._transport.get_write_buffer_size()

    @property
    def taken(self) -> int:
        """How many bytes the client, or the network on the way, has taken so far."""
        return self._written - self.unsent

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send the data, with the head that waits for it; a head itself waits."""
        if self._head:
            head, self._head = self._head, b""
            self._send(head + data)
        elif isinstance(data, bytes) and data.endswith(b"\r\n\r\n"):
            self._head = data
            self._call_soon(self._flush)
        else:
            self._send(data)

    def get_extra_info(self, name: str, default: object = None) -> object:
        """What the transport knows of the connection."""
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Whether it is closed, or will be."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """Let the client wait."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Listen to the client again."""
        self._transport.resume_reading()

    def close(self) -> None:
        """Send what waits, then close."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close without sending anything more."""
        self._head = b""
        self._transport.abort()

    def _flush(self) -> None:
        if self._head:
            self._send(self._head)
            self._head = b""

    def _send(self, data: bytes | bytearray | memoryview) -> None:
        self._written += len(data)
        self._transport.write(data)
