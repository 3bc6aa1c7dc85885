"""Events as they come, from anywhere in the past."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, Self, TypeVar

from typing_extensions import override

from greenroom.foundation.namespace import Namespace
from greenroom.infrastructure.database import Returning, Row, Step
from greenroom.infrastructure.event_store.recorded import Recorded
from greenroom.infrastructure.pubsub import Listener, Topic
from greenroom.infrastructure.pubsub.channel import publish_in

E = TypeVar("E")

NEWS: Final = Topic[None]("greenroom:events")
"""Told when something was appended in this namespace. Only a hint: what there is, the database says."""


class Announced(Returning):
    """A step that appends an event; the followers of a namespace look for it when it is on disk."""

    __slots__ = ("_namespace",)

    def __init__(self, step: Step, namespace: Namespace) -> None:
        super().__init__(step)
        self._namespace = namespace

    @override
    def committed(self) -> None:
        publish_in(self._namespace, NEWS.name, None)


class Follower(Generic[E]):
    """Iterates over recorded events, first those that are there and then those that come, and never ends.

    It reads on from the last one, by number, whether it catches up or waits: no event is left out or comes twice.
    """

    def __init__(
        self,
        read: Callable[[int], Awaitable[Sequence[Row]]],
        decode: Callable[[Row], Recorded[E]],
        number: str,
        after: int,
        poll: float,
    ) -> None:
        self._read = read
        self._decode = decode
        self._number = number
        self._after = after
        self._poll = poll
        self._page: deque[Row] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Recorded[E]:
        if not self._page:
            self._page.extend(await self._next_page())
        # One by one: an event that can not be decoded does not keep back those before it.
        recorded = self._decode(self._page[0])
        self._after = self._page.popleft()[self._number]
        return recorded

    async def _next_page(self) -> Sequence[Row]:
        page = await self._read(self._after)
        if page:
            return page
        # Listening begins before the next look, so that nothing comes unheard between the two.
        async with NEWS.listen(limit=1) as news:
            while not (page := await self._read(self._after)):
                await self._wait(news)
        return page

    async def _wait(self, news: Listener[None]) -> None:
        # Another server appends without a word to this one: hence the look from time to time.
        try:
            async with asyncio.timeout(self._poll):
                await anext(news)
        except TimeoutError:
            pass
