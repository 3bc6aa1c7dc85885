"""Messages for many processes, which cost one entry in the run queue and no mailbox where they rest.

Each process that rests gets the same `Shared` queue. Whatever else comes for it meanwhile, from anyone, goes behind
that queue's messages, as it would in a mailbox. The broadcast's turn then takes one worker from process to process; it
skips those that have made a mailbox of their own in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from operator import length_hint
from typing import Any, Final

from greenroom.foundation.current_task import CURRENT
from greenroom.foundation.handling import SLICE
from greenroom.foundation.mailbox import BUSY, COROUTINE, NOTHING, Message, Shared
from greenroom.foundation.namespace import Namespace
from greenroom.foundation.process import Process
from greenroom.foundation.reply import is_awaited
from greenroom.foundation.server import Server
from greenroom.foundation.worker import DONE, FAILED, Worker

MOST: Final = 100
"""How many messages may wait in a shared queue; those that come later go to mailboxes."""


class Audience:
    """Processes of one namespace that are told the same."""

    __slots__ = ("_latest", "_most", "_namespace", "_processes")

    def __init__(self, processes: Sequence[Process[Any]], namespace: Namespace, most: int = MOST) -> None:
        self._processes = processes
        self._namespace = namespace
        self._most = min(most, MOST)
        self._latest: Broadcast | None = None

    def tell(self, event: object) -> list[Process[Any]]:
        """Let all that rest get the event in `handle_info`; answers the others, who got nothing yet.

        Those whom the event before still waits for count as resting, up to `most` events.
        """
        latest = self._latest
        # None is no process's queue below: those that rest have been sorted out by then.
        waiting = latest.shared if latest is not None and latest.takes(self._most) else None
        shared: Shared | None = None
        resting: list[Process[Any]] = []
        others: list[Process[Any]] = []
        for process in self._processes:
            queue = process.queue
            if queue is None:
                if shared is None:
                    shared = Shared(event)
                process.queue = shared
                resting.append(process)
            elif queue is not waiting:
                others.append(process)
        if waiting is not None:
            waiting.events.append(event)
        if shared is not None:
            self._latest = Broadcast(shared, resting, self._namespace)
            self._namespace.scheduler.schedule(self._latest)
        return others


class Broadcast:
    """A walk through the processes that share a queue."""

    __slots__ = ("_ahead", "_begun", "_messages", "_namespace", "_worker", "shared")

    def __init__(self, shared: Shared, processes: Sequence[Process[Any]], namespace: Namespace) -> None:
        self.shared = shared
        self._ahead = iter(processes)
        self._namespace = namespace
        self._begun = False
        self._messages: dict[type[Server], list[Message]] = {}
        self._worker: Worker | None = None

    @property
    def server(self) -> object:
        """Nothing: every handler runs on the server of its own process."""
        return None

    def takes(self, most: int) -> bool:
        """Whether another event may go into the queue: nobody has begun to handle it, and there is room."""
        return not self._begun and len(self.shared.events) < most

    def run_slice(self) -> None:
        """Let some of the processes handle the events; in a later turn the others."""
        scheduler = self._namespace.scheduler
        before = length_hint(self._ahead)
        failure = self._step()
        ahead = length_hint(self._ahead)
        scheduler.credit -= (before - ahead) * len(self.shared.events)
        if ahead:
            scheduler.schedule(self)
        if failure is not None:
            raise failure

    async def drain(self) -> None:
        """Go from process to process; driven by a worker, which stays with the first that asks for more than a turn."""
        self._begun = True
        worker = self._worker
        assert worker is not None
        if len(self.shared.events) == 1:
            await self._tell_one(worker)
        else:
            await self._tell_many(worker)

    def demand(self) -> None:
        """Do nothing: no handler that could be interrupted is the broadcast's own."""

    def disturb(self) -> None:
        """Do nothing: what a handler asks for, its own process hears."""

    def remember(self, message: Message) -> None:
        """Do nothing: the process was told already."""

    def resumed(self, worker: Worker, signal: object, outcome: object, waiter: object) -> None:
        """Do nothing: a handler that suspended belongs to its own process."""

    async def _tell_one(self, worker: Worker) -> None:
        shared, event = self.shared, self.shared.events[0]
        context, pristine = worker.context, self._namespace.pristine
        for process in islice(self._ahead, SLICE):
            if process.queue is not shared:
                continue
            process.queue = BUSY
            process.worker = worker
            worker.process = process
            try:
                outcome = process.server.__info__(event)
                if isinstance(outcome, COROUTINE) or (outcome is not None and is_awaited(outcome)):
                    await outcome
            except BaseException as error:  # whatever ends a handler is the process's exit reason
                if worker.is_closed:
                    raise
                process.remember((process.server.__class__.__info__, (event,), NOTHING, None))
                process.failed(error, None)
            if process.queue is not BUSY or context != pristine or worker.detached:
                return
            process.queue = None
        worker.process = None

    async def _tell_many(self, worker: Worker) -> None:
        shared = self.shared
        context, pristine = worker.context, self._namespace.pristine
        for process in islice(self._ahead, max(1, SLICE // len(shared.events))):
            if process.queue is not shared:
                continue
            process.queue = BUSY
            process.worker = worker
            worker.process = process
            process.backlog = iter(self._messages_for(process.server.__class__))
            await process.drain()
            if process.queue is not BUSY or context != pristine or worker.detached:
                return
            process.backlog = None
            process.queue = None
        worker.process = None

    def _messages_for(self, server: type[Server]) -> list[Message]:
        found = self._messages.get(server)
        if found is None:
            function = server.__info__
            found = self._messages[server] = [(function, (event,), NOTHING, None) for event in self.shared.events]
        return found

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
