"""The tasks in which handlers run, shared by all processes of a namespace.

A process owns no task while it is idle. A worker is an `asyncio.Task` that is parked: its coroutine waits for a
request. Whoever has one for it (a caller, or the run queue) puts the worker's task in place as the current one,
enters its context, and sends the request straight into that coroutine. A handler that never suspends is over when
`send` returns: no task was made, no loop turn taken. When a handler does suspend, the future that it waits for calls
the worker back, which is driven by hand again; the task stays parked all the time. To cancel the task is to cancel that
future, so that `asyncio.timeout`, task groups and cancellation find all that they expect. Where there is no future, at
a bare `yield`, cancelling wakes the task, and the event loop drives it from there to the end of the handler.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import FrameType, GeneratorType, coroutine
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from greenroom.foundation.current_task import CURRENT
from greenroom.foundation.mailbox import COROUTINE, Arguments, Function, Keywords, Message, Waiter
from greenroom.foundation.reply import is_awaited
from greenroom.foundation.scheduler import Scheduler

DONE: Final = object()
FAILED: Final = object()

# `Task` and `Future` are generic over a result that a worker does not have.
if TYPE_CHECKING:
    _Task = asyncio.Task[None]
    _Future = asyncio.Future[None]
else:
    _Task = asyncio.Task
    _Future = asyncio.Future


class Host(Protocol):
    """The process that a worker works for, as far as the worker knows it."""

    @property
    def server(self) -> object:
        """What its handlers run on."""
        ...

    def drain(self) -> Coroutine[Any, Any, None]:
        """Handle a slice of the messages that wait."""
        ...

    def demand(self) -> object:
        """Handle no more messages in the same turn as the running handler."""
        ...

    def disturb(self) -> None:
        """Look for what else is to be done once the running handler is through."""
        ...

    def remember(self, message: Message) -> None:
        """Take the message that a handler failed at."""
        ...

    def resumed(self, worker: Worker, signal: object, outcome: object, waiter: Waiter | None) -> None:
        """Take the outcome of a request that had been suspended in this worker."""
        ...


class Employer(Protocol):
    """Who keeps the workers of a namespace, as far as one of them knows it: its crew."""

    label: str
    scheduler: Scheduler
    pristine: contextvars.Context

    def welcome(self, worker: Worker) -> None:
        """Take a parked worker back."""
        ...

    def refill(self) -> None:
        """Replace a worker whose handler suspended."""
        ...

    def dismiss(self, worker: Worker) -> None:
        """Never use this worker again."""
        ...


Request = tuple[Host, Function | None, Arguments, Keywords]


class WorkerTask(_Task):
    """The task of a worker: how a running handler finds the process that it belongs to."""

    __slots__ = ("worker",)

    worker: Worker

    def cancel(self, msg: object = None) -> bool:
        """Cancel the handler; as asked from outside of the runtime, which has `Worker.cancel`."""
        scheduler = self.worker.crew.scheduler
        if not scheduler.is_running() and not self.done():
            # As `asyncio.run` and its like do before they close it.
            scheduler.close_soon()
            if self.worker.process is not None:
                # They wait for this task, so a handler that does not give up is the last one in it.
                self.worker.process.demand()
        return super().cancel(msg)


class Parking(_Future):
    """What a worker's task waits for while it is driven by hand."""

    worker: Worker
    awaited: asyncio.Future[object] | None = None

    def cancel(self, msg: object = None) -> bool:
        """Cancel what the handler waits for; a handler on the stack is cancelled where it suspends next."""
        if self.awaited is not None:
            if not self.awaited.cancel(msg=msg):
                # It is over, and the handler about to go on.
                self.worker.cancellation = _cancellation(msg)
            return True
        if self.worker.running and self.worker.process is not None:
            self.worker.cancellation = _cancellation(msg)
            self.worker.process.disturb()
            return True
        self.worker.crew.dismiss(self.worker)
        return super().cancel(msg=msg)

    def over(self, _: object = None) -> None:
        """Resume the handler: its own `await` finds out how its future ended."""
        self.awaited = None
        if not self.done():
            self.worker.go_on()

    def wake(self) -> None:
        """Let the task itself go on."""
        if not self.done():
            self.set_result(None)


def _cancellation(message: object) -> asyncio.CancelledError:
    return asyncio.CancelledError() if message is None else asyncio.CancelledError(message)


