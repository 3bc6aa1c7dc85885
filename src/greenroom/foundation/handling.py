"""How a process handles messages: one at a time, inline where it can, from its mailbox otherwise.

A process's `queue` says what state it is in. None: idle, a call may run inline. `RESTING`: idle as well, but
something else is to be done first, such as stopping an idle timer. `BUSY`: a handler runs and nothing waits.
`CLOSED`: it has ended. A `Shared` one: a broadcast will come by with its messages. Anything else: messages wait, and it
has its turn on the scheduler or is running.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterator
from itertools import islice
from operator import length_hint
from typing import Any, Final, NoReturn

from greenroom.foundation import telemetry
from greenroom.foundation.batch import merged
from greenroom.foundation.errors import Rejected
from greenroom.foundation.exits import KILLED, reason_of
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
    Shared,
    Waiter,
)
from greenroom.foundation.namespace import Name, Namespace
from greenroom.foundation.ref import Timeout
from greenroom.foundation.reply import REPLY
from greenroom.foundation.server import Server
from greenroom.foundation.ties import Control, Ending, Ties
from greenroom.foundation.worker import CURRENT, DONE, FAILED, Worker

logger = logging.getLogger("greenroom.process")

GROWN: Final = ("greenroom", "mailbox", "grown")
LONG: Final = 1000
"""From how many messages on telemetry is told of a mailbox, each time that the process begins with it."""

SLICE: Final = 128
"""How many messages one process handles before the others have their turn."""

INTERRUPTIONS: Final = (KeyboardInterrupt, SystemExit)
"""What is meant for the program: the process ends, and the event loop passes it on."""


class Ended(Exception):
    """What a waiter gets when the process ends first; the caller's error is made where the method is known."""

    def __init__(self, reason: object) -> None:
        super().__init__()
        self.reason = reason


