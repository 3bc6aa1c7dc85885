"""A process: a server, its mailbox, and its ties to others.

A call to an idle process runs the handler in the caller's turn, in a worker (see `worker`). Everything else waits in the
mailbox and is drained by the scheduler. One handler runs at a time, to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterator
from itertools import islice
from operator import length_hint
from types import CoroutineType, coroutine
from typing import Any, ClassVar, Concatenate, Final, ParamSpec, TypeVar

from greenroom.foundation.errors import (
    CallingSelf,
    CallTimeout,
    Deadlock,
    Ignored,
    NotAHandler,
    NotRunning,
    ServerDown,
    StartFailed,
)
from greenroom.foundation.exits import KILL, KILLED, NOPROC, NORMAL, reason_of
from greenroom.foundation.mailbox import (
    BUSY,
    CLOSED,
    MARKS,
    NOTHING,
    RESTING,
    Arguments,
    Function,
    Keywords,
    Mailbox,
    Message,
    Waiter,
)
from greenroom.foundation.namespace import Name, Namespace
from greenroom.foundation.ref import CALL_SECONDS, Down, Exit, Monitor, Ref, Timeout, Within
from greenroom.foundation.reply import Reply
from greenroom.foundation.report import report_end
from greenroom.foundation.ties import Control, Ending, Ties
from greenroom.foundation.timer import Timer
from greenroom.foundation.worker import CURRENT, DONE, FAILED, Worker, current_worker, running_processes

S_co = TypeVar("S_co", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")

SLICE: Final = 128
"""How many messages one process handles before the others have their turn."""


class Server:
    """What a process runs: the state, the handlers, and the hooks, of which these do nothing."""

    __slots__ = ("__process__",)

    __process__: Process[Any]
    __handlers__: ClassVar[dict[str, Function]] = {}
    __hooks__: ClassVar[frozenset[str]] = frozenset()

    async def init(self) -> None:
        """Run before the start returns; the name is taken already."""

    async def handle_info(self, message: object) -> None:
        """Take a message that is no call: a tick, a `Down`, an `Exit`, an event."""

    async def terminate(self, reason: object) -> None:
        """Run before the process ends in good order, or after a handler failed."""

    def child_ended(self, child: Process[Any], reason: object) -> Awaitable[None] | None:
        """Take the end of a process that was started with this one as its parent."""

    def orphans(self) -> list[Process[Any]]:
        """The children that can not go on when this process ends without its `terminate`."""
        return []


class Gone(Server):
    """In place of the server of a process that has ended."""

    __slots__ = ()


GONE: Final = Gone()


class _Ended(Exception):
    """What a waiter gets when the process ends first; the caller's error is made where the method is known."""

    def __init__(self, reason: object) -> None:
        super().__init__()
        self.reason = reason


