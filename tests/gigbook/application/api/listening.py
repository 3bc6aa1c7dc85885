"""A client that listens to a stream of events."""

import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.gigbook.application.api.event_source import EventSource, Received


@dataclass
class Listening:
    """What it has got so far is in `source`."""

    response: httpx.Response
    source: EventSource = field(default_factory=EventSource)

    def __post_init__(self) -> None:
        self._pieces: AsyncIterator[bytes] = self.response.aiter_bytes()

    async def more(self) -> None:
        """Wait for the next piece."""
        self.source.feed(await anext(self._pieces))

    async def until(self, many: int) -> list[Received]:
        """All events, once there are so many."""
        while len(self.source.events) < many:
            await self.more()
        return self.source.events

    async def end(self) -> list[Received]:
        """All events, once the stream has ended as it should."""
        async for piece in self._pieces:
            self.source.feed(piece)
        return self.source.events


@asynccontextmanager
async def listening(url: str, room: int | None = None) -> AsyncGenerator[Listening]:
    """Listen to what comes from there, with so much room for bytes that are not read yet."""
    options = [] if room is None else [(socket.SOL_SOCKET, socket.SO_RCVBUF, room)]
    transport = httpx.AsyncHTTPTransport(verify=False, socket_options=options)
    async with (
        httpx.AsyncClient(timeout=None, transport=transport) as client,
        client.stream("GET", url) as response,
    ):
        yield Listening(response)
