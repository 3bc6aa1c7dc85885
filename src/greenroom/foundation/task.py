"""Tasks: one function in a process of its own, and its answer for whoever started it.

    page = Task.run(fetch, url)
    ...
    text = await page.await_()

A task is linked to its owner, the process that started it: if one crashes, so does the other. Only the owner may wait
for the answer, which goes to the `Task` and never into a mailbox. Plain asyncio code may own tasks as well: they end
with its asyncio task, and it learns of a crash where it awaits. Like Elixir's `Task`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, Final, Generic, Literal, ParamSpec, TypeAlias, TypeVar, Unpack, get_args

from greenroom.foundation.answer import Answer, wait_for
from greenroom.foundation.exits import KILLED, NOPROC, SHUTDOWN
from greenroom.foundation.outcome import Done, Exited, NotOwner, Outcome, TaskDown, TaskTimeout
from greenroom.foundation.owner import Owner, current_owner, link_to, unlink_from
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Ref
from greenroom.foundation.restart import Shutdown, is_shutdown
from greenroom.foundation.task_body import Callers, TaskBody, TaskSpec, begin, callers_here, chain
from greenroom.foundation.task_stream import StreamOptions, StreamSettings, TaskStream, launch_alone

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")

WhenLate: TypeAlias = Literal["nothing", "ignore", "kill_task"]

SECONDS: Final = 5.0
"""How long to wait for an answer unless it is said otherwise; OTP's default."""