class Handling:
    """A server, its mailbox, and the turn that it has."""

    __slots__ = ("backlog", "control", "name", "namespace", "parent", "queue", "server", "ties", "worker")

    def __init__(self, server: Server, namespace: Namespace, name: Name | None) -> None:
        self.server: Any = server
        self.namespace = namespace
        self.name = name
        self.parent: Any = None
        self.queue: Mailbox | None = BUSY
        self.backlog: Iterator[Message] | None = None
        self.worker: Worker | None = None
        self.ties: Ties | None = None
        self.control: Control | None = None
        server.__process__ = self

    @property
    def resting(self) -> bool:
        """Whether a message would be handled at once."""
        return self.queue is None or self.queue is RESTING

    @property
    def waiting(self) -> int:
        """How many messages wait for it."""
        behind = len(self.queue.events) if type(self.queue) is Shared else len(self.queue or ())
        return behind if self.backlog is None else behind + length_hint(self.backlog)

    @property
    def halted(self) -> bool:
        """Whether it keeps all messages waiting, since it was asked to; see `System.suspend`."""
        return self.ties is not None and self.ties.suspended

    def was_used(self) -> bool:
        """Whether it has handled a message since this was last asked, or does now: for whoever ends what is idle."""
        if not self.resting:
            return True
        # Every turn notes its worker, so that not even the fastest call pays for this.
        used, self.worker = self.worker is not None, None
        return used

    def put(self, message: Message) -> bool:
        """Let a message wait for its turn; False when the process is gone."""
        queue = self.queue
        if queue is CLOSED:
            return False
        if queue is None or queue is RESTING:
            self.queue = Mailbox((message,))
            self.namespace.scheduler.schedule(self)
        elif queue is BUSY:
            self.queue = Mailbox((message,))
        elif type(queue) is Shared:
            self._leave_broadcast(queue)
            self.put(message)
        else:
            queue.append(message)
        return True

    def deliver(self, message: Message) -> None:
        """Handle a message now if the process rests, in its turn otherwise."""
        if self.resting and self.crew():
            self.queue = Mailbox((message,))
            self.run_slice()
        else:
            self.put(message)

    def tie(self) -> Ties:
        """Its ties, made on first use."""
        if self.ties is None:
            self.ties = Ties()
        return self.ties

    def demand(self) -> Control:
        """What it is asked to do after the running handler; made on first use."""
        self.disturb()
        if self.control is None:
            self.control = Control()
        if self.resting:
            # Asked from outside of a handler, by a task that the server has made.
            self.queue = Mailbox()
            self.namespace.scheduler.schedule(self)
        return self.control

    def disturb(self) -> None:
        """Look for what else is to be done once the running handler is through."""
        if self.queue is BUSY:
            self.queue = Mailbox()
        elif type(self.queue) is Shared:
            self._leave_broadcast(self.queue)

    @abstractmethod
    def die(self, reason: object) -> None:
        """End now."""

    @abstractmethod
    def kill(self) -> None:
        """End now, even in the middle of a handler."""

    # Turns.

    def run_slice(self) -> None:
        """Handle some of the messages that wait, in a worker driven by hand."""
        if self.queue is CLOSED or (self.ties is not None and self.ties.suspended and not self._is_ending()):
            return
        if not self.crew():
            self._wait_for_worker()
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

    async def drain(self) -> None:
        """Handle a slice of the messages, the oldest first; driven by a worker."""
        message: Message | None = None
        waiter: Waiter | None = None
        try:
            if self.control is not None and await self._obey():
                return
            server = self.server
            for message in islice(self._waiting(), SLICE):
                function, args, kwargs, waiter = message
                outcome = function(server, *args, **kwargs)
                if isinstance(outcome, COROUTINE):
                    outcome = await outcome
                if waiter is not None:
                    self.answer(waiter, outcome)
                if self.control is not None:
                    return
        except GeneratorExit:
            if waiter is not None and not waiter.done():
                waiter.set_exception(Ended(KILLED))
            raise
        except BaseException as error:  # whatever ends a handler is the process's exit reason
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
                worker.task.cancel()

    def crew(self) -> list[Worker]:
        """The workers that may run its handlers: its own, if one holds its context variables."""
        home = None if self.ties is None else self.ties.home
        return self.namespace.pool if home is None else home

    def enter(self) -> Worker:
        """Take a worker for a turn."""
        if self.queue is None or self.queue is RESTING:
            self.queue = BUSY
        if self.ties is not None and self.ties.idle is not None:
            self.ties.idle.drop()
            self.ties.idle = None
        self.worker = worker = self.crew().pop()
        worker.process = self
        return worker

    def run(self, worker: Worker, function: Function | None, args: Arguments, kwargs: Keywords) -> object:
        """Drive the worker by hand: this function, or the mailbox. Answers the worker's signal."""
        scheduler = self.namespace.scheduler
        scheduler.credit -= 1
        loop = scheduler.loop
        before = CURRENT.get(loop)
        CURRENT[loop] = worker.task
        signal = worker.run(worker.send, (self, function, args, kwargs))
        if before is None:
            del CURRENT[loop]
        else:
            CURRENT[loop] = before
        return signal

    def leave(self, worker: Worker) -> None:
        """Give the worker back after a turn."""
        worker.process = worker.result = None
        if worker.is_clean() or self._adopt(worker):
            self.namespace.welcome(worker)

    def settle(self) -> None:
        """Do what comes next once no handler runs: its end, more messages, or rest."""
        if self.queue is CLOSED:
            return
        control = self.control
        if control is not None and control.exit is not None:
            self.die(control.exit.reason)
            return
        if self.ties is not None and self.ties.suspended and not self._is_ending():
            self.disturb()
            return
        if self.backlog is not None and not length_hint(self.backlog):
            self.backlog = None
        if self.backlog is not None or self.queue or (control is not None and control.is_work):
            self.namespace.scheduler.schedule(self)
        else:
            self._rest()

    def failed(self, error: BaseException, waiter: Waiter | None) -> None:
        """End, by way of `terminate` if there is one, since a handler raised; a `Rejected` is its caller's alone."""
        if isinstance(error, Rejected):
            self.tie().last = None
            self.reject(error, waiter)
            return
        if self.queue is CLOSED:
            # Killed while its handler ran, which would not have it; the caller still waits.
            if waiter is not None and not waiter.done():
                waiter.set_exception(Ended(KILLED))
            return
        if isinstance(error, INTERRUPTIONS):
            # First of all, so that the loop does nothing else before. Raised here, it would take the worker along.
            self.namespace.scheduler.loop.call_soon(_interrupt, error)
        if waiter is not None:
            self.tie().promises[waiter] = None
        self.end_by(error)

    def end_by(self, error: BaseException) -> None:
        """End for this reason, unless there is another already; by way of `terminate` if there is one."""
        control = self.control
        if control is not None and control.exit is not None:
            self.die(control.exit.reason)
        elif "terminate" in self.server.__hooks__:
            self.demand().stop = Ending(reason_of(error))
        else:
            self.die(reason_of(error))

    # Answers.

    def answer(self, waiter: Waiter, outcome: Any) -> None:
        """Answer a caller; after `terminate` has run, if this handler stopped the process, as in OTP."""
        control = self.control
        if control is not None and (control.stop is not None or control.exit is not None):
            control.answers.append((waiter, outcome))
            self.tie().promises[waiter] = None
        else:
            self.hand(waiter, outcome)

    def hand(self, waiter: Waiter, outcome: Any) -> None:
        """Give an outcome to a waiter, now or when the `Reply` is there."""
        if isinstance(outcome, REPLY):
            if not outcome.done:
                self.tie().promises[waiter] = None
            outcome.attach(waiter)
        elif not waiter.done():
            waiter.set_result(outcome)

    def reject(self, error: Rejected, waiter: Waiter | None) -> None:
        """Give a caller the error that its request met, or the log if nobody waits for an answer."""
        if waiter is None:
            logger.warning("%s rejected a message: %s", self, error)
        elif not waiter.done():
            waiter.set_exception(error)

    # Steps of the above.

    def _leave_broadcast(self, queue: Shared) -> None:
        # Something else is to come after its messages and before the broadcast's turn.
        function = self.server.__class__.__info__
        self.queue = Mailbox([(function, (event,), NOTHING, None) for event in queue.events])
        self.namespace.scheduler.schedule(self)

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
                telemetry.execute(GROWN, {"messages": len(queue)}, {"process": self})
            self.backlog = iter(list(merged(queue)) if self.server.__batches__ else queue)
            self.queue = BUSY
            if self.ties is not None and self.ties.observer is not None:
                self.backlog = self.ties.observer.watching(self.backlog)
        if self.control is not None and length_hint(self.backlog):
            # A message came, so `self.idle` of an earlier one no longer holds.
            self.control = None
        return self.backlog

    def _rest(self) -> None:
        control, self.control = self.control, None
        if control is not None and control.idle is not None:
            self.tie().idle = self.namespace.scheduler.timers.schedule(control.idle, self._idled)
        ties = self.ties
        plain = ties is None or (ties.home is None and ties.idle is None and ties.observer is None)
        self.queue = None if plain else RESTING

    def _is_ending(self) -> bool:
        # That much a suspended process does.
        return self.control is not None and self.control.is_end

    def _idled(self) -> None:
        if self.queue is RESTING:
            self.put((self.server.__class__.__info__, (Timeout(),), NOTHING, None))

    async def _obey(self) -> bool:
        # Continuations come before any message; an end comes before everything. True when the process is gone.
        control = self.control
        while control is not None and control.stop is None and control.exit is None and control.continuations:
            function, args, kwargs, _ = control.continuations.pop(0)
            outcome = function(self.server, *args, **kwargs)
            if isinstance(outcome, COROUTINE):
                await outcome
        if control is None or control.stop is None:
            return control is not None and control.exit is not None
        reason = await self._terminate(control.stop.reason)
        if control.exit is None:
            for waiter, outcome in control.answers:
                self.hand(waiter, outcome)
            self.die(reason)
        return True

    async def _terminate(self, reason: object) -> object:
        if "terminate" in self.server.__hooks__:
            try:
                await self.server.terminate(reason)
            except GeneratorExit:
                raise
            except BaseException as error:  # OTP: a terminate that fails gives the process its own reason
                if isinstance(error, INTERRUPTIONS):
                    self.namespace.scheduler.loop.call_soon(_interrupt, error)
                return reason_of(error)
        return reason

    def _begun(self, signal: object, outcome: Any, waiter: Waiter) -> None:
        # The end of an `init` that had been suspended.
        if signal is DONE:
            if not waiter.done():
                waiter.set_result(outcome)
            return
        if isinstance(outcome, INTERRUPTIONS):
            self.namespace.scheduler.loop.call_soon(_interrupt, outcome)
        self.tie().promises[waiter] = None
        ending = None if self.control is None else self.control.exit
        self.die(reason_of(outcome) if ending is None else ending.reason)


def _interrupt(error: BaseException) -> NoReturn:
    raise error
