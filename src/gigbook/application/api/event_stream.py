"""An outcome that goes on: the present state, then what changes, as server-sent events for as long as a client listens.

    async def follow_venue(request: Request) -> EventStream | NotFound:
        ...
        return Following(venue_topic(id), present=lambda: shown(id), told=as_event)

The stream ends when the client leaves, when the server stops, and when what it is about is gone. A client that takes
events more slowly than they come misses some and is told how many, with the state as it is then.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from random import randint
from typing import Final, Generic, TypeVar

from starlette.types import Send

from gigbook.application.api import server_sent
from gigbook.application.api.answers import Answer, Header, encode, error
from gigbook.application.api.failures import failure
from gigbook.application.api.request import Request
from gigbook.application.streams import streams_of
from greenroom import Missed, Topic

E = TypeVar("E")

HEARTBEAT: Final = 15.0
"""Seconds of silence after which a comment is sent, as the standard advises."""

WAITING: Final = 256
"""How many events may wait for one client."""

RETRY: Final = (1000, 3000)
"""Milliseconds after which clients come again: spread, so that not all come in one instant when a server restarts."""

RETRY_AFTER: Final[Header] = (b"retry-after", b"5")

HEADERS: Final[tuple[Header, ...]] = (
    (b"content-type", server_sent.MEDIA_TYPE.encode()),
    (b"cache-control", b"no-store, no-transform"),
    # nginx collects what it passes on, unless it is told that each piece is wanted at once.
    (b"x-accel-buffering", b"no"),
)


class EventStream(ABC):
    """What a handler answers with whose answer has no end."""

    @abstractmethod
    def frames(self) -> AsyncGenerator[bytes]:
        """What to send, piece by piece. The first one may fail, and then the request does."""


@dataclass(frozen=True, slots=True)
class Following(EventStream, Generic[E]):
    """Tells what is published on a topic.

    `present` tells the state as it is, or None when there is nothing any more; it is asked once the topic is listened
    to, so that no change falls in between. `told` makes the event for a change, or None for the last one of all.
    """

    topic: Topic[E]
    present: Callable[[], Awaitable[bytes | None]]
    told: Callable[[E], bytes | None]
    limit: int = WAITING
    heartbeat: float = HEARTBEAT

    async def frames(self) -> AsyncGenerator[bytes]:
        """The state, and each change; a comment when nothing has changed for a while."""
        async with self.topic.listen(self.limit) as changes:
            frame = await self.present()
            if frame is not None:
                frame = server_sent.retry(randint(*RETRY)) + frame  # noqa: S311  # nobody has to be kept from guessing
            while frame is not None:
                yield frame
                try:
                    async with asyncio.timeout(self.heartbeat):
                        change = await anext(changes)
                except TimeoutError:
                    frame = _BEAT
                else:
                    frame = await self._frame(change)

    async def _frame(self, change: E | Missed) -> bytes | None:
        if not isinstance(change, Missed):
            return self.told(change)
        present = await self.present()
        return None if present is None else server_sent.event("missed", encode({"count": change.count})) + present


class OpenStream:
    """A stream that has its first piece and its place among those of the server."""

    status: Final = 200

    def __init__(self, request: Request, first: bytes, frames: AsyncGenerator[bytes], leaving: asyncio.Task[None]):
        self._request = request
        self._first = first
        self._frames = frames
        self._leaving = leaving

    async def send(self, send: Send) -> None:
        """Send what comes after the head, until the stream ends, whoever ends it."""
        pump = asyncio.create_task(self._pump(send))
        try:
            await asyncio.wait({pump, self._leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pump.cancel()
            self._leaving.cancel()
            failed, _ = await asyncio.gather(pump, self._leaving, return_exceptions=True)
            await self._frames.aclose()
        if isinstance(failed, Exception):
            # The head is gone: all that is left is to say why in the log, and to end. The client comes again.
            failure(failed, self._request.id)
        await send({"type": "http.response.body"})

    async def _pump(self, send: Send) -> None:
        await send({"type": "http.response.body", "body": self._first, "more_body": True})
        async for frame in self._frames:
            await send({"type": "http.response.body", "body": frame, "more_body": True})


class HeadOfStream:
    """What HEAD gets: a stream without anything of it."""

    status: Final = 200

    async def send(self, send: Send) -> None:
        """Send what comes after the head: nothing."""
        await send({"type": "http.response.body"})


async def opened(stream: EventStream, request: Request) -> OpenStream | HeadOfStream | Answer:
    """The stream with its first piece, or the answer for when there is no room for it."""
    if request.method == "HEAD":
        return HeadOfStream()
    streams = streams_of(request.scope)
    leaving = asyncio.create_task(_left(request))
    if not streams.enter(leaving.cancel):
        leaving.cancel()
        return error(503, "Too many clients listen already", request_id=request.id, headers=(RETRY_AFTER,))
    leaving.add_done_callback(lambda _: streams.leave(leaving.cancel))
    frames = stream.frames()
    try:
        return OpenStream(request, await anext(frames, b""), frames, leaving)
    except BaseException:  # whatever keeps the stream from beginning, its place is free again
        leaving.cancel()
        raise


async def _left(request: Request) -> None:
    """Wait until the client has left; what it still sends is of no interest."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


_BEAT: Final = server_sent.comment("still here")
