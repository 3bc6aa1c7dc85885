"""How a process handles messages: one at a time, inline where it can, from its mailbox otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from operator import length_hint
from sys import getrecursionlimit, setrecursionlimit
from typing import Any, Final

from greenroom.foundation import telemetry
from greenroom.foundation.answering import INTERRUPTIONS, Answering, interrupt
from greenroom.foundation.batch import merged
from greenroom.foundation.current_task import CURRENT
from greenroom.foundation.exits import KILLED
from greenroom.foundation.mailbox import (
    BUSY,
    CLOSED,
    COROUTINE,
    NOTHING,
    RESTING,
    Arguments,
    Function,
    Keywords,
    Mailbox,
    Message,
    Waiter,
)
from greenroom.foundation.ref import Timeout
from greenroom.foundation.reply import is_awaited
from greenroom.foundation.report import identity
from greenroom.foundation.worker import DONE, FAILED, Worker

GROWN: Final = ("greenroom", "mailbox", "grown")
LONG: Final = 1000
"""From how many messages on telemetry is told of a mailbox, each time that the process begins with it."""

HEADROOM: Final = 100
"""How many more calls may be within each other while the event loop is told that the stack is full."""

SLICE: Final = 128
"""How many messages one process handles before the others have their turn."""


def answer_system(server: Any, function: Function, args: Arguments) -> object:
    """The message that asks something of the process which its server does not hear of: OTP's system messages."""
    return function(server, *args)