class Task(Generic[T_co]):
    """A function that runs in a process of its own, as its owner sees it."""

    __slots__ = ("_process", "answer", "function", "linked", "owner")

    def __init__(self, function: object, owner: Owner, *, linked: bool = True) -> None:
        self.function = function
        self.owner = owner
        self.linked = linked
        # Any, since an answer is put here, and an address where an int arrives is one where an object does.
        self.answer: Answer[Any] = Answer()
        self._process: Process[Any] | None = None

    @staticmethod
    def run(function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> Task[R]:
        """Run the function in a process that is linked to this one. Elixir's `Task.async`."""
        owner = current_owner("Task.run")
        task: Task[R] = Task(function, owner)
        begin(TaskBody(function, args, kwargs, chain(owner), task))
        return task

    @staticmethod
    def completed(value: R) -> Task[R]:
        """A task that has answered already, and never ran."""
        task: Task[R] = Task(None, current_owner("Task.completed"))
        task.answer.arrive(Done(value))
        return task

    @staticmethod
    def start(function: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> Ref[object]:
        """Run the function in a process of its own; nobody waits for its answer."""
        return begin(TaskBody(function, args, kwargs, callers_here(), None))

    @staticmethod
    def start_link(function: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> Ref[object]:
        """Start, linked to this process."""
        owner = current_owner("Task.start_link")
        process = begin(TaskBody(function, args, kwargs, chain(owner), None))
        link_to(process, owner)
        return process

    @staticmethod
    def child_spec(function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> TaskSpec[R]:
        """A task in a tree of supervisors; it does not come back unless its spec is told to. `(Task, function)` too."""
        return TaskSpec(function, args, kwargs)

    @staticmethod
    def async_stream(
        items: Iterable[T] | AsyncIterable[T],
        function: Callable[[T], Awaitable[R]],
        **settings: Unpack[StreamSettings],
    ) -> TaskStream[R]:
        """Run the function for each item, in tasks that are linked to whoever consumes the stream.

        See `StreamSettings`; `max_concurrency` is the one to think of.

        Raises:
            ValueError: a setting makes no sense.
        """
        return TaskStream(items, function, StreamOptions(**settings), launch_alone, linked=True)

    @staticmethod
    def callers() -> Callers:
        """Who asked for the running task, who asked for that one, and so on; nobody outside of a task."""
        owner = current_owner("Task.callers")
        body = owner.server if isinstance(owner, Process) else None
        return body.callers if isinstance(body, TaskBody) else ()

    @property
    def ref(self) -> Ref[object] | None:
        """Its process, None when it never had one."""
        return self._process

    async def await_(self, timeout: float | None = SECONDS) -> T_co:
        """Wait for the answer; once.

        Raises:
            TaskDown: it ended without one, for the reason given.
            TaskTimeout: it took too long. It runs on, and its answer goes nowhere; `yield_` waits and may ask again.
            NotOwner: another process started it.
        """
        _refuse_strangers([self], "await_")
        answer = self.answer
        if answer.spent:
            raise TaskTimeout(self, "await_", timeout, spent=True)
        with self._waited_for():
            await wait_for([answer], 1, timeout)
        match answer.take():
            case Done(value):
                answered: T_co = value
                return answered
            case Exited(reason):
                raise TaskDown(self, "await_", timeout, reason) from _cause(reason)
            case None:
                raise TaskTimeout(self, "await_", timeout)

    async def yield_(self, timeout: float | None = SECONDS) -> Outcome[T_co] | None:
        """Wait for the outcome; None when there is none yet, and it may be asked for again.

        Raises:
            NotOwner: another process started it.
        """
        _refuse_strangers([self], "yield_")
        answer = self.answer
        await wait_for([answer], 1, timeout)
        return answer.take() if answer.outcome is not None else None

    async def shutdown(self, timeout: Shutdown = SECONDS) -> Outcome[T_co] | None:
        """Unlink the task and end it; what it answered before that, or how else it ended, None if by this.

        `timeout` is how many seconds it has before it is killed, `brutal_kill` for none.

        Raises:
            NotOwner: another process started it.
        """
        _refuse_strangers([self], "shutdown")
        if not is_shutdown(timeout):
            raise ValueError(f"expected timeout to be seconds, 'brutal_kill' or 'infinity', got {timeout!r}")
        self._unlink()
        reason = NOPROC if self._process is None else await _end(self._process, timeout)
        outcome = self.answer.take() or Exited(reason)
        asked_for = KILLED if timeout == "brutal_kill" else SHUTDOWN
        return None if outcome == Exited(asked_for) else outcome

    def ignore(self) -> Outcome[T_co] | None:
        """Let it run on without a link, and drop its answer; answers the outcome if it is there already.

        Raises:
            NotOwner: another process started it.
        """
        _refuse_strangers([self], "ignore")
        self._unlink()
        return self.answer.take()

    @staticmethod
    async def await_many(tasks: Sequence[Task[R]], timeout: float | None = SECONDS) -> list[R]:
        """Wait for all answers, in the order of the tasks.

        Raises:
            TaskDown: one ended without an answer; at once, and none of the others can be awaited any more.
            TaskTimeout: not all have answered in time.
            NotOwner: another process started one of them.
        """
        _refuse_strangers(tasks, "await_many")
        distinct = list(dict.fromkeys(tasks))
        await wait_for([task.answer for task in distinct], len(distinct), timeout, fail_fast=True)
        failed, late = _failed(distinct), [task for task in distinct if task.answer.outcome is None]
        outcomes = {task: task.answer.take() for task in distinct}
        for task, reason in failed:
            raise TaskDown(task, "await_many", timeout, reason) from _cause(reason)
        if late:
            raise TaskTimeout(late, "await_many", timeout)
        answers = (outcomes[task] for task in tasks)
        return [answer.value for answer in answers if isinstance(answer, Done)]

    @staticmethod
    async def yield_many(
        tasks: Sequence[Task[R]],
        timeout: float | None = SECONDS,
        *,
        on_timeout: WhenLate = "nothing",
        limit: int | None = None,
    ) -> list[tuple[Task[R], Outcome[R] | None]]:
        """Wait for all outcomes, or for as many as `limit` says; None for those that are not there yet.

        When the time is up, `on_timeout` says what becomes of the late ones: `ignore` drops their answers, `kill_task`
        ends them. One whose outcome was taken before is late from the beginning: None, or `Exited("noproc")` if it was
        to be killed and its process is gone.

        Raises:
            NotOwner: another process started one of them.
        """
        _refuse_strangers(tasks, "yield_many")
        _check_yield(on_timeout, limit)
        distinct = list(dict.fromkeys(tasks))
        wanted = len(distinct) if limit is None else min(limit, len(distinct))
        # From a task whose outcome was taken before nothing comes any more: it is late, and not waited for.
        awaited = [task.answer for task in distinct if not task.answer.spent]
        await wait_for(awaited, min(wanted, len(awaited)), timeout)
        outcomes = {task: task.answer.take() for task in _arrived(distinct)[:wanted]}
        if len(outcomes) < wanted:
            for task in distinct:
                if task not in outcomes:
                    outcomes[task] = await _give_up(task, on_timeout)
        return [(task, outcomes.get(task)) for task in tasks]

    # Its process, as `Client` has it.

    def begun(self, process: Process[Any]) -> None:
        """Take the process, and tie it to the owner."""
        self._process = process
        process.tie().tell(self, self._ended)
        if _is_over(self.owner):
            # It ended while the supervisor of the task was busy: as in OTP, the function does not even begin.
            process.kill()
        elif self.linked:
            link_to(process, self.owner)

    def answered(self, value: Any) -> None:
        """Take the answer."""
        self.answer.arrive(Done(value))

    def __repr__(self) -> str:
        return "<completed task>" if self._process is None else f"<task {self._process}>"

    def _unlink(self) -> None:
        if self.linked and self._process is not None:
            unlink_from(self._process, self.owner)

    def _ended(self, _: object, reason: object) -> None:
        self.answer.arrive(Exited(reason))

    @contextmanager
    def _waited_for(self) -> Generator[None]:
        # A task that calls its owner now would wait for ever: whoever looks for circles of calls has to see this one.
        ties = self.owner.tie() if isinstance(self.owner, Process) else None
        if ties is not None:
            ties.calling = self._process
        try:
            yield
        finally:
            if ties is not None:
                ties.calling = None


def _is_over(owner: Owner) -> bool:
    return not owner.alive if isinstance(owner, Process) else owner.done()


async def _end(process: Process[Any], limit: Shutdown) -> object:
    gone = process.gone()
    if limit == "brutal_kill":
        process.kill()
    else:
        process.exit(SHUTDOWN)
    timer = None
    if not isinstance(limit, str):
        timer = process.namespace.scheduler.timers.schedule(limit, process.kill)
    try:
        return await gone
    finally:
        if timer is not None:
            timer.drop()


def _refuse_strangers(tasks: Sequence[Task[Any]], what: str) -> None:
    asker = current_owner(what)
    for task in tasks:
        if task.owner is not asker:
            raise NotOwner(task, task.owner, asker)


def _check_yield(on_timeout: WhenLate, limit: int | None) -> None:
    if on_timeout not in get_args(WhenLate):
        raise ValueError(f"expected on_timeout to be one of {', '.join(get_args(WhenLate))}, got {on_timeout!r}")
    if limit is not None and limit < 1:
        raise ValueError(f"expected limit to be above 0 or None, got {limit!r}")


async def _give_up(task: Task[R], how: WhenLate) -> Outcome[R] | None:
    match how:
        case "nothing":
            return None
        case "ignore":
            return task.ignore()
        case "kill_task":
            return await task.shutdown("brutal_kill")


def _arrived(tasks: Sequence[Task[R]]) -> list[Task[R]]:
    arrived = [task for task in tasks if task.answer.outcome is not None]
    return sorted(arrived, key=lambda task: task.answer.arrival)


def _failed(tasks: Sequence[Task[Any]]) -> list[tuple[Task[Any], object]]:
    # In the order in which they did, those that ended without an answer.
    outcomes = ((task, task.answer.outcome) for task in _arrived(tasks))
    return [(task, outcome.reason) for task, outcome in outcomes if isinstance(outcome, Exited)]


def _cause(reason: object) -> BaseException | None:
    return reason if isinstance(reason, BaseException) else None
