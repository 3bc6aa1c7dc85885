"""Where the outcome of a task arrives, and how its owner waits there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final, Generic, TypeVar

from greenroom.foundation.namespace import current_namespace
from greenroom.foundation.outcome import Exited, Outcome
from greenroom.foundation.seconds import limit_of

T = TypeVar("T")

_arrivals: Final = count()


class Answer(Generic[T]):
    """The place for one outcome, which can be taken once. What comes after that, or too late, is dropped here."""

    __slots__ = ("_listener", "arrival", "outcome", "spent")

    def __init__(self) -> None:
        self.outcome: Outcome[T] | None = None
        self.arrival = -1
        self.spent = False
        self._listener: Callable[[Outcome[T]], object] | None = None

    @property
    def settled(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.spent or self.outcome is not None

    def arrive(self, outcome: Outcome[T]) -> None:
        """Put the outcome here, unless there is one: what a task answered counts, and not how it ended afterwards."""
        if not self.settled:
            self.outcome = outcome
            self.arrival = next(_arrivals)
            if self._listener is not None:
                self._listener(outcome)

    def take(self) -> Outcome[T] | None:
        """What has arrived; nothing more will."""
        outcome, self.outcome = self.outcome, None
        self.spent = True
        return outcome

    def listen(self, listener: Callable[[Outcome[T]], object] | None) -> None:
        """Call this with the outcome when it arrives."""
        self._listener = listener


async def wait_for(
    answers: Sequence[Answer[Any]], wanted: int, seconds: float | None, *, fail_fast: bool = False
) -> None:
    """Wait until so many of the answers are settled, or one has failed if that is enough, or the time is up.

    Raises:
        ValueError: the time is no number of seconds.
    """
    seconds = limit_of("timeout", seconds)
    missing = wanted - sum(answer.settled for answer in answers)
    if missing <= 0 or (fail_fast and any(isinstance(answer.outcome, Exited) for answer in answers)):
        return
    scheduler = current_namespace().scheduler
    if seconds is not None and seconds <= 0:
        # The others get a turn, so that whoever asks again and again gets an answer one day.
        await scheduler.pause()
        return
    over = scheduler.loop.create_future()

    def wake() -> None:
        if not over.done():
            over.set_result(None)

    def note(outcome: Outcome[Any]) -> None:
        nonlocal missing
        missing -= 1
        if missing <= 0 or (fail_fast and isinstance(outcome, Exited)):
            wake()

    timer = None if seconds is None else scheduler.timers.schedule(seconds, wake)
    try:
        for answer in answers:
            answer.listen(note)
        await over
    finally:
        if timer is not None:
            timer.drop()
        for answer in answers:
            answer.listen(None)
