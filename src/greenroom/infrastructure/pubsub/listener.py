"""Events of a topic as an asynchronous iterator, for code outside of any process."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, Self, TypeVar, cast

from greenroom.foundation.namespace import current_namespace
from greenroom.infrastructure.pubsub.channel import Channel, channel_of
from greenroom.infrastructure.pubsub.missed import Missed

E = TypeVar("E")


class Listener(Generic[E]):
    """Iterates over the events that are published while its `async with` block runs.

    One that does not keep up with them gets a `Missed` in place of those that it was too slow for.
    """

    __slots__ = ("_arrived", "_channel", "_limit", "_topic", "_waiting")

    def __init__(self, topic: str, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"expected limit to be at least 1, got {limit!r}")
        self._topic = topic
        self._limit = limit
        self._waiting: deque[E | Missed] = deque()
        self._arrived = asyncio.Event()
        self._channel: Channel | None = None

    def offer(self, event: object) -> None:
        """Keep the event until it is read, or note that there was no room for it."""
        waiting = self._waiting
        if len(waiting) < self._limit:
            # What a channel carries, `Topic.publish` has checked.
            waiting.append(cast("E", event))
            self._arrived.set()
        elif isinstance(last := waiting[-1], Missed):
            waiting[-1] = Missed(last.count + 1, self._topic)
        else:
            waiting.append(Missed(1, self._topic))

    async def __aenter__(self) -> Self:
        self._channel = channel_of(current_namespace(), self._topic)
        self._channel.open_ear(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._channel is not None:
            self._channel.close_ear(self)
            self._channel = None
        # Somebody may be iterating in another task.
        self._arrived.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E | Missed:
        while not self._waiting:
            if self._channel is None:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()
