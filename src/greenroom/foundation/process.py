"""A process as others see it: the address of itself, with everything that `Ref` promises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from sys import getrecursionlimit, setrecursionlimit
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, Self, TypeVar, cast

from greenroom.foundation.answering import INTERRUPTIONS, Ended
from greenroom.foundation.circle import refuse_circle
from greenroom.foundation.current_task import CURRENT
from greenroom.foundation.errors import (
    CallTimeout,
    Ignored,
    NotAHandler,
    NotRunning,
    ServerDown,
    StartError,
    StartFailed,
)
from greenroom.foundation.exits import KILL, NOPROC, NORMAL, reason_of
from greenroom.foundation.handling import HEADROOM, answer_system
from greenroom.foundation.mailbox import BUSY, CLOSED, NOTHING, Arguments, Function, Keywords, Waiter
from greenroom.foundation.ref import CALL_SECONDS, Ref
from greenroom.foundation.reply import REPLY, Reply
from greenroom.foundation.seconds import limit_of
from greenroom.foundation.server import Gone, Server
from greenroom.foundation.signals import Signals
from greenroom.foundation.system import System
from greenroom.foundation.ties import Control, Ending
from greenroom.foundation.worker import DONE, FAILED, Worker, current_worker, worker_on

S_co = TypeVar("S_co", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")


class Process(System, Signals, Ref[S_co]):
    """One process. Users know it as `Ref`."""

    __slots__ = ()

    if not TYPE_CHECKING:
        # That of `Ref` tells names from processes, which is settled here: every start makes one.
        __new__ = object.__new__

    async def call(
        self, method: Callable[Concatenate[S_co, P], Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run the handler inline if the process is idle; see `Ref.call` for the contract."""
        namespace = self.namespace
        scheduler = namespace.scheduler
        if self.queue is None and scheduler.credit > 0 and namespace.pool:
            loop = scheduler.loop
            try:
                function = self.server.__handlers__.get(method.__name__)
                before = CURRENT[loop]
            except AttributeError:
                raise NotAHandler(type(self.server).__name__, method) from None
            except KeyError:
                raise self._out_of_reach(method.__name__, CALL_SECONDS) from None
            if function is not None:
                # The one place where speed decides: `enter`, `run` and `leave`, written out.
                scheduler.credit -= 1
                self.queue = BUSY
                self.worker = worker = namespace.pool.pop()
                worker.process = self
                CURRENT[loop] = worker.task
                try:
                    signal = worker.run(worker.send, (self, function, args, kwargs))
                except RecursionError as error:
                    # As in `run`.
                    CURRENT[loop] = before
                    limit = getrecursionlimit()
                    setrecursionlimit(limit + HEADROOM)
                    loop.call_soon(self.collapse, worker, error, limit)
                    raise
                CURRENT[loop] = before
                if signal is DONE and self.queue is BUSY and worker.context == namespace.pristine:
                    outcome: R = worker.result
                    self.queue = None
                    worker.result = None
                    namespace.pool.append(worker)
                    if not isinstance(outcome, REPLY):
                        return outcome
                    promised: R = await self._promised(cast("Reply[Any]", outcome), method.__name__, CALL_SECONDS)
                    return promised
                settled: R = await self._settled(worker, signal, method.__name__, CALL_SECONDS)
                return settled
        answer: R = await self.request(method, args, kwargs, CALL_SECONDS)
        return answer

    async def request(
        self, method: Callable[..., object], args: Arguments, kwargs: Keywords, seconds: float | None
    ) -> Any:
        """Call with a deadline: inline when the process rests, otherwise through the mailbox."""
        name = self._named(method)
        function = self._function(method, name, seconds)
        if self.namespace.scheduler.credit <= 0:
            await self.namespace.scheduler.pause()
        # Not before: while this one waited, another may have called it.
        self._refuse_circle(name, seconds)
        if self.resting and self.crew() and not self.observed:
            worker = self.enter()
            return await self._settled(worker, self.run(worker, function, args, kwargs), name, seconds)
        waiter = self.namespace.scheduler.loop.create_future()
        if not self.put((function, args, kwargs, waiter)):
            raise NotRunning(self, name, seconds)
        return await self._wait(waiter, name, seconds)

    async def system(self, function: Function, args: Arguments, seconds: float | None) -> Any:
        """Run a function of the runtime's own on the server: now if no handler runs, in its turn otherwise.

        It must not raise, since it would crash the process.
        """
        seconds = limit_of("timeout", seconds)
        name = function.__name__.strip("_")
        if self.queue is CLOSED or self.namespace.scheduler.loop.is_closed():
            raise NotRunning(self, name, seconds)
        if self.resting or self.halted:
            return function(self.server, *args)
        self._refuse_circle(name, seconds)
        waiter = self.namespace.scheduler.loop.create_future()
        self.put((answer_system, (function, args), NOTHING, waiter))
        return await self._wait(waiter, name, seconds)

    def cast(self, method: Callable[Concatenate[S_co, P], object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Put the request into the mailbox."""
        try:
            function = self.server.__handlers__.get(method.__name__)
        except AttributeError:
            raise NotAHandler(type(self.server).__name__, method) from None
        if function is not None:
            queue = self.queue
            if queue:
                queue.append((function, args, kwargs, None))
            else:
                self.put((function, args, kwargs, None))
        elif self.queue is not CLOSED:
            raise NotAHandler(type(self.server).__name__, method)

    def send(self, message: object) -> None:
        """Put the message into the mailbox."""
        self.inform(message)

    async def stop(self, reason: object = NORMAL, timeout: float | None = None) -> None:
        """End in its turn, with `terminate`."""
        timeout = limit_of("timeout", timeout)
        self._refuse_circle("stop", timeout)
        if self.queue is CLOSED:
            raise NotRunning(self, "stop", timeout)
        gone = self.gone()
        self.ask_to_stop(reason)
        try:
            found = await self._wait(gone, "stop", timeout)
        finally:
            self.look_away(gone)
        if found != reason:
            raise ServerDown(self, "stop", timeout, found)

    def exit(self, reason: object) -> None:
        """Send an exit signal, from the running process if there is one."""
        if isinstance(reason, str) and reason == KILL:
            self.kill()
        else:
            worker = current_worker()
            self.signal(reason, worker.process if worker is not None else None)

    async def down(self) -> object:
        """Wait for the end."""
        if self.namespace.scheduler.loop.is_closed():
            return NOPROC
        gone = self.gone()
        try:
            return await gone
        finally:
            self.look_away(gone)

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.queue is not CLOSED

    def where(self) -> Ref[S_co] | None:
        """Itself while it lives."""
        return self if self.alive else None

    def find(self) -> Process[S_co]:
        """Itself, dead or alive."""
        return self

    async def begin(self, seconds: float | None) -> None:
        """Run `init`, for a server that has one, then take messages.

        Raises:
            StartFailed: it raised, stopped, was ended or took too long; nothing is left of the process.
            Ignored: it declined.
        """
        await self._initialise(seconds)
        self.settle()

    # A process is no value: whoever copies what refers to it gets the same process, as with a pid.

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"expected an address that can be sent elsewhere, as Ref(Server, name), got {self}")

    def __repr__(self) -> str:
        name = "" if self.name is None else f" {self.name!r}"
        return f"<{self._kind().__name__}{name} #{id(self):x}>"

    def _kind(self) -> type[Server]:
        kind: type[Server] = self.server.kind if isinstance(self.server, Gone) else self.server.__class__
        return kind

    # Waiting for answers.

    async def _settled(self, worker: Worker, signal: object, name: str, seconds: float | None) -> Any:
        # The answer of an inline call that was not over at once, or that asked for more than an answer.
        outcome, waiter = worker.result, None
        try:
            if signal is not DONE or (self.control is not None and self.control.is_end):
                waiter = self.namespace.scheduler.loop.create_future()
            self._conclude(worker, signal, outcome, waiter)
        except RecursionError as error:
            # As in `run`.
            limit = getrecursionlimit()
            setrecursionlimit(limit + HEADROOM)
            self.namespace.scheduler.loop.call_soon(self.collapse, worker, error, limit)
            raise
        if waiter is not None:
            return await self._wait(waiter, name, seconds)
        return await self._promised(outcome, name, seconds) if isinstance(outcome, REPLY) else outcome

    def _conclude(self, worker: Worker, signal: object, outcome: Any, waiter: Waiter | None) -> None:
        if signal is DONE:
            self.leave(worker)
            if waiter is not None:
                self.answer(waiter, outcome)
            self.settle()
        elif signal is not FAILED:
            self.suspended(worker, signal, waiter)
        elif isinstance(outcome, INTERRUPTIONS):
            # The caller is on the stack, and next on its way out of the program.
            self.leave(worker)
            self.end_by(outcome)
            self.settle()
            raise outcome
        else:
            self.leave(worker)
            self.failed(outcome, waiter)
            self.settle()

    async def _promised(self, reply: Reply[Any], name: str, seconds: float | None) -> Any:
        if reply.done:
            return reply.result()
        waiter = self.namespace.scheduler.loop.create_future()
        self.hand(waiter, reply)
        return await self._wait(waiter, name, seconds)

    async def _wait(self, waiter: Waiter, name: str, seconds: float | None) -> Any:
        timers = self.namespace.scheduler.timers
        timer = None if seconds is None else timers.schedule(seconds, self._expire, waiter, name, seconds)
        worker = worker_on(self.namespace.scheduler.loop)
        if worker is not None:
            worker.calling, worker.answer = self, waiter
        try:
            return await waiter
        except Ended as ended:
            reason = ended.reason
            raise ServerDown(self, name, seconds, reason) from reason if isinstance(reason, BaseException) else None
        finally:
            if timer is not None:
                timer.drop()
            if worker is not None:
                worker.calling = worker.answer = None
            if self.ties is not None:
                self.ties.forgive(waiter)

    def _expire(self, waiter: Waiter, name: str, seconds: float) -> None:
        if not waiter.done():
            waiter.set_exception(CallTimeout(self, name, seconds))

    def _function(self, method: Callable[..., object], name: str, seconds: float | None) -> Function:
        if self.queue is CLOSED:
            raise NotRunning(self, name, seconds)
        function: Function | None = self.server.__handlers__.get(name)
        if function is None:
            raise NotAHandler(type(self.server).__name__, method)
        return function

    def _named(self, method: Callable[..., object]) -> str:
        name: object = getattr(method, "__name__", None)
        if not isinstance(name, str):
            raise NotAHandler(self._kind().__name__, method)
        return name

    def _out_of_reach(self, name: str, seconds: float | None) -> Exception:
        # Why nobody can ask for this from here: the process has another event loop.
        if self.namespace.scheduler.loop.is_closed():
            return NotRunning(self, name, seconds)
        return RuntimeError(
            f"expected {name} of {self} to be asked for in its own event loop; "
            "asyncio.run_coroutine_threadsafe asks there from another thread"
        )

    def _refuse_circle(self, name: str, seconds: float | None) -> None:
        loop = self.namespace.scheduler.loop
        worker = worker_on(loop)
        caller: Any = None if worker is None else worker.process
        if caller is None:
            if worker is None and asyncio.get_running_loop() is not loop:
                raise self._out_of_reach(name, seconds)
            return
        refuse_circle(caller, self, name, seconds)

    # The start.

    async def _initialise(self, seconds: float | None) -> None:
        kind = type(self.server).__name__
        control = self.control = Control()
        control.starting = True
        if not self.namespace.pool:
            await self._worker_to_begin(kind)
        worker = self.enter()
        signal = self.run(worker, self.server.__class__.init, (), NOTHING)
        outcome = worker.result
        if signal is DONE:
            self.leave(worker)
        elif signal is FAILED:
            self.leave(worker)
            self.die(reason_of(outcome))
            if isinstance(outcome, INTERRUPTIONS):
                raise outcome
            raise StartFailed(kind, reason_of(outcome)) from outcome
        else:
            outcome = await self._initialised(worker, signal, kind, seconds)
        self._judge(control, kind, outcome)

    async def _initialised(self, worker: Worker, signal: object, kind: str, seconds: float | None) -> Any:
        waiter = self.namespace.scheduler.loop.create_future()
        self.suspended(worker, signal, waiter)
        try:
            return await self._wait(waiter, "init", seconds)
        except CallTimeout as error:
            self._give_up()
            raise StartFailed(kind, error.reason) from error
        except ServerDown as error:
            raise StartFailed(kind, error.reason) from error.__cause__
        except BaseException:  # whoever starts it gave up, or ends
            if self._hears_of_starter():
                worker.waiter = self.namespace.scheduler.loop.create_future()
                worker.waiter.add_done_callback(partial(self._begun_alone, self.demand(), kind))
            else:
                self._give_up()
            raise

    async def _worker_to_begin(self, kind: str) -> None:
        gone = self.gone()
        try:
            while not self.namespace.pool:
                self.namespace.hire()
                await asyncio.sleep(0)
        except BaseException:  # whoever starts it gave up, or ends
            self._give_up()
            raise
        self.look_away(gone)
        if gone.done():
            raise StartFailed(kind, gone.result())

    def _hears_of_starter(self) -> bool:
        # OTP: a link brings the exit signal, and one that traps exits is first through its `init`.
        starter = self.parent or (None if self.ties is None else self.ties.starter)
        if starter is None or starter.queue is CLOSED:
            return starter is not None
        return starter.control is not None and starter.control.exit is not None

    def _begun_alone(self, control: Control, kind: str, waiter: Waiter) -> None:
        if waiter.exception() is None:
            with suppress(StartError):
                self._judge(control, kind, waiter.result())
                self.settle()

    def _give_up(self) -> None:
        # OTP: who learns where it asked that there is no process is not pulled along by its end.
        if self.ties is not None and self.ties.starter is not None:
            self.unlink(self.ties.starter)
        self.kill()

    def _judge(self, control: Control, kind: str, outcome: object) -> None:
        control.starting = False
        if control.ignored:
            self.die(NORMAL)
            raise Ignored(kind)
        ending = control.exit or control.stop
        if ending is None and outcome is not None:
            ending = Ending(TypeError(f"expected {kind}.init to return None, got {outcome!r}"))
        if ending is not None:
            self.die(ending.reason)
            raise StartFailed(kind, ending.reason)