class Worker:
    """A parked task, its context, and the request that it works on."""

    __slots__ = (
        "answer",
        "calling",
        "cancellation",
        "closed",
        "context",
        "crew",
        "detached",
        "generator",
        "home",
        "parking",
        "process",
        "result",
        "run",
        "send",
        "task",
        "waiter",
    )

    def __init__(self, crew: Employer, context: contextvars.Context | None = None) -> None:
        self.crew = crew
        self.home: list[Worker] | None = None
        self.process: Host | None = None
        # The process whose answer its handler waits for, and where that will be.
        self.calling: Any = None
        self.answer: Waiter | None = None
        self.result: Any = None
        self.waiter: Waiter | None = None
        self.detached = False
        # What its handler gets where it suspends or goes on next, since it was cancelled meanwhile.
        self.cancellation: asyncio.CancelledError | None = None
        self.closed = False
        self.context = crew.pristine.copy() if context is None else context
        self.run: Callable[..., Any] = self.context.run
        # `GeneratorType` tells more of a generator than `Generator` does: whether it runs.
        self.generator = cast("GeneratorType[object, Any, None]", _serve(self))
        self.send: Callable[[Request | None], object] = self.generator.send
        self.parking = self._new_parking()
        self.task = self._new_task()

    @property
    def running(self) -> bool:
        """Whether its handler is on the stack right now."""
        return self.generator.gi_running

    def works_for(self, process: object) -> bool:
        """Whether a handler of this process is on the stack here, or has suspended."""
        # It remembers whom it worked for last, so that it runs for this process has to be asked as well.
        return self.process is process and (self.running or self.detached)

    def is_clean(self) -> bool:
        """Whether another process may have it: no handler left context variables behind, or a cancellation."""
        while self.task.cancelling():
            self.task.uncancel()
        self.cancellation = None
        return self.context == self.crew.pristine

    def detach(self, awaited: Any, waiter: Waiter | None) -> None:
        """Go on when the loop says so: the handler suspended on `awaited`."""
        self.detached = True
        self.waiter = waiter
        self._wait_for(awaited)
        self.crew.refill()

    def go_on(self) -> None:
        """Drive the handler, which had suspended, by hand again; in its context."""
        if self.closed:
            self.parking.wake()
            return
        loop = self.crew.scheduler.loop
        CURRENT[loop] = self.task
        try:
            if (cancellation := self.cancellation) is not None:
                self.cancellation = None
                signal = self.generator.throw(cancellation)
            else:
                signal = self.send(None)
        finally:
            del CURRENT[loop]
        if signal is not DONE and signal is not FAILED:
            self._wait_for(signal)
        elif self.is_through(signal):
            self.parking.wake()
        else:
            self.crew.welcome(self)

    def is_through(self, signal: object) -> bool:
        """Give the process the outcome of a handler that had suspended; whether the task is to end."""
        # Not always the one of the request: a broadcast works for one after the other.
        process: Any = self.process
        outcome, waiter = self.result, self.waiter
        self.detached = False
        self.process = self.result = self.waiter = None
        if not self.task.cancelling():
            process.resumed(self, signal, outcome, waiter)
            return False
        # Cancelled and never taken back: whoever did it, as `asyncio.run` at its end, waits for the task's end.
        self.send = _refuse_request
        process.resumed(self, signal, outcome, waiter)
        self.succeed()
        return True

    def _wait_for(self, awaited: Any) -> None:
        parking = self.parking
        if awaited is None:
            self.crew.scheduler.loop.call_soon(parking.over, context=self.context)
        elif (wanted := self._wanted_instead(awaited)) is not None:
            parking.set_exception(RuntimeError(f"expected a handler to await {wanted}, got {awaited!r}"))
        else:
            awaited._asyncio_future_blocking = False
            parking.awaited = awaited
            awaited.add_done_callback(parking.over, context=self.context)
        if (cancellation := self.cancellation) is not None:
            self.cancellation = None
            parking.cancel(*cancellation.args)

    def _wanted_instead(self, awaited: Any) -> str | None:
        # What asyncio's own tasks refuse as well, since it would never wake them, or from another thread.
        if not getattr(awaited, "_asyncio_future_blocking", None):
            return "a future"
        if awaited.get_loop() is not self.crew.scheduler.loop:
            return "a future of its own event loop"
        return "anything but its own task" if awaited is self.task else None

    def park(self) -> Parking:
        """What the task waits for until the next request."""
        self.parking = self._new_parking()
        self.parking._asyncio_future_blocking = True
        # Not before this step of the task is over: until then its coroutine can not take a request.
        self.crew.scheduler.loop.call_soon(self.crew.welcome, self)
        return self.parking

    def succeed(self) -> None:
        """Make a successor before the task ends, if it holds the context variables of a process."""
        if self.home is not None:
            Worker(self.crew, self.context).home = self.home

    def close(self) -> None:
        """End the task."""
        self.send = _refuse_request
        self.parking.wake()

    def cut_off(self) -> None:
        """Close the handler where it waits, and end the task: a kill does not wait for one that cleans up."""
        self.closed = True
        try:
            self.generator.close()
        except RuntimeError:
            # It would not have it, and awaited something else.
            pass
        self.cancel()

    def cancel(self) -> None:
        """Cancel the handler where it waits."""
        super(WorkerTask, self.task).cancel()

    @property
    def is_closed(self) -> bool:
        """Whether its handler was closed where it waited: by a kill, or as rubbish, when its loop is over.

        In any other case a `GeneratorExit` is the handler's own, and a failure like every exception.
        """
        return self.closed or not self.crew.scheduler.is_running()

    def _new_parking(self) -> Parking:
        parking = Parking(loop=self.crew.scheduler.loop)
        parking.worker = self
        return parking

    def _new_task(self) -> WorkerTask:
        begun = _live(self.generator)
        # Nobody is to complain that it was never awaited, if the loop ends before the task has had its first turn.
        begun.send(None)
        task = WorkerTask(
            begun,
            loop=self.crew.scheduler.loop,
            name=f"greenroom worker of {self.crew.label}",
            context=self.context,
        )
        task.worker = self
        # A loop that is closed without cancelling its tasks would complain of every parked worker.
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        return task