class Handling(Answering):
    """A process and the turns that it has."""

    __slots__ = ()

    def deliver(self, message: Message) -> None:
        """Handle a message now if the process rests, in its turn otherwise."""
        queue = self.queue
        if (queue is None or queue is RESTING) and self.crew():
            self._handle(message)
        else:
            self.put(message)

    def run_slice(self) -> None:
        """Handle some of the messages that wait, in a worker driven by hand."""
        queue, ties = self.queue, self.ties
        if queue is CLOSED or (ties is not None and ties.suspended and not self.is_ending):
            return
        if not self.crew():
            self._wait_for_worker()
            return
        if queue and len(queue) == 1 and self.control is None and self.backlog is None and not self.observed:
            self.queue = BUSY
            self._handle(queue[0])
            return
        before = len(self.queue or ()) if self.backlog is None else length_hint(self.backlog)
        worker = self.enter()
        signal = self.run(worker, None, (), NOTHING)
        # Each message spends, and not each slice: a flood of them would hold up the loop for as long as it lasts.
        self.namespace.scheduler.credit -= before - (0 if self.backlog is None else length_hint(self.backlog))
        if signal is DONE or signal is FAILED:
            failure = worker.result if signal is FAILED else None
            self.leave(worker)
            self.settle()
            if failure is not None:
                raise failure
        else:
            self.suspended(worker, signal, None)

    def _handle(self, message: Message) -> None:
        # A message that waits alone needs no slice.
        function, args, kwargs, waiter = message
        worker = self.enter()
        signal = self.run(worker, function, args, kwargs)
        outcome = worker.result
        if signal is DONE:
            self.leave(worker)
            if waiter is not None:
                self.answer(waiter, outcome)
            self.settle()
        elif signal is FAILED:
            self.leave(worker)
            self.failed(outcome, waiter)
            self.settle()
        else:
            self.suspended(worker, signal, waiter)

    async def drain(self) -> None:
        """Handle a slice of the messages, the oldest first; driven by a worker."""
        message: Message | None = None
        waiter: Waiter | None = None
        try:
            if self.control is not None and await self.obey():
                return
            server = self.server
            for message in islice(self._waiting(), SLICE):
                function, args, kwargs, waiter = message
                outcome = function(server, *args, **kwargs)
                if isinstance(outcome, COROUTINE) or (outcome is not None and is_awaited(outcome)):
                    outcome = await outcome
                if waiter is not None:
                    self.answer(waiter, outcome)
                if self.control is not None:
                    return
        except BaseException as error:  # whatever ends a handler is the process's exit reason
            if self.worker is not None and self.worker.is_closed and self.queue is not CLOSED:
                # Its loop is over, and nobody there to hear of it. Of a kill, the caller of this message has not heard.
                raise
            if message is not None:
                self.remember(message)
            self.failed(error, waiter)

    def remember(self, message: Message) -> None:
        """Keep the message that its handler failed at, for the report."""
        self.tie().last = message

    def resumed(self, worker: Worker, signal: object, outcome: Any, waiter: Waiter | None) -> None:
        """Go on after a request that had been suspended."""
        if self.queue is CLOSED:
            return
        if not worker.is_clean():
            self._adopt(worker)
        if self.control is not None and self.control.starting and waiter is not None:
            self._begun(signal, outcome, waiter)
            return
        if signal is FAILED:
            self.failed(outcome, waiter)
        elif waiter is not None:
            self.answer(waiter, outcome)
        self.settle()

    def suspended(self, worker: Worker, awaited: object, waiter: Waiter | None) -> None:
        """Hand a handler that suspended over to the event loop; its answer goes to `waiter`."""
        worker.detach(awaited, waiter)
        if self.control is not None and self.control.exit is not None:
            # The signal came while the handler was on the stack.
            if self.control.exit.reason == KILLED:
                self.kill()
            else:
                worker.cancel()

    def crew(self) -> list[Worker]:
        """The workers that may run its handlers: its own, if one holds its context variables."""
        home = None if self.ties is None else self.ties.home
        return self.namespace.pool if home is None else home

    def enter(self) -> Worker:
        """Take a worker for a turn."""
        ties = self.ties
        if self.queue is None or self.queue is RESTING:
            self.queue = BUSY
        if ties is None:
            crew = self.namespace.pool
        else:
            if ties.idle is not None:
                ties.idle.drop()
                ties.idle = None
            crew = self.namespace.pool if ties.home is None else ties.home
        self.worker = worker = crew.pop()
        worker.process = self
        return worker

    def run(self, worker: Worker, function: Function | None, args: Arguments, kwargs: Keywords) -> object:
        """Drive the worker by hand: this function, or the mailbox. Answers the worker's signal."""
        scheduler = self.namespace.scheduler
        scheduler.credit -= 1
        loop = scheduler.loop
        before = CURRENT.get(loop)
        CURRENT[loop] = worker.task
        try:
            signal = worker.run(worker.send, (self, function, args, kwargs))
        except RecursionError as error:
            # The stack was full before the handler began, or as its end was noted: not even a function of ours would
            # find room. The caller gets the error, and once its stack is gone, this process ends with it.
            limit = getrecursionlimit()
            setrecursionlimit(limit + HEADROOM)
            loop.call_soon(self.collapse, worker, error, limit)
            raise
        finally:
            if before is None:
                del CURRENT[loop]
            else:
                CURRENT[loop] = before
        return signal

    def collapse(self, worker: Worker, error: RecursionError, limit: int) -> None:
        """End, since there was no room for the handler; and take back the room that was made to say so."""
        setrecursionlimit(min(limit, getrecursionlimit()))
        worker.cut_off()
        self.failed(error, None)
        self.settle()

    def leave(self, worker: Worker) -> None:
        """Give the worker back after a turn."""
        worker.process = worker.result = None
        if worker.is_clean() or self._adopt(worker):
            self.namespace.welcome(worker)

    def settle(self) -> None:
        """Do what comes next once no handler runs: its end, more messages, or rest."""
        if self.queue is BUSY and self.control is None and self.ties is None and self.backlog is None:
            # As nearly always.
            self.queue = None
            return
        if self.queue is CLOSED:
            return
        control = self.control
        if control is not None:
            self.carry_out()
            if control.exit is not None:
                self.die(control.exit.reason)
                return
        if self.ties is not None and self.ties.suspended and not self.is_ending:
            self.disturb()
            return
        if self.backlog is not None and not length_hint(self.backlog):
            self.backlog = None
        if self.backlog is not None or self.queue or (control is not None and control.is_work):
            self.namespace.scheduler.schedule(self)
        else:
            self._rest()

    # Steps of the above.

    def _wait_for_worker(self) -> None:
        if self.ties is None or self.ties.home is None:
            self.namespace.hire()
        # A new worker is there after a turn of the loop, so this turn is over.
        self.namespace.scheduler.credit = 0
        self.namespace.scheduler.schedule(self)

    def _adopt(self, worker: Worker) -> bool:
        # A handler set a context variable: it belongs to this server, so the worker does from now on.
        if self.queue is CLOSED:
            worker.close()
            return False
        if worker.home is None:
            worker.home = self.tie().home = []
        return True

    def _waiting(self) -> Iterator[Message]:
        if self.backlog is None:
            queue = self.queue or Mailbox()
            if len(queue) >= LONG and telemetry.bus.listening:
                telemetry.execute(GROWN, {"messages": len(queue)}, identity(self))
            self.backlog = iter(list(merged(queue)) if self.server.__batches__ else queue)
            self.queue = BUSY
            if self.ties is not None and self.ties.observer is not None:
                self.backlog = self.ties.observer.watching(self.backlog)
        return self.backlog if self.control is None else self._disturbing(self.backlog)

    def _disturbing(self, waiting: Iterator[Message]) -> Iterator[Message]:
        # A message came, so `self.idle` of an earlier one no longer holds. To look at the process does not disturb it.
        for message in waiting:
            if message[0] is not answer_system:
                self.control = None
            yield message

    def _rest(self) -> None:
        control, self.control = self.control, None
        if control is not None and control.idle is not None:
            self.tie().idle = self.namespace.scheduler.timers.schedule(control.idle, self._idled)
        ties = self.ties
        plain = ties is None or (ties.home is None and ties.idle is None and ties.observer is None)
        self.queue = None if plain else RESTING

    def _idled(self) -> None:
        if self.queue is RESTING:
            self.put((self.server.__class__.__info__, (Timeout(),), NOTHING, None))

    def _begun(self, signal: object, outcome: Any, waiter: Waiter) -> None:
        # The end of an `init` that had been suspended.
        if signal is DONE:
            if not waiter.done():
                waiter.set_result(outcome)
            return
        if isinstance(outcome, INTERRUPTIONS):
            self.namespace.scheduler.loop.call_soon(interrupt, outcome)
        self.tie().promise(waiter)
        ending = None if self.control is None else self.control.exit
        self.die(self.reason_of(outcome) if ending is None else ending.reason)
