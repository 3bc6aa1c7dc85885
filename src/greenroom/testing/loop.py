"""An event loop that knows when nothing is left to do, and whose time a test may hold."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from math import inf
from selectors import DefaultSelector, SelectorKey
from time import monotonic
from typing import TypeVar, TypeVarTuple

from greenroom.foundation.clock import Clock

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Wish:
    """What somebody waits for, to be looked at whenever the loop has come to rest."""

    __slots__ = ("context", "deadline", "future", "holds", "hopeless", "patience")

    def __init__(
        self,
        future: asyncio.Future[float | None],
        holds: Callable[[], bool],
        hopeless: Callable[[], str] | None,
        patience: float,
    ) -> None:
        self.future = future
        self.holds = holds
        self.hopeless = hopeless
        self.patience = patience
        self.deadline = monotonic() + patience
        # Its conditions look up names, and belong to the namespace of whoever waits.
        self.context = contextvars.copy_context()

    @property
    def is_open(self) -> bool:
        """Whether somebody still waits for it."""
        return not self.future.done()

    def give_up(self, why: str) -> None:
        """Say what was expected, and why it will not come; who waits without an expectation goes on waiting."""
        if self.hopeless is not None:
            self.future.set_exception(AssertionError(f"{self.context.run(self.hopeless)}; {why}"))


class StageLoop(asyncio.SelectorEventLoop):
    """The standard event loop, with a clock that may be a test's and a wish list for the moments of rest."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock
        self.jobs = 0
        self.main: asyncio.Task[object] | None = None
        self.stuck: str | None = None
        # Tells who waits where, for messages of failure.
        self.standstill: Callable[[], str] = str
        self._wishes: list[Wish] = []
        self._threads = set(threading.enumerate())
        self._watched = _Watched(self)
        super().__init__(self._watched)

    def time(self) -> float:
        """The clock's time, or the machine's."""
        return super().time() if self.clock is None else self.clock.monotonic()

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Run in a thread; the loop is not at rest before it is over."""
        future = super().run_in_executor(executor, func, *args)
        self.jobs += 1
        future.add_done_callback(self._job_done)
        return future

    async def until(
        self, holds: Callable[[], bool], hopeless: Callable[[], str] | None = None, patience: float = inf
    ) -> float | None:
        """Wait for the first moment of rest in which `holds()`; answers the seconds to the next timer, if there is one.

        Raises:
            AssertionError: it does not hold, and nothing is left that could change it, or nothing has in so many real
                seconds of `patience`; `hopeless` says what was expected.
        """
        wish = Wish(self.create_future(), holds, hopeless, patience)
        self._wishes.append(wish)
        try:
            return await wish.future
        finally:
            self._wishes.remove(wish)

    def at_rest(self, seconds: float | None) -> bool:
        """Grant the wishes that can be granted; True when there is something to do again.

        It is called when every callback has run, and `seconds` are left to the next timer.
        """
        granted = [wish for wish in self._wishes if wish.is_open and wish.context.run(wish.holds)]
        for wish in granted:
            wish.future.set_result(seconds)
        return bool(granted) or self._lose_patience() or (self._is_final(seconds) and self._give_up(seconds))

    def sleeping_time(self, seconds: float | None) -> float | None:
        """How long to wait for the outside world: on a test's clock, until it says something or patience ends."""
        now = monotonic()
        times = [wish.deadline - now for wish in self._wishes if wish.is_open and wish.deadline < inf]
        if seconds is not None and self.clock is None:
            times.append(seconds)
        return max(0.0, min(times)) if times else None

    def _job_done(self, _: asyncio.Future[T]) -> None:
        self.jobs -= 1

    def _is_final(self, seconds: float | None) -> bool:
        # One file descriptor is the loop's own, by which threads wake it. Any other, and any new thread, may still act.
        alone = self._threads.issuperset(threading.enumerate())
        outside = self.jobs or len(self._watched.get_map()) > 1 or not alone
        # A thread that has ended since may have said something first.
        return not outside and (seconds is None or self.clock is not None) and not self._watched.peek()

    def _lose_patience(self) -> bool:
        late = [wish for wish in self._wishes if wish.is_open and wish.deadline <= monotonic()]
        for wish in late:
            wish.give_up(f"nothing made it so within {wish.patience:g} s{self.standstill()}")
        return bool(late)

    def _give_up(self, seconds: float | None) -> bool:
        hopeless = [wish for wish in self._wishes if wish.is_open and wish.hopeless is not None]
        if not hopeless and (self.main is None or self.stuck is not None):
            return False
        timers = "no timer is set" if seconds is None else f"the next timer is due in {seconds:g} s of the test's clock"
        why = f"nothing is left to do, and {timers}{self.standstill()}"
        for wish in hopeless:
            wish.give_up(why)
        if hopeless or self.main is None:
            return True
        self.stuck = f"expected the test to go on, but it waits, {why}"
        return self.main.cancel()


class _Watched(DefaultSelector):
    """Tells the loop before it falls asleep."""

    def __init__(self, loop: StageLoop) -> None:
        super().__init__()
        self._loop = loop

    def peek(self) -> bool:
        """Whether something has come from outside."""
        return bool(super().select(0))

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        events = super().select(0)
        if events or self._loop.at_rest(timeout):
            return events
        return super().select(self._loop.sleeping_time(timeout))