class Process(Ref[S_co]):
    """One process. It is the address of itself: users know it as `Ref`."""

    __slots__ = ("backlog", "control", "name", "namespace", "parent", "queue", "server", "ties", "worker")

    def __init__(self, server: Server, namespace: Namespace, name: Name | None) -> None:
        self.server: Any = server
        self.namespace = namespace
        self.parent: Process[Any] | None = None
        self.name = name
        self.queue: Mailbox | None = BUSY
        self.backlog: Iterator[Message] | None = None
        self.worker: Worker | None = None
        self.ties: Ties | None = None
        self.control: Control | None = None
        server.__process__ = self

    # What others ask of it.

    async def call(  # noqa: D102  # the contract is Ref's
        self, method: Callable[Concatenate[S_co, P], Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        namespace = self.namespace
        scheduler = namespace.scheduler
        if self.queue is None and scheduler.credit > 0 and namespace.pool:
            function = self.server.__handlers__.get(method.__name__)
            if function is not None:
                # The one place where speed decides: `enter` and `leave`, written out.
                scheduler.credit -= 1
                self.queue = BUSY
                self.worker = worker = namespace.pool.pop()
                worker.process = self
                loop = scheduler.loop
                before = CURRENT[loop]
                CURRENT[loop] = worker.task
                signal = worker.run(worker.send, (self, function, args, kwargs))
                CURRENT[loop] = before
                if signal is DONE and self.queue is BUSY and worker.context == namespace.pristine:
                    outcome: Any = worker.result
                    self.queue = None
                    namespace.pool.append(worker)
                    if type(outcome) is not Reply:
                        return outcome  # type: ignore[no-any-return]
                    return await self._promised(outcome, method.__name__, CALL_SECONDS)
                return await self._settled(worker, signal, method.__name__, CALL_SECONDS)
        return await self.request(method, args, kwargs, CALL_SECONDS)

    async def request(
        self, method: Callable[..., object], args: Arguments, kwargs: Keywords, seconds: float | None
    ) -> Any:
        """Call with a deadline: inline when the process rests, otherwise through the mailbox."""
        name = method.__name__
        function = self._function(method, name, seconds)
        self._refuse_circle(name, seconds)
        if self.namespace.scheduler.credit <= 0:
            await self.namespace.scheduler.pause()
        if self.resting and self._crew_of():
            worker = self._enter()
            return await self._settled(worker, self._run(worker, function, args, kwargs), name, seconds)
        waiter = self.namespace.scheduler.loop.create_future()
        if not self.put((function, args, kwargs, waiter)):
            raise NotRunning(self, name, seconds)
        return await self._wait(waiter, name, seconds)

    def cast(self, method: Callable[Concatenate[S_co, P], object], /, *args: P.args, **kwargs: P.kwargs) -> None:  # noqa: D102
        function = self.server.__handlers__.get(method.__name__)
        if function is not None:
            self.put((function, args, kwargs, None))
        elif self.queue is not CLOSED:
            raise NotAHandler(type(self.server).__name__, method)

    def send(self, message: object) -> None:  # noqa: D102
        self.put((self.server.__class__.handle_info, (message,), NOTHING, None))

    def within(self, seconds: float | None) -> Ref[S_co]:  # noqa: D102
        return Within(self, seconds)

    async def stop(self, reason: object = NORMAL, timeout: float | None = None) -> None:  # noqa: D102
        self._refuse_circle("stop", timeout)
        if not self.put((_stop, (reason,), NOTHING, None)):
            raise NotRunning(self, "stop", timeout)
        waiter = self.gone()
        found = await self._wait(waiter, "stop", timeout)
        if found != reason:
            raise ServerDown(self, "stop", timeout, found)

    def exit(self, reason: object) -> None:  # noqa: D102
        if isinstance(reason, str) and reason == KILL:
            self.kill()
        else:
            worker = current_worker()
            self.signal(reason, worker.process if worker is not None else None)

    async def down(self) -> object:  # noqa: D102
        return NOPROC if self.queue is CLOSED else await self.gone()

    @property
    def alive(self) -> bool:  # noqa: D102
        return self.queue is not CLOSED

    def where(self) -> Ref[S_co] | None:  # noqa: D102
        return self if self.alive else None

    # Messages and signals.

    @property
    def resting(self) -> bool:
        """Whether a message would be handled at once."""
        return self.queue is None or self.queue is RESTING

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
        else:
            queue.append(message)
        return True

    def deliver(self, message: Message) -> None:
        """Handle a message now if the process rests, in its turn otherwise."""
        if self.resting and self._crew_of():
            self.queue = Mailbox((message,))
            self.run_slice()
        else:
            self.put(message)

    def signal(self, reason: object, sender: Any, *, orderly: bool = False) -> None:
        """Take an exit signal, as a link or another process sends it; an orderly one is the parent's."""
        if self.queue is CLOSED:
            return
        if self.ties is not None and self.ties.trapping:
            if orderly or (sender is not None and (sender is self.parent or sender is self.ties.starter)):
                self.put((_stop, (reason,), NOTHING, None))
            else:
                self.put((self.server.__class__.handle_info, (Exit(sender, reason),), NOTHING, None))
        elif not (isinstance(reason, str) and reason == NORMAL) or sender is self:
            self._end(reason)

    def link(self, other: Process[Any] | None) -> None:
        """Let each end with the other; OTP: a link to what is not there brings its exit signal at once."""
        if other is None or not other.alive:
            self.signal(NOPROC, other)
        elif other is not self:
            self.tie().links[other] = None
            other.tie().links[self] = None

    def unlink(self, other: Process[Any] | None) -> None:
        """Undo the link from both sides."""
        if other is not None:
            if self.ties is not None:
                self.ties.links.pop(other, None)
            if other.ties is not None:
                other.ties.links.pop(self, None)

    def monitor(self, ref: Ref[Any]) -> Monitor:
        """Get one `Down` when the other ends, at once if it is not there."""
        monitor = Monitor(ref)
        other = ref.where()
        if isinstance(other, Process):
            self.tie().watching[monitor] = other
            other.tie().watchers[monitor] = self._told
        else:
            self._told(monitor, NOPROC)
        return monitor

    def demonitor(self, monitor: Monitor) -> None:
        """Undo the monitor, and take its `Down` back if it waits already."""
        other = self.tie().watching.pop(monitor, None)
        if other is not None and other.ties is not None:
            other.ties.watchers.pop(monitor, None)
        else:
            if self.queue:
                self.queue[:] = [message for message in self.queue if not _is_down_of(message, monitor)]
            if self.backlog is not None:
                self.backlog = iter([message for message in self.backlog if not _is_down_of(message, monitor)])

    def _told(self, monitor: Monitor, reason: object) -> None:
        if self.ties is not None:
            self.ties.watching.pop(monitor, None)
        self.send(Down(monitor, monitor.ref, reason))

    def later(self, seconds: float, message: Message) -> Timer:
        """Put the message into the mailbox in this many seconds, unless the process ends before."""
        timers = self.tie().timers

        def tick() -> None:
            timers.pop(timer, None)
            self.put(message)

        timer = self.namespace.scheduler.timers.schedule(seconds, tick)
        timers[timer] = None
        return timer

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
        return self.control

    def disturb(self) -> None:
        """Look for what else is to be done once the running handler is through."""
        if self.queue is BUSY:
            self.queue = Mailbox()

    # Its start.

    async def begin(self, seconds: float | None) -> None:
        """Run `init`, then take messages.

        Raises:
            StartFailed: it raised, stopped, was ended or took too long; nothing is left of the process.
            Ignored: it declined.
        """
        if "init" in self.server.__hooks__:
            await self._initialise(seconds)
        self._settle()

    async def _initialise(self, seconds: float | None) -> None:
        kind = type(self.server).__name__
        control = self.control = Control()
        control.starting = True
        while not self.namespace.pool:
            self.namespace.hire()
            await asyncio.sleep(0)
        worker = self._enter()
        signal = self._run(worker, self.server.__class__.init, (), NOTHING)
        if signal is DONE:
            self._leave(worker)
        elif signal is FAILED:
            error = worker.result
            self._leave(worker)
            self.die(reason_of(error))
            raise StartFailed(kind, reason_of(error)) from error
        else:
            await self._initialised(worker, signal, kind, seconds)
        self._judge(control, kind)

    async def _initialised(self, worker: Worker, signal: object, kind: str, seconds: float | None) -> None:
        waiter = self.namespace.scheduler.loop.create_future()
        self._suspended(worker, signal, waiter)
        try:
            await self._wait(waiter, "init", seconds)
        except CallTimeout as error:
            self.kill()
            raise StartFailed(kind, error.reason) from error
        except ServerDown as error:
            raise StartFailed(kind, error.reason) from error.__cause__
        except asyncio.CancelledError:
            self.kill()
            raise

    def _judge(self, control: Control, kind: str) -> None:
        control.starting = False
        if control.ignored:
            self.die(NORMAL)
            raise Ignored(kind)
        ending = control.exit or control.stop
        if ending is not None:
            self.die(ending.reason)
            raise StartFailed(kind, ending.reason)

    def _begun(self, signal: object, outcome: object, waiter: Waiter) -> None:
        # The end of an `init` that had been suspended.
        if signal is DONE:
            if not waiter.done():
                waiter.set_result(None)
            return
        assert isinstance(outcome, BaseException)
        self.tie().promises[waiter] = None
        ending = None if self.control is None else self.control.exit
        self.die(reason_of(outcome) if ending is None else ending.reason)

    # Running handlers.

    def run_slice(self) -> None:
        """Handle some of the messages that wait, in a worker driven by hand."""
        if self.queue is CLOSED:
            return
        if not self._crew_of():
            self._wait_for_worker()
            return
        worker = self._enter()
        signal = self._run(worker, None, (), NOTHING)
        if signal is DONE or signal is FAILED:
            failure = worker.result if signal is FAILED else None
            self._leave(worker)
            self._settle()
            if failure is not None:
                raise failure
        else:
            self._suspended(worker, signal, None)

    @coroutine
    def drain(self) -> Generator[object, Any, None]:
        """Handle a slice of the messages, the oldest first."""
        waiter: Waiter | None = None
        try:
            if self.control is not None:
                if (yield from self._obey()):
                    return
                if self.backlog is not None or self.queue:
                    self.control = None
            server = self.server
            for function, args, kwargs, waiter in islice(self._waiting(), SLICE):
                outcome = function(server, *args, **kwargs)
                if type(outcome) is CoroutineType:
                    outcome = yield from outcome
                if waiter is not None:
                    self._answer(waiter, outcome)
                if self.control is not None:
                    return
        except GeneratorExit:
            if waiter is not None and not waiter.done():
                waiter.set_exception(_Ended(KILLED))
            raise
        except BaseException as error:  # whatever ends a handler is the process's exit reason
            self._failed(error, waiter)

    def resumed(self, worker: Worker, signal: object, outcome: object, waiter: Waiter | None) -> None:
        """Go on after a request that had been suspended."""
        if self.queue is CLOSED:
            return
        if not worker.is_clean():
            self._adopt(worker)
        if self.control is not None and self.control.starting and waiter is not None:
            self._begun(signal, outcome, waiter)
            return
        if signal is FAILED:
            assert isinstance(outcome, BaseException)
            self._failed(outcome, waiter)
        elif waiter is not None:
            self._answer(waiter, outcome)
        self._settle()

    def _suspended(self, worker: Worker, awaited: object, waiter: Waiter | None) -> None:
        worker.detach(awaited, waiter)
        if self.control is not None and self.control.exit is not None:
            # The signal came while the handler was on the stack.
            if self.control.exit.reason == KILLED:
                self.kill()
            else:
                worker.task.cancel()

    def _crew_of(self) -> list[Worker]:
        home = None if self.ties is None else self.ties.home
        return self.namespace.pool if home is None else home

    def _wait_for_worker(self) -> None:
        if self.ties is None or self.ties.home is None:
            self.namespace.hire()
        self.namespace.scheduler.credit = 0
        self.namespace.scheduler.schedule(self)

    def _enter(self) -> Worker:
        if self.queue is None or self.queue is RESTING:
            self.queue = BUSY
        if self.ties is not None and self.ties.idle is not None:
            self.ties.idle.drop()
            self.ties.idle = None
        self.worker = worker = self._crew_of().pop()
        worker.process = self
        return worker

    def _run(self, worker: Worker, function: Function | None, args: Arguments, kwargs: Keywords) -> object:
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

    def _leave(self, worker: Worker) -> None:
        worker.process = worker.result = None
        if worker.is_clean() or self._adopt(worker):
            self.namespace.welcome(worker)

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
            queue = self.queue
            assert queue is not None
            self.backlog = iter(queue)
            self.queue = BUSY
        return self.backlog

    def _settle(self) -> None:
        # What comes next, once no handler runs: its end, more messages, or rest.
        if self.queue is CLOSED:
            return
        control = self.control
        if control is not None:
            if control.exit is not None:
                self.die(control.exit.reason)
                return
            if control.stop is not None or control.continuations:
                self.namespace.scheduler.schedule(self)
                return
        if self.backlog is not None and not length_hint(self.backlog):
            self.backlog = None
        if self.backlog is not None or self.queue:
            self.namespace.scheduler.schedule(self)
        else:
            self._rest()

    def _rest(self) -> None:
        control, self.control = self.control, None
        if control is not None and control.idle is not None:
            self.tie().idle = self.namespace.scheduler.timers.schedule(control.idle, self._idled)
        ties = self.ties
        self.queue = None if ties is None or (ties.home is None and ties.idle is None) else RESTING

    def _idled(self) -> None:
        if self.queue is RESTING:
            self.put((self.server.__class__.handle_info, (Timeout(),), NOTHING, None))

    @coroutine
    def _obey(self) -> Generator[object, Any, bool]:
        # Continuations come before any message; an end comes before everything. True when the process is gone.
        control = self.control
        while control is not None and control.stop is None and control.exit is None and control.continuations:
            function, args, kwargs, _ = control.continuations.pop(0)
            outcome = function(self.server, *args, **kwargs)
            if type(outcome) is CoroutineType:
                yield from outcome
        if control is None or control.stop is None:
            return control is not None and control.exit is not None
        reason = control.stop.reason
        if "terminate" in self.server.__hooks__:
            try:
                yield from self.server.terminate(reason)
            except GeneratorExit:
                raise
            except BaseException as error:  # OTP: a terminate that fails gives the process its own reason
                reason = reason_of(error)
        if control.exit is None:
            for waiter, outcome in control.answers:
                self._hand(waiter, outcome)
            self.die(reason)
        return True

    # Outcomes.

    async def _settled(self, worker: Worker, signal: object, name: str, seconds: float | None) -> Any:
        """The answer of an inline call that was not over at once, or that asked for more than an answer."""
        loop = self.namespace.scheduler.loop
        if signal is DONE:
            outcome = worker.result
            self._leave(worker)
            control = self.control
            if control is not None and (control.stop is not None or control.exit is not None):
                waiter = loop.create_future()
                self._answer(waiter, outcome)
                self._settle()
                return await self._wait(waiter, name, seconds)
            self._settle()
            return await self._promised(outcome, name, seconds) if type(outcome) is Reply else outcome
        waiter = loop.create_future()
        if signal is FAILED:
            error = worker.result
            self._leave(worker)
            self._failed(error, waiter)
            self._settle()
        else:
            self._suspended(worker, signal, waiter)
        return await self._wait(waiter, name, seconds)

    async def _promised(self, reply: Reply[Any], name: str, seconds: float | None) -> Any:
        if reply.done:
            return reply.result()
        waiter = self.namespace.scheduler.loop.create_future()
        self._hand(waiter, reply)
        try:
            return await self._wait(waiter, name, seconds)
        finally:
            reply.detach(waiter)

    async def _wait(self, waiter: Waiter, name: str, seconds: float | None) -> Any:
        timer = None
        if seconds is not None:
            timer = self.namespace.scheduler.timers.schedule(seconds, self._expire, waiter, name, seconds)
        worker = current_worker()
        caller: Any = None if worker is None else worker.process
        if caller is not None:
            caller.tie().calling = self
        try:
            return await waiter
        except _Ended as ended:
            reason = ended.reason
            cause = reason if isinstance(reason, BaseException) else None
            raise ServerDown(self, name, seconds, reason) from cause
        finally:
            if timer is not None:
                timer.drop()
            if caller is not None:
                caller.tie().calling = None
            if self.ties is not None:
                self.ties.promises.pop(waiter, None)

    def _answer(self, waiter: Waiter, outcome: object) -> None:
        control = self.control
        if control is not None and (control.stop is not None or control.exit is not None):
            # OTP: terminate runs before the answer goes out.
            control.answers.append((waiter, outcome))
            self.tie().promises[waiter] = None
        else:
            self._hand(waiter, outcome)

    def _hand(self, waiter: Waiter, outcome: object) -> None:
        if type(outcome) is Reply:
            if not outcome.done:
                self.tie().promises[waiter] = None
            outcome.attach(waiter)
        elif not waiter.done():
            waiter.set_result(outcome)

    def _expire(self, waiter: Waiter, name: str, seconds: float) -> None:
        if not waiter.done():
            waiter.set_exception(CallTimeout(self, name, seconds))

    def _failed(self, error: BaseException, waiter: Waiter | None) -> None:
        if waiter is not None:
            self.tie().promises[waiter] = None
        control = self.control
        if control is not None and control.exit is not None:
            self.die(control.exit.reason)
        elif "terminate" in self.server.__hooks__:
            self.demand().stop = Ending(reason_of(error))
        else:
            self.die(reason_of(error))
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error

    def _function(self, method: Callable[..., object], name: str, seconds: float | None) -> Function:
        if self.queue is CLOSED:
            raise NotRunning(self, name, seconds)
        function: Function | None = self.server.__handlers__.get(name)
        if function is None:
            raise NotAHandler(type(self.server).__name__, method)
        return function

    def _refuse_circle(self, name: str, seconds: float | None) -> None:
        worker = current_worker()
        caller: Any = None if worker is None else worker.process
        if caller is None:
            return
        if caller is self:
            raise CallingSelf(self, name, seconds)
        path: list[Any] = [caller, self]
        while (following := _waits_for(path[-1])) is not None:
            path.append(following)
            if following is caller:
                raise Deadlock(path, name, seconds)
            if following in path[:-1]:
                return

    # The end.

    def gone(self) -> Waiter:
        """A future that gets the exit reason."""
        waiter = self.namespace.scheduler.loop.create_future()
        self.tie().watchers[Monitor(self)] = lambda _, reason: waiter.done() or waiter.set_result(reason)
        return waiter

    def _end(self, reason: object) -> None:
        worker = self.worker
        if worker is None or worker.process is not self:
            self.die(reason)
            return
        control = self.demand()
        if control.exit is None:
            control.exit = Ending(reason)
            if not worker.running:
                worker.task.cancel()

    def kill(self) -> None:
        """End at once, whatever it does; a handler on the stack is let through to where it suspends."""
        worker = self.worker
        if self.queue is CLOSED:
            return
        if worker is not None and worker.process is self and worker.running:
            self.demand().exit = Ending(KILLED)
            return
        self.die(KILLED)
        if worker is not None and worker.detached and worker.process is self:
            _close(worker)

    def die(self, reason: object) -> None:
        """End now: free the names, answer who waits, and tell parent, links and monitors."""
        if self.queue is CLOSED:
            return
        waiting = [*(self.backlog or ()), *(() if self.queue in MARKS or self.queue is None else self.queue)]
        self.queue = CLOSED
        self.backlog = None
        orphans = self.server.orphans()
        ties, self.ties = self.ties, None
        self._forget(ties)
        report_end(self, reason)
        self._fail_callers(waiting, ties, reason)
        self.server = GONE
        for orphan in orphans:
            orphan.signal(reason, self)
        if ties is not None:
            self._tell(ties, reason)
        if self.parent is not None and self.parent.alive:
            self.parent.deliver((_child_ended, (self, reason), NOTHING, None))

    def _forget(self, ties: Ties | None) -> None:
        if self.name is not None:
            self.namespace.unregister(self.name, self)
        if ties is not None:
            ties.drop_timers()
            for release in ties.releases:
                release()

    def _fail_callers(self, waiting: list[Message], ties: Ties | None, reason: object) -> None:
        waiters = [waiter for _, _, _, waiter in waiting]
        if self.worker is not None and self.worker.process is self:
            waiters.append(self.worker.waiter)
        if ties is not None:
            waiters.extend(ties.promises)
        for waiter in waiters:
            if waiter is not None and not waiter.done():
                waiter.set_exception(_Ended(reason))

    def _tell(self, ties: Ties, reason: object) -> None:
        for worker in ties.home or ():
            worker.close()
        for monitor, watched in ties.watching.items():
            if watched.ties is not None:
                watched.ties.watchers.pop(monitor, None)
        for linked in ties.links:
            if linked.ties is not None:
                linked.ties.links.pop(self, None)
            linked.signal(reason, self)
        for monitor, watcher in ties.watchers.items():
            watcher(monitor, reason)

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name is not None else ""
        kind = "process" if self.server is GONE else type(self.server).__name__
        return f"<{kind}{name} #{id(self):x}>"


def _stop(server: Server, reason: object) -> None:
    server.__process__.demand().stop = Ending(reason)


def _is_down_of(message: Message, monitor: Monitor) -> bool:
    _, args, _, _ = message
    return len(args) == 1 and isinstance(args[0], Down) and args[0].monitor is monitor


def _child_ended(server: Server, child: Process[Any], reason: object) -> Awaitable[None] | None:
    return server.child_ended(child, reason)


def _waits_for(process: Any) -> Any:
    worker = process.worker
    if worker is not None and worker.process is process and worker.running:
        above = running_processes()
        return above[above.index(process) - 1]
    return None if process.ties is None else process.ties.calling


def _close(worker: Worker) -> None:
    # A kill does not wait for a handler that cleans up: what it still awaits is cut off.
    try:
        worker.generator.close()
    except RuntimeError:
        pass
    worker.task.cancel()
