"""Which workers are at hand, for processes of one namespace."""

from __future__ import annotations

import contextvars
from typing import Final

from greenroom.foundation.scheduler import Scheduler
from greenroom.foundation.worker import Worker

INLINE: Final = 32
"""How many workers may be driven by hand at once: the depth of calls within calls before they go through a mailbox."""

RESERVE: Final = 1024
"""How many more stay parked for handlers that suspend."""


class Crew:
    """The workers of one namespace: those for inline calls, and a reserve."""

    __slots__ = ("label", "pool", "pristine", "reserve", "scheduler")

    def __init__(self, label: str, scheduler: Scheduler, pristine: contextvars.Context) -> None:
        self.label = label
        self.scheduler = scheduler
        self.pristine = pristine
        self.pool: list[Worker] = []
        self.reserve: list[Worker] = []
        for _ in range(4):
            self.hire()

    def hire(self) -> None:
        """Make one more worker; it joins in the next turn of the loop, when its task has parked itself."""
        Worker(self)

    def welcome(self, worker: Worker) -> None:
        """Take a parked worker back; not one that was cancelled or closed meanwhile, whose task is about to end."""
        if worker.parking.done():
            return
        if worker.home is not None:
            worker.home.append(worker)
        elif len(self.pool) < INLINE:
            self.pool.append(worker)
        elif len(self.reserve) < RESERVE:
            self.reserve.append(worker)
        else:
            worker.close()

    def refill(self) -> None:
        """Replace a worker whose handler suspended."""
        if self.reserve:
            self.pool.append(self.reserve.pop())
        elif not self.pool:
            self.hire()

    def dismiss(self, worker: Worker) -> None:
        """Never use this worker again; one that holds the context variables of a process hands them on."""
        for workers in (self.pool, self.reserve):
            if worker in workers:
                workers.remove(worker)
        if worker.home is not None and worker in worker.home:
            worker.home.remove(worker)
            worker.succeed()
