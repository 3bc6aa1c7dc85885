"""One scheduler for each event loop: the run queue, the reductions, the timers.

The budget is the BEAM's reduction counter. Calls that run inline and messages that are drained spend it; when it is
spent, callers let the event loop turn once, so that I/O, timers and other processes go on under any load.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Generator
from types import coroutine
from typing import Any, Final, Protocol
from weakref import ref

from greenroom.foundation.clock import Clock, SystemClock
from greenroom.foundation.timer import TimerWheel

BUDGET: Final = 1000
LEAST: Final = 8


class Runnable(Protocol):
    """A process with messages to handle."""

    def run_slice(self) -> None:
        """Handle a bounded number of them; it asks the scheduler again if more wait."""
        ...


class Scheduler:
    """Decides what runs next on one event loop."""

    __slots__ = (
        "_handle",
        "_leaving",
        "_paused",
        "_ready",
        "_turning",
        "clock",
        "credit",
        "falling",
        "is_ending",
        "is_running",
        "loop",
        "thread",
        "timers",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock | None = None) -> None:
        self.loop = loop
        self.is_running = loop.is_running
        # Whether the loop is about to be closed: its tasks were cancelled, and processes end with them, in silence.
        self.is_ending = False
        # The tasks that it had then, as far as they may not be over. Nobody else may keep them any more.
        self._leaving: list[ref[asyncio.Task[Any]]] = []
        # The thread in which the loop was last asked for: `HERE.thread` there.
        self.thread: object = None
        self.clock: Clock = clock or SystemClock()
        self.credit = BUDGET
        # The processes that are to hear of an end, while one is told; None otherwise.
        self.falling: deque[tuple[Any, object, object]] | None = None
        self._paused = 0
        self._ready: deque[Runnable] = deque()
        self._turning = False
        self._handle: asyncio.TimerHandle | None = None
        self.timers = TimerWheel(self.clock, self._arm)

    def schedule(self, process: Runnable) -> None:
        """Run a slice of the process in this turn of the loop or the next."""
        self._ready.append(process)
        if not self._turning:
            self.loop.call_soon(self._turn)
            # After it: a call that finds the stack full must not keep all that follow from asking.
            self._turning = True

    def close_soon(self) -> None:
        """Take the loop, which stands still, for one that is about to be closed: a task of it is being cancelled."""
        if not self.is_ending:
            self.is_ending = True
            self._leaving = [ref(task) for task in asyncio.all_tasks(self.loop)]
            self.loop.call_soon(self._look_around)
            # Whoever needs a namespace from now on takes the long way, where `look_again` is.
            self.thread = None

    def look_again(self) -> None:
        """Take that back if all who were cancelled are over: code outside of processes that still runs goes on."""
        while self._leaving and ((task := self._leaving[-1]()) is None or task.done()):
            self._leaving.pop()
        self.is_ending = bool(self._leaving)

    @property
    def is_idle(self) -> bool:
        """Whether no process waits for its turn."""
        return not self._ready and not self._turning

    @coroutine
    def pause(self) -> Generator[None, None, None]:
        """Let the loop turn once. Everyone who pauses gets an equal share of the next budget."""
        self._paused += 1
        try:
            yield
            self.credit = max(LEAST, BUDGET // self._paused)
        finally:
            # Also for one that was cancelled meanwhile: it would have a share for ever.
            self._paused -= 1

    def _turn(self) -> None:
        ready = self._ready
        self.credit = BUDGET
        try:
            while ready and self.credit > 0:
                ready.popleft().run_slice()
        finally:
            # Also when a handler raised SystemExit or KeyboardInterrupt: the others must not be stranded.
            self._turning = bool(ready)
            if ready:
                self.loop.call_soon(self._turn)

    def _look_around(self) -> None:
        # Whoever closes a loop cancels all of its tasks before it runs again; to cancel one of them means nothing.
        tasks = [task for reference in self._leaving if (task := reference()) is not None]
        if not all(task.done() or task.cancelling() for task in tasks):
            self.is_ending, self._leaving = False, []

    def _arm(self, seconds: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self.loop.call_later(seconds, self.timers.run_due)


_schedulers: dict[asyncio.AbstractEventLoop, Scheduler] = {}


class _Here(threading.local):
    """One token for each thread, which is found faster than the running loop: that asks the system for its process."""

    def __init__(self) -> None:
        self.thread = object()


HERE: Final = _Here()


def current_scheduler() -> Scheduler:
    """The scheduler of the running event loop."""
    loop = asyncio.get_running_loop()
    scheduler = _schedulers.get(loop)
    if scheduler is None:
        scheduler = Scheduler(loop)
        install_scheduler(scheduler)
    scheduler.thread = None if scheduler.is_ending else HERE.thread
    return scheduler


def install_scheduler(scheduler: Scheduler) -> None:
    """Use this scheduler, with its clock, for its loop from now on; before the first process starts."""
    for loop in [loop for loop in _schedulers if loop.is_closed()]:
        del _schedulers[loop]
    _schedulers[scheduler.loop] = scheduler