async def _live(generator: GeneratorType[object, Any, None]) -> None:
    # Tasks take native coroutines only; this one passes everything on to the generator.
    await cast("Awaitable[None]", generator)


def _refuse_request(request: Request | None) -> object:
    raise RuntimeError(f"expected a worker that is at work, got {request} for one that left")


def _serve(worker: Worker) -> Generator[object, Any, None]:
    """The coroutine of a worker: one request after the other.

    It yields `DONE` or `FAILED` to whoever drives it by hand, with the outcome in `worker.result`. Anything else that
    comes out of it is what a handler waits for.
    """
    # The outcome of a handler is anything, and so is what a request is made of once it is let go.
    outcome: Any
    # As far as it comes before its task drives it; see `_new_task`.
    yield None
    request: Any = yield worker.park()
    while request is not None:
        process, function, args, kwargs = request
        try:
            if function is None:
                yield from process.drain()
            else:
                outcome = function(process.server, *args, **kwargs)
                if isinstance(outcome, COROUTINE):
                    worker.result = yield from outcome
                elif outcome is not None and is_awaited(outcome):
                    worker.result = yield from outcome.__await__()
                else:
                    worker.result = outcome
            signal = DONE
        except BaseException as error:  # whatever ends a handler is the process's exit reason
            if worker.is_closed:
                raise
            worker.result = error
            signal = FAILED
            if function is not None:
                process.remember((function, args, kwargs, None))
        if worker.detached and worker.parking.done():
            # The loop drives its task.
            if worker.is_through(signal):
                return
            # What it worked on must not live on in a parked worker.
            request = process = function = args = kwargs = outcome = None
            request = yield worker.park()
        else:
            request = process = function = args = kwargs = outcome = None
            request = yield signal


# Marks the generator, in place, as one that may await coroutines.
coroutine(_serve)


def current_worker() -> Worker | None:
    """The worker whose handler is running, None outside of any process."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return None
    return task.worker if isinstance(task, WorkerTask) else None


def worker_on(loop: asyncio.AbstractEventLoop) -> Worker | None:
    """The same, for whoever knows the running loop."""
    task = CURRENT.get(loop)
    return task.worker if isinstance(task, WorkerTask) else None


def running_processes() -> list[Host]:
    """The processes whose handlers are on the stack, the innermost first: each waits for the one before it."""
    found: list[Host] = []
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        if frame.f_code is _serve.__code__ and frame.f_locals["worker"].process is not None:
            found.append(frame.f_locals["worker"].process)
        frame = frame.f_back
    return found
