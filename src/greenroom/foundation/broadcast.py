"""One message for many processes, which costs one entry in the run queue and no mailbox where they rest.

Each process that rests gets the same `Shared` queue. Whatever else comes for it meanwhile, from anyone, goes behind
that message, as it would in a mailbox. The broadcast's turn then takes one worker from process to process; it skips
those that have made a mailbox of their own in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from operator import length_hint
from typing import Any

from greenroom.foundation.handling import SLICE
from greenroom.foundation.mailbox import BUSY, COROUTINE, NOTHING, Shared
from greenroom.foundation.namespace import Namespace
from greenroom.foundation.process import Process
from greenroom.foundation.worker import CURRENT, DONE, FAILED, Worker


def broadcast(event: object, processes: Iterable[Process[Any]], namespace: Namespace) -> list[Process[Any]]:
    """Let all of these processes that rest get the event in `handle_info`; answers the others, who got nothing yet.

    All of them belong to the namespace.
    """
    shared = Shared(event)
    resting: list[Process[Any]] = []
    others: list[Process[Any]] = []
    for process in processes:
        if process.queue is None:
            process.queue = shared
            resting.append(process)
        else:
            others.append(process)
    if resting:
        namespace.scheduler.schedule(Broadcast(shared, resting, namespace))
    return others


class Broadcast:
    """A walk through the processes that share a queue."""

    __slots__ = ("_ahead", "_namespace", "_shared", "_worker")

    def __init__(self, shared: Shared, processes: Iterable[Process[Any]], namespace: Namespace) -> None:
        self._shared = shared
        self._ahead = iter(processes)
        self._namespace = namespace
        self._worker: Worker | None = None

    @property
    def server(self) -> object:
        """Nothing: every handler runs on the server of its own process."""
        return None

    def run_slice(self) -> None:
        """Let some of the processes handle the event; in a later turn the others."""
        scheduler = self._namespace.scheduler
        before = length_hint(self._ahead)
        failure = self._step()
        ahead = length_hint(self._ahead)
        scheduler.credit -= before - ahead
        if ahead:
            scheduler.schedule(self)
        if failure is not None:
            raise failure

    async def drain(self) -> None:
        """Go from process to process; driven by a worker, which stays with the first that asks for more than a turn."""
        worker, shared, event = self._worker, self._shared, self._shared.event
        assert worker is not None
        context, pristine = worker.context, self._namespace.pristine
        for process in islice(self._ahead, SLICE):
            if process.queue is not shared:
                continue
            process.queue = BUSY
            process.worker = worker
            worker.process = process
            try:
                outcome = process.server.__info__(event)
                if isinstance(outcome, COROUTINE):
                    await outcome
            except GeneratorExit:
                raise
            except BaseException as error:  # whatever ends a handler is the process's exit reason
                process.failed(error, None)
            if process.queue is not BUSY or context != pristine or worker.detached:
                return
            process.queue = None
        worker.process = None

    def disturb(self) -> None:
        """Do nothing: what a handler asks for, its own process hears."""

    def resumed(self, worker: Worker, signal: object, outcome: object, waiter: object) -> None:
        """Do nothing: a handler that suspended belongs to its own process."""

    def _step(self) -> BaseException | None:
        if not self._namespace.pool:
            self._wait_for_worker()
            return None
        worker = self._worker = self._namespace.pool.pop()
        loop = self._namespace.scheduler.loop
        CURRENT[loop] = worker.task
        signal = worker.run(worker.send, (self, None, (), NOTHING))
        del CURRENT[loop]
        process: Any = worker.process
        failure = worker.result if signal is FAILED else None
        if process is None:
            worker.result = None
            self._namespace.welcome(worker)
        elif signal is DONE or signal is FAILED:
            process.leave(worker)
            process.settle()
        else:
            process.suspended(worker, signal, None)
        return failure

    def _wait_for_worker(self) -> None:
        self._namespace.hire()
        # A new worker is there after a turn of the loop, so this turn is over.
        self._namespace.scheduler.credit = 0
