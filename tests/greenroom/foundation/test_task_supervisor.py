"""Tasks under a supervisor: who is linked to whom, what ends with what, and how many there may be."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from greenroom import (
    AlreadyStarted,
    ChildSpec,
    Counts,
    Done,
    Down,
    DynamicSupervisor,
    Exited,
    Global,
    NoSuchChild,
    NotRunning,
    Ref,
    Registry,
    Supervisor,
    Task,
    TaskSupervisor,
    TaskTimeout,
    TooManyChildren,
    Via,
    child,
    current_process,
    list_processes,
    monitor,
    resume,
    spawn,
    suspend,
)
from greenroom.testing import Probe, Tree, settle
from tests.greenroom.foundation.errand import Thrown, answer, endless, fail, failure_of, leave

NOBODY = Counts(specs=0, active=0, supervisors=0, workers=0)


@pytest.fixture
async def tasks(tree: Tree) -> Ref[TaskSupervisor]:
    return await tree.start(TaskSupervisor)


@pytest.fixture
async def one_task(tree: Tree) -> Ref[TaskSupervisor]:
    return await tree.start(TaskSupervisor, max_children=1)


def links(ref: Ref[Any]) -> list[Any]:
    ties = ref.find().ties
    return [] if ties is None else list(ties.links)


async def children(tasks: Ref[TaskSupervisor]) -> list[Ref[Any]]:
    return await tasks.call(TaskSupervisor.children)


async def awaited(task: Awaitable[Task[Any]]) -> object:
    return await (await task).await_()


# The supervisor itself.


@pytest.mark.conforms("ex.task_supervisor.001")
async def test_a_task_supervisor_in_a_tree_is_found_by_its_name() -> None:
    tree = await Supervisor.start([child(TaskSupervisor).named("tasks")], strategy="one_for_one")

    tasks = Ref(TaskSupervisor, "tasks")

    assert tasks.alive
    assert await (await TaskSupervisor.async_(tasks, answer)).await_() == "done"
    await tree.stop()


@pytest.mark.conforms("ex.task_supervisor.003")
async def test_task_supervisors_of_one_parent_go_by_names_of_every_kind() -> None:
    names: list[Any] = ["tasks", Global("tasks"), Via("names", "tasks")]
    specs: list[ChildSpec[Any]] = [
        child(Registry, "unique").named("names"),
        *(child(TaskSupervisor).named(name) for name in names),
    ]

    tree = await Supervisor.start(specs, strategy="one_for_one")

    infos = await tree.call(Supervisor.which_children)
    assert [info.id for info in infos[1:]] == names
    assert [await children(Ref(TaskSupervisor, name)) for name in names] == [[], [], []]
    await tree.stop()


@pytest.mark.conforms("ex.task_supervisor.004")
async def test_a_second_task_supervisor_without_a_name_is_the_same_child() -> None:
    tree = await Supervisor.start([], strategy="one_for_one")

    first = await tree.call(Supervisor.start_child, child(TaskSupervisor))
    second = await tree.call(Supervisor.start_child, child(TaskSupervisor))

    assert isinstance(second, AlreadyStarted)
    assert second.ref is first
    await tree.stop()


@pytest.mark.conforms("ex.task_supervisor.005")
async def test_a_new_task_supervisor_has_no_children_for_whoever_asks(tasks: Ref[TaskSupervisor]) -> None:
    as_any: Ref[Any] = tasks

    assert await as_any.call(Supervisor.which_children) == await tasks.call(DynamicSupervisor.which_children) == []
    assert await as_any.call(Supervisor.count_children) == await tasks.call(DynamicSupervisor.count_children) == NOBODY


@pytest.mark.conforms("ex.task_supervisor.023")
async def test_a_child_that_was_terminated_is_forgotten(tasks: Ref[TaskSupervisor]) -> None:
    task = await tasks.call(TaskSupervisor.start_child, Task.child_spec(endless))
    assert isinstance(task, Ref)

    assert await tasks.call(TaskSupervisor.terminate_child, task) is None
    assert await children(tasks) == []
    assert await tasks.call(TaskSupervisor.terminate_child, task) == NoSuchChild(task)


async def test_a_supervisor_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(NotRunning):
        await TaskSupervisor.async_(Ref(TaskSupervisor, "nobody"), answer)

    assert list_processes() == []


# Linked tasks.


@pytest.mark.conforms("ex.task_supervisor.006")
async def test_a_task_is_a_child_of_the_supervisor_and_linked_to_its_owner(
    tasks: Ref[TaskSupervisor], probe: Probe
) -> None:
    task = await probe.perform(lambda: TaskSupervisor.async_(tasks, endless))

    assert await children(tasks) == [task.ref]
    assert (task.function, task.owner) == (endless, probe.ref)
    assert links(probe.ref) == [task.ref]


@pytest.mark.conforms("ex.task_supervisor.007")
async def test_a_task_is_known_by_the_function_of_the_user(tasks: Ref[TaskSupervisor]) -> None:
    task = await TaskSupervisor.async_(tasks, endless)

    [info] = await tasks.call(TaskSupervisor.which_children)

    assert info.server is endless
    assert str(task.ref).startswith("<endless ")


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(TaskSupervisor.async_, marks=pytest.mark.conforms("ex.task_supervisor.008")),
        pytest.param(TaskSupervisor.async_nolink, marks=pytest.mark.conforms("ex.task_supervisor.014")),
    ],
)
async def test_the_answer_of_a_task_is_there_before_its_end_is_told(
    start: Callable[..., Awaitable[Task[object]]], tasks: Ref[TaskSupervisor], probe: Probe
) -> None:
    async def work() -> tuple[Task[object], object]:
        task = await start(tasks, answer)
        assert task.ref is not None
        return task, monitor(task.ref)

    task, watch = await probe.perform(work)

    down = await probe.expect_message(Down)
    assert (down.monitor, down.ref, down.reason) == (watch, task.ref, "normal")
    assert await probe.perform(lambda: task.yield_(0)) == Done("done")
    assert probe.messages == []


@pytest.mark.conforms("ex.task_supervisor.009")
async def test_a_task_to_be_killed_brutally_is_killed_when_the_supervisor_ends(probe: Probe) -> None:
    await assert_killed_with_supervisor(probe, TaskSupervisor.async_)


async def assert_killed_with_supervisor(probe: Probe, start: Callable[..., Awaitable[Any]]) -> None:
    tasks = await TaskSupervisor.start()
    probe.trap_exit()
    task = await probe.perform(lambda: start(tasks, Task.child_spec(endless).shutdown("brutal_kill")))
    process: Any = getattr(task, "ref", task)
    watch = probe.monitor(process)

    tasks.find().signal("shutdown", None, orderly=True)

    await probe.expect_message(Down(watch, process, "killed"))
    await settle()
    assert not tasks.alive


@pytest.mark.conforms("ex.task_supervisor.010")
async def test_a_task_too_many_is_refused(one_task: Ref[TaskSupervisor]) -> None:
    await TaskSupervisor.async_(one_task, endless)

    with pytest.raises(TooManyChildren, match="fewer than 1"):
        await TaskSupervisor.async_(one_task, endless)


@pytest.mark.conforms("ex.task_supervisor.011")
async def test_tasks_know_who_asked_for_them_and_whose_children_they_are(probe: Probe) -> None:
    async def callers() -> tuple[object, object]:
        return Task.callers(), ancestors()

    async def outer(tasks: Ref[TaskSupervisor]) -> object:
        inner = await TaskSupervisor.async_(tasks, callers)
        return current_process(), await callers(), await inner.await_()

    async def work() -> tuple[object, Any]:
        tasks = await TaskSupervisor.start_link()
        return tasks, await (await TaskSupervisor.async_(tasks, outer, tasks)).await_()

    tasks, (task, of_outer, of_inner) = await probe.perform(work)

    assert of_outer == ((probe.ref,), [tasks, probe.ref])
    assert of_inner == ((task, probe.ref), [tasks, probe.ref])


def ancestors() -> list[object]:
    """The processes that the running one was started by: its supervisor, and who started that one."""
    supervisor = current_process().find().parent
    return [supervisor, supervisor.ties.starter]


@pytest.mark.conforms("ex.task_supervisor.012")
async def test_a_task_gets_the_arguments_that_follow_its_function(tasks: Ref[TaskSupervisor]) -> None:
    async def add(first: int, *, second: int) -> int:
        return first + second

    task = await TaskSupervisor.async_(tasks, add, 1, second=2)

    assert await task.await_() == 3


@pytest.mark.conforms("ex.task_supervisor.024")
async def test_nothing_comes_of_a_task_after_its_await_timed_out(tasks: Ref[TaskSupervisor], probe: Probe) -> None:
    go = asyncio.Event()

    async def work() -> Task[bool]:
        task = await TaskSupervisor.async_(tasks, go.wait)
        with pytest.raises(TaskTimeout):
            await task.await_(0)
        return task

    task = await probe.perform(work)
    go.set()

    await probe.expect_no_message()
    assert await probe.perform(lambda: task.yield_(0)) is None


@pytest.mark.conforms("ex.task_supervisor.025")
@pytest.mark.expected_crash(reason=Thrown)
async def test_awaiting_a_task_that_throws_fails_with_what_was_thrown(tasks: Ref[TaskSupervisor], probe: Probe) -> None:
    failure = await failure_of(probe, lambda: awaited(TaskSupervisor.async_(tasks, fail, Thrown())))

    assert isinstance(failure.reason, Thrown)
    assert (failure.method, failure.seconds) == ("await_", 5.0)


@pytest.mark.conforms("ex.task_supervisor.026")
@pytest.mark.expected_crash(reason=ValueError)
async def test_awaiting_a_task_that_raises_fails_with_the_exception(tasks: Ref[TaskSupervisor], probe: Probe) -> None:
    error = ValueError("oops")

    failure = await failure_of(probe, lambda: awaited(TaskSupervisor.async_(tasks, fail, error)))

    assert (failure.reason, failure.__cause__) == (error, error)
    assert (failure.method, failure.seconds) == ("await_", 5.0)


@pytest.mark.conforms("ex.task_supervisor.027")
async def test_awaiting_a_task_that_exits_fails_with_its_reason(tasks: Ref[TaskSupervisor], probe: Probe) -> None:
    failure = await failure_of(probe, lambda: awaited(TaskSupervisor.async_(tasks, leave, "unknown")))

    assert (failure.reason, failure.method, failure.seconds) == ("unknown", "await_", 5.0)


async def test_a_task_does_not_come_back_even_if_its_spec_says_so(tasks: Ref[TaskSupervisor]) -> None:
    task = await TaskSupervisor.async_nolink(tasks, Task.child_spec(leave, "oops").restart("permanent"))

    assert await task.yield_() == Exited("oops")
    assert await children(tasks) == []


async def test_a_task_of_a_supervisor_that_is_killed_ends_with_it(probe: Probe) -> None:
    tasks = await TaskSupervisor.start()
    task = await TaskSupervisor.async_nolink(tasks, endless)

    tasks.exit("kill")

    assert await task.yield_() == Exited("killed")


# Tasks without a link.


@pytest.mark.conforms("ex.task_supervisor.013")
async def test_a_task_without_a_link_is_a_child_that_its_owner_hears_of(
    tasks: Ref[TaskSupervisor], probe: Probe
) -> None:
    task = await probe.perform(lambda: TaskSupervisor.async_nolink(tasks, endless))

    assert await children(tasks) == [task.ref]
    assert links(probe.ref) == []
    assert task.ref is not None
    task.ref.exit("oops")
    assert await probe.perform(task.yield_) == Exited("oops")


@pytest.mark.conforms("ex.task_supervisor.015")
async def test_a_task_without_a_link_is_killed_with_its_supervisor_if_asked_for(probe: Probe) -> None:
    await assert_killed_with_supervisor(probe, TaskSupervisor.async_nolink)


@pytest.mark.conforms("ex.task_supervisor.016")
async def test_a_task_too_many_without_a_link_is_refused(one_task: Ref[TaskSupervisor]) -> None:
    await TaskSupervisor.async_nolink(one_task, endless)

    with pytest.raises(TooManyChildren):
        await TaskSupervisor.async_nolink(one_task, endless)


@pytest.mark.conforms("ex.task_supervisor.017")
async def test_a_task_without_a_link_gets_the_arguments_that_follow(tasks: Ref[TaskSupervisor]) -> None:
    task = await TaskSupervisor.async_nolink(tasks, answer, "an argument")

    assert await task.await_() == "an argument"


# Children that nobody waits for.


@pytest.mark.conforms("ex.task_supervisor.018")
async def test_a_started_child_is_linked_to_nobody_and_answers_nobody(tasks: Ref[TaskSupervisor], probe: Probe) -> None:
    go = asyncio.Event()
    ref = await probe.perform(lambda: tasks.call(TaskSupervisor.start_child, Task.child_spec(go.wait)))

    assert await children(tasks) == [ref]
    assert links(probe.ref) == []
    go.set()
    await probe.expect_no_message()
    assert await children(tasks) == []


@pytest.mark.conforms("ex.task_supervisor.019")
async def test_a_started_child_gets_its_arguments(tasks: Ref[TaskSupervisor]) -> None:
    got: list[tuple[int, int]] = []

    async def work(first: int, *, second: int) -> None:
        got.append((first, second))

    await tasks.call(TaskSupervisor.start_child, Task.child_spec(work, 1, second=2))
    await settle()

    assert got == [(1, 2)]


@pytest.mark.conforms("ex.task_supervisor.020")
async def test_a_started_child_is_killed_with_its_supervisor_if_asked_for(probe: Probe) -> None:
    async def start(tasks: Ref[TaskSupervisor], spec: Any) -> object:
        return await tasks.call(TaskSupervisor.start_child, spec)

    await assert_killed_with_supervisor(probe, start)


@pytest.mark.conforms("ex.task_supervisor.021")
async def test_a_permanent_child_runs_again(tasks: Ref[TaskSupervisor], probe: Probe) -> None:
    runs: list[Ref[Any]] = []

    async def work() -> None:
        runs.append(current_process())
        await endless()

    first = await tasks.call(TaskSupervisor.start_child, Task.child_spec(work).restart("permanent"))
    assert isinstance(first, Ref)
    await settle()
    probe.monitor(first)
    first.exit("shutdown")

    assert (await probe.expect_message(Down)).reason == "shutdown"
    await settle()
    assert len(runs) == 2
    assert await children(tasks) == runs[1:]


@pytest.mark.conforms("ex.task_supervisor.022")
async def test_started_children_know_who_asked_for_them_and_whose_children_they_are(probe: Probe) -> None:
    found: list[object] = []

    async def inner() -> None:
        found.append((Task.callers(), ancestors()))

    async def outer(tasks: Ref[TaskSupervisor]) -> None:
        found.append(current_process())
        await inner()
        await tasks.call(TaskSupervisor.start_child, Task.child_spec(inner))

    async def work() -> object:
        tasks = await TaskSupervisor.start_link()
        await tasks.call(TaskSupervisor.start_child, Task.child_spec(outer, tasks))
        return tasks

    tasks = await probe.perform(work)
    await settle()

    task, of_outer, of_inner = found
    assert of_outer == ((probe.ref,), [tasks, probe.ref])
    assert of_inner == ((task, probe.ref), [tasks, probe.ref])


@pytest.mark.parametrize("start", [TaskSupervisor.async_, TaskSupervisor.async_nolink])
@pytest.mark.parametrize("spawned", [True, False])
async def test_a_task_whose_owner_ends_before_it_starts_does_not_begin(
    tasks: Ref[TaskSupervisor], start: Any, spawned: bool
) -> None:
    begun: list[bool] = []

    async def work() -> None:
        begun.append(True)

    async def ask() -> None:
        await start(tasks, work)

    await suspend(tasks)
    if spawned:
        asking = spawn(ask)
        await settle()
        asking.exit("kill")
    else:
        waiting = asyncio.ensure_future(ask())
        await settle()
        waiting.cancel()
        await settle()

    await resume(tasks)
    await settle()

    assert (begun, await children(tasks)) == ([], [])
