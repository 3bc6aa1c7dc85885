"""Where the outcome of a task arrives, and how its owner waits there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import count
from typing import Final, Generic, TypeVar

from greenroom.foundation.namespace import current_namespace
from greenroom.foundation.outcome import Outcome

T = TypeVar("T")

_arrivals: Final = count()


class Answer(Generic[T]):
    """The place for one outcome, which can be taken once. What comes after that, or too late, is dropped here."""

    __slots__ = ("_bell", "_outcome", "arrival", "spent")

    def __init__(self) -> None:
        self._outcome: Outcome[T] | None = None
        self._bell: asyncio.Event | None = None
        self.arrival = -1
        self.spent = False

    @property
    def outcome(self) -> Outcome[T] | None:
        """What has arrived and was not taken."""
        return self._outcome

    @property
    def settled(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.spent or self._outcome is not None

    def arrive(self, outcome: Outcome[T]) -> None:
        """Put the outcome here, unless there is one: what a task answered counts, and not how it ended afterwards."""
        if not self.settled:
            self._outcome = outcome
            self.arrival = next(_arrivals)
            if self._bell is not None:
                self._bell.set()

    def take(self) -> Outcome[T] | None:
        """What has arrived; nothing more will."""
        outcome, self._outcome = self._outcome, None
        self.spent = True
        return outcome

    def ring(self, bell: asyncio.Event | None) -> None:
        """Set this event when the outcome arrives."""
        self._bell = bell


async def wait_for(answers: Iterable[Answer[T]], enough: Callable[[], bool], seconds: float | None) -> None:
    """Wait until it is enough, for so many seconds at most."""
    if enough():
        return
    scheduler = current_namespace().scheduler
    if seconds is not None and seconds <= 0:
        # The others get a turn, so that whoever asks again and again gets an answer one day.
        await scheduler.pause()
        return
    waiting = list(answers)
    bell = asyncio.Event()
    timer = None if seconds is None else scheduler.timers.schedule(seconds, bell.set)
    try:
        for answer in waiting:
            answer.ring(bell)
        while not enough() and (timer is None or timer.remaining is not None):
            bell.clear()
            await bell.wait()
    finally:
        if timer is not None:
            timer.drop()
        for answer in waiting:
            answer.ring(None)
