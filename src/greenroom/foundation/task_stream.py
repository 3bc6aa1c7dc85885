"""One task for each item of an input, some at a time.

    async for outcome in Task.async_stream(urls, fetch, max_concurrency=8):
        match outcome:
            case Done(page): ...
            case Exited(reason): ...

Nothing runs before the first result is asked for, and nothing is left when the consumption ends, however it ends. Like
Elixir's `Task.async_stream`.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeAlias, TypedDict, TypeVar, get_args

from greenroom.foundation.function_process import checked_function
from greenroom.foundation.inputs import inputs_of
from greenroom.foundation.mailbox import Arguments, Function
from greenroom.foundation.namespace import current_namespace
from greenroom.foundation.outcome import Done, Exited, Outcome, TaskTimeout
from greenroom.foundation.owner import current_owner, unwatch, watch
from greenroom.foundation.process import Process
from greenroom.foundation.restart import Shutdown, is_shutdown
from greenroom.foundation.seconds import limit_of
from greenroom.foundation.task_body import Callers, Client, TaskBody, begin, chain
from greenroom.foundation.timer import Timer

T = TypeVar("T")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

OnTimeout: TypeAlias = Literal["exit", "kill_task"]
Launch: TypeAlias = Callable[[Callable[..., Awaitable[Any]], Arguments, Callers, Client], Awaitable[object]]
"""Starts the process of a task: its function, the arguments, who asked for it and who waits for it."""

TIMEOUT: Final = "timeout"


class StreamSettings(TypedDict, total=False):
    """How a stream runs its tasks.

    `max_concurrency` is how many run at a time, the number of cores by default. Results come in the order of the items
    unless `ordered` is false. Each task has `timeout` seconds, 5 by default and None for no limit; then `on_timeout`
    says if the consumer gets `TaskTimeout` (`"exit"`) or an `Exited("timeout")` among the results (`"kill_task"`).
    With `zip_input_on_exit` it is `Exited((item, reason))`.
    """

    max_concurrency: int | None
    ordered: bool
    timeout: float | None
    on_timeout: OnTimeout
    zip_input_on_exit: bool


class SupervisedStreamSettings(StreamSettings, total=False):
    """As well, how long each task has to stop when its supervisor does, 5 seconds by default."""

    shutdown: Shutdown


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """The settings with their defaults, checked."""

    max_concurrency: int | None = None
    ordered: bool = True
    timeout: float | None = 5.0
    on_timeout: OnTimeout = "exit"
    zip_input_on_exit: bool = False
    shutdown: Shutdown = 5.0

    def __post_init__(self) -> None:
        if self.max_concurrency is not None and not _is_positive(self.max_concurrency):
            raise ValueError(f"expected max_concurrency to be an integer above 0, got {self.max_concurrency!r}")
        object.__setattr__(self, "timeout", limit_of("timeout", self.timeout))
        if self.on_timeout not in get_args(OnTimeout):
            raise ValueError(f"expected on_timeout to be 'exit' or 'kill_task', got {self.on_timeout!r}")
        if not is_shutdown(self.shutdown):
            raise ValueError(f"expected shutdown to be seconds, or 'brutal_kill', got {self.shutdown!r}")

    @property
    def slots(self) -> int:
        """How many tasks may run at a time."""
        return self.max_concurrency or os.cpu_count() or 1


class TaskStream(Generic[R_co]):
    """A recipe: each `async for` over it starts anew, and belongs to the process that consumes it."""

    def __init__(
        self,
        items: Iterable[Any] | AsyncIterable[Any],
        function: Callable[..., Awaitable[R_co]],
        options: StreamOptions,
        launch: Launch,
        *,
        linked: bool,
    ) -> None:
        self.items = items
        self.function = checked_function(function)
        self.options = options
        self.launch = launch
        self.linked = linked

    def __aiter__(self) -> Results[R_co]:
        """Begin anew."""
        return Results(self)


class Results(Generic[R_co]):
    """The results of one consumption. To leave early is enough to end it; `aclose` also waits for the clean-up."""

    def __init__(self, stream: TaskStream[R_co]) -> None:
        self._stream = stream
        self._run: Run[R_co] | None = None

    def __aiter__(self) -> Results[R_co]:
        return self

    async def __anext__(self) -> Outcome[R_co]:
        """The next result; the first one sets the tasks off.

        Raises:
            TaskTimeout: a task took too long; all others were killed.
            TooManyChildren, NotRunning: the supervisor of the tasks refuses, or is not there.
        """
        run = self._run = self._run or Run(self._stream)
        try:
            return await run.next()
        except GeneratorExit:
            # The consumer was killed: there is no time to wait for anything.
            run.close()
            raise
        except BaseException:  # whatever ends the stream early, its tasks end with it
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Kill what still runs, and let the input clean up."""
        if self._run is not None:
            self._run.close()
            await self._run.inputs.close()

    def __del__(self) -> None:
        # A loop that was left early drops its iterator. That may happen anywhere, even in another thread.
        run = self._run
        if run is not None and not run.closed and not run.loop.is_closed():
            run.loop.call_soon_threadsafe(run.close)


