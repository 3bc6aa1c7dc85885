"""Tasks under a supervisor: they end with it, are counted and limited by it, and need not be linked to their owner.

    child(TaskSupervisor, max_children=100).named("tasks")

    tasks = Ref(TaskSupervisor, "tasks")
    page = await TaskSupervisor.async_nolink(tasks, fetch, url)
    text = await page.await_()

A `Task.child_spec(...)` in place of the function says more, as in `.shutdown("brutal_kill")`. Like Elixir's
`Task.Supervisor`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeGuard, TypeVar, Unpack, cast, overload

from greenroom.foundation.dynamic_supervisor import DynamicSupervisor
from greenroom.foundation.errors import StartError
from greenroom.foundation.mailbox import Arguments, Function
from greenroom.foundation.owner import current_owner
from greenroom.foundation.ref import Ref
from greenroom.foundation.task import Task
from greenroom.foundation.task_body import Callers, Client, TaskSpec, chain
from greenroom.foundation.task_stream import Launch, StreamOptions, SupervisedStreamSettings, TaskStream

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


@dataclass
class TaskSupervisor(DynamicSupervisor, type="supervisor"):
    """Starts tasks on demand, at most `max_children` at a time. They do not come back unless their spec says so."""

    async def children(self) -> list[Ref[Any]]:
        """The processes of the tasks that run."""
        return list(self._children)

    @overload
    @staticmethod
    async def async_(supervisor: Ref[TaskSupervisor], spec: TaskSpec[R], /) -> Task[R]: ...
    @overload
    @staticmethod
    async def async_(
        supervisor: Ref[TaskSupervisor], function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Task[R]: ...
    @staticmethod
    async def async_(
        supervisor: Ref[TaskSupervisor], work: TaskSpec[Any] | Function, /, *args: object, **kwargs: object
    ) -> Task[Any]:
        """Run a function under the supervisor, in a process that is linked to this one as well.

        Raises:
            TooManyChildren: the supervisor has as many as it may.
            NotRunning: there is no supervisor.
        """
        return await _start(supervisor, _spec(work, args, kwargs), linked=True)

    @overload
    @staticmethod
    async def async_nolink(supervisor: Ref[TaskSupervisor], spec: TaskSpec[R], /) -> Task[R]: ...
    @overload
    @staticmethod
    async def async_nolink(
        supervisor: Ref[TaskSupervisor], function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Task[R]: ...
    @staticmethod
    async def async_nolink(
        supervisor: Ref[TaskSupervisor], work: TaskSpec[Any] | Function, /, *args: object, **kwargs: object
    ) -> Task[Any]:
        """Run a function under the supervisor; a crash is told where the answer is awaited, and nowhere else.

        Raises:
            TooManyChildren: the supervisor has as many as it may.
            NotRunning: there is no supervisor.
        """
        return await _start(supervisor, _spec(work, args, kwargs), linked=False)

    @staticmethod
    def async_stream(
        supervisor: Ref[TaskSupervisor],
        items: Iterable[T] | AsyncIterable[T],
        function: Callable[[T], Awaitable[R]],
        **settings: Unpack[SupervisedStreamSettings],
    ) -> TaskStream[R]:
        """`Task.async_stream` with tasks under the supervisor."""
        options = StreamOptions(**settings)
        return TaskStream(items, function, options, _launcher(supervisor, options), linked=True)

    @staticmethod
    def async_stream_nolink(
        supervisor: Ref[TaskSupervisor],
        items: Iterable[T] | AsyncIterable[T],
        function: Callable[[T], Awaitable[R]],
        **settings: Unpack[SupervisedStreamSettings],
    ) -> TaskStream[R]:
        """The same without links: a task that crashes is an `Exited` among the results and ends nobody else."""
        options = StreamOptions(**settings)
        return TaskStream(items, function, options, _launcher(supervisor, options), linked=False)


def _spec(work: object, args: Arguments, kwargs: dict[str, object]) -> TaskSpec[Any]:
    return work if _is_spec(work) else TaskSpec[Any](cast("Function", work), args, kwargs)


def _is_spec(work: object) -> TypeGuard[TaskSpec[Any]]:
    return isinstance(work, TaskSpec)


async def _start(supervisor: Ref[TaskSupervisor], spec: TaskSpec[R], *, linked: bool) -> Task[R]:
    owner = current_owner("TaskSupervisor.async_")
    task: Task[R] = Task(spec.start_function, owner, linked=linked)
    await _start_child(supervisor, spec.restart("temporary").of(chain(owner), task))
    return task


def _launcher(supervisor: Ref[TaskSupervisor], options: StreamOptions) -> Launch:
    async def launch(function: Function, args: Arguments, callers: Callers, client: Client) -> None:
        spec = TaskSpec[Any](function, args, {}).shutdown(options.shutdown)
        await _start_child(supervisor, spec.of(callers, client))

    return launch


async def _start_child(supervisor: Ref[TaskSupervisor], spec: TaskSpec[Any]) -> None:
    started = await supervisor.within(None).call(TaskSupervisor.start_child, spec)
    if isinstance(started, StartError):
        raise started
