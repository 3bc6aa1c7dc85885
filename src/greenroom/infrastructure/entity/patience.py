"""Waiting: for a while on the scheduler's clock, which tests can move, or for several things at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from greenroom.foundation.namespace import current_namespace

T = TypeVar("T")


class Pause:
    """The pauses between tries: each twice as long as the one before, up to a limit."""

    __slots__ = ("_first", "_longest", "seconds")

    def __init__(self, longest: float, first: float = 0.05) -> None:
        self._first = min(first, longest)
        self._longest = longest
        self.seconds = self._first

    def lengthen(self) -> float:
        """The pause to make now; the next one is longer."""
        seconds = self.seconds
        self.seconds = min(self._longest, seconds * 2)
        return seconds

    def reset(self) -> None:
        """Begin with the shortest again."""
        self.seconds = self._first


async def wait(seconds: float) -> None:
    """Let this much time pass on the clock of the scheduler."""
    scheduler = current_namespace().scheduler
    over: asyncio.Future[None] = scheduler.loop.create_future()

    def ring() -> None:
        if not over.done():
            over.set_result(None)

    timer = scheduler.timers.schedule(seconds, ring)
    try:
        await over
    finally:
        timer.drop()


async def all_of(jobs: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Do several things at once; none of them goes on when the process that waits is killed meanwhile."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        if tasks:
            await asyncio.wait(tasks)
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()


async def within(seconds: float, job: Coroutine[Any, Any, T]) -> T | None:
    """Do something for so many seconds at most; None when it was not over by then."""
    task = asyncio.ensure_future(job)
    scheduler = current_namespace().scheduler
    timer = scheduler.timers.schedule(seconds, task.cancel)
    try:
        await asyncio.wait([task])
        return None if task.cancelled() else task.result()
    finally:
        timer.drop()
        task.cancel()