class Run(Generic[R]):
    """One consumption of a stream."""

    def __init__(self, stream: TaskStream[R]) -> None:
        self.stream = stream
        self.options = stream.options
        self.owner = current_owner("async_stream")
        self.loop = asyncio.get_running_loop()
        self.bell = asyncio.Event()
        self.inputs = inputs_of(stream.items, self.bell.set)
        self.running: dict[int, Slot] = {}
        self.arrived: deque[tuple[int, Outcome[R] | TaskTimeout]] = deque()
        self.closed = False
        self._outcomes: dict[int, Outcome[R]] = {}
        self._spawned = 0
        self._delivered = 0
        watch(self.owner, self, self._owner_ended)

    async def next(self) -> Outcome[R]:
        """The next result that it is time for."""
        while not self.closed:
            self.bell.clear()
            if self._delivered in self._outcomes:
                return self._deliver(self._outcomes.pop(self._delivered))
            # Before one that has arrived is looked at, so that others run while the consumer is busy with it.
            await self._fill()
            if self.arrived:
                position, outcome = self.arrived.popleft()
                if isinstance(outcome, TaskTimeout):
                    raise outcome
                if not self.options.ordered:
                    return self._deliver(outcome)
                self._outcomes[position] = outcome
            elif self.inputs.over and not self.running:
                break
            else:
                await self.bell.wait()
        raise StopAsyncIteration

    def arrive(self, position: int, outcome: Outcome[R] | TaskTimeout) -> None:
        """Take what became of a task. Until the consumer looks at it, it holds the task's place."""
        self.arrived.append((position, outcome))
        self.bell.set()

    def close(self) -> None:
        """Kill what still runs."""
        self.closed = True
        unwatch(self.owner, self)
        self.inputs.stop()
        for slot in list(self.running.values()):
            slot.cut_off()
        self.running.clear()

    def _deliver(self, outcome: Outcome[R]) -> Outcome[R]:
        self._delivered += 1
        return outcome

    async def _fill(self) -> None:
        while len(self.running) + len(self.arrived) < self.options.slots and (taken := self.inputs.take()):
            await self._spawn(taken[0])

    def _owner_ended(self, _: object, reason: object) -> None:
        self.close()

    async def _spawn(self, item: object) -> None:
        slot = Slot(self, self._spawned, item)
        self._spawned += 1
        await self.stream.launch(self.stream.function, (item,), chain(self.owner), slot)


class Slot(Client):
    """One task of a stream."""

    def __init__(self, run: Run[Any], position: int, item: object) -> None:
        self.run = run
        self.position = position
        self.item = item
        self.process: Process[Any] | None = None
        self.outcome: Outcome[Any] | None = None
        self.timer: Timer | None = None

    def begun(self, process: Process[Any]) -> None:
        """Watch the process, and its time."""
        if self.run.closed:
            process.kill()
            return
        self.process = process
        self.run.running[self.position] = self
        process.tie().tell(self, self._ended)
        seconds = self.run.options.timeout
        if seconds is not None:
            self.timer = current_namespace().scheduler.timers.schedule(seconds, self._expired)

    def answered(self, value: Any) -> None:
        """Take the answer; the end of the process is next."""
        if self.outcome is None:
            self.outcome = Done(value)

    def cut_off(self) -> None:
        """Kill the process, and hear no more of it."""
        self._stop_watching()
        if self.process is not None:
            self.process.kill()

    def _expired(self) -> None:
        if self.run.options.on_timeout == "kill_task" and self.process is not None:
            self.outcome = self._exited(TIMEOUT)
            self.process.kill()
        else:
            self.run.arrive(self.position, TaskTimeout(self.process, "async_stream", self.run.options.timeout))

    def _ended(self, _: object, reason: object) -> None:
        self._stop_watching()
        run = self.run
        del run.running[self.position]
        if self.outcome is None:
            self._bring_down_owner(reason)
        run.arrive(self.position, self.outcome or self._exited(reason))

    def _bring_down_owner(self, reason: object) -> None:
        # As a link would, except that one that traps exits reads of it in the results and not in its mailbox.
        owner = self.run.owner
        if self.run.stream.linked and isinstance(owner, Process) and not (owner.ties and owner.ties.trapping):
            owner.signal(reason, self.process)

    def _exited(self, reason: object) -> Exited:
        return Exited((self.item, reason) if self.run.options.zip_input_on_exit else reason)

    def _stop_watching(self) -> None:
        if self.timer is not None:
            self.timer.drop()
        if self.process is not None and self.process.ties is not None:
            self.process.ties.watchers.pop(self, None)


async def launch_alone(function: Function, args: Arguments, callers: Callers, client: Client) -> None:
    """Start a task of a stream under no supervisor."""
    begin(TaskBody(function, args, {}, callers, client))


def _is_positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
