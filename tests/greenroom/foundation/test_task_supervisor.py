"""Tasks under a supervisor: who is linked to whom, what ends with what, and how many there may be."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NoReturn

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
    TaskDown,
    TaskStream,
    TaskSupervisor,
    TaskTimeout,
    TooManyChildren,
    Via,
    child,
    current_process,
    exit_with,
    list_processes,
    monitor,
    spawn,
)
from greenroom.testing import Probe, Tree, VirtualClock, settle

FOREVER = float("inf")
NOBODY = Counts(specs=0, active=0, supervisors=0, workers=0)


class Thrown(BaseException):
    """What no `except Exception` stops."""


async def answer(value: object = "done") -> object:
    return value


async def endless() -> object:
    return await asyncio.Event().wait()


async def leave(reason: object) -> NoReturn:
    exit_with(reason)


async def fail(error: BaseException) -> NoReturn:
    raise error


async def sleep(milliseconds: float) -> float:
    if milliseconds == FOREVER:
        await asyncio.Event().wait()
    await asyncio.sleep(milliseconds / 1000)
    return milliseconds


async def leave_with(item: object) -> NoReturn:
    exit_with(str(item))


@pytest.fixture
async def tasks(tree: Tree) -> Ref[TaskSupervisor]:
    return await tree.start(TaskSupervisor)


@pytest.fixture
async def one_task(tree: Tree) -> Ref[TaskSupervisor]:
    return await tree.start(TaskSupervisor, max_children=1)


def done(*values: object) -> list[object]:
    return [Done(value) for value in values]


def exited(*reasons: object) -> list[object]:
    return [Exited(reason) for reason in reasons]


def links(ref: Ref[Any]) -> list[Any]:
    ties = ref.find().ties
    return [] if ties is None else list(ties.links)


async def children(tasks: Ref[TaskSupervisor]) -> list[Ref[Any]]:
    return await tasks.call(TaskSupervisor.children)


# The supervisor itself.


@pytest.mark.conforms("ex.task_supervisor.001")
async def test_a_task_supervisor_in_a_tree_is_found_by_its_name() -> None:
    tree = await Supervisor.start([child(TaskSupervisor).named("tasks")])

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

    tree = await Supervisor.start(specs)

    infos = await tree.call(Supervisor.which_children)
    assert [info.id for info in infos[1:]] == names
    assert [await children(Ref(TaskSupervisor, name)) for name in names] == [[], [], []]
    await tree.stop()


@pytest.mark.conforms("ex.task_supervisor.004")
async def test_a_second_task_supervisor_without_a_name_is_the_same_child() -> None:
    tree = await Supervisor.start([])

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


async def failure_of(probe: Probe, work: Callable[[], Awaitable[Task[Any]]]) -> TaskDown:
    """How an await fails in a process that traps exits."""

    async def catch() -> TaskDown:
        with pytest.raises(TaskDown) as caught:
            await (await work()).await_()
        return caught.value

    probe.trap_exit()
    return await probe.perform(catch)


@pytest.mark.conforms("ex.task_supervisor.025")
@pytest.mark.expected_crash(reason=Thrown)
async def test_awaiting_a_task_that_throws_fails_with_what_was_thrown(tasks: Ref[TaskSupervisor], probe: Probe) -> None:
    failure = await failure_of(probe, lambda: TaskSupervisor.async_(tasks, fail, Thrown()))

    assert isinstance(failure.reason, Thrown)
    assert (failure.method, failure.seconds) == ("await_", 5.0)


@pytest.mark.conforms("ex.task_supervisor.026")
@pytest.mark.expected_crash(reason=ValueError)
async def test_awaiting_a_task_that_raises_fails_with_the_exception(tasks: Ref[TaskSupervisor], probe: Probe) -> None:
    error = ValueError("oops")

    failure = await failure_of(probe, lambda: TaskSupervisor.async_(tasks, fail, error))

    assert (failure.reason, failure.__cause__) == (error, error)
    assert (failure.method, failure.seconds) == ("await_", 5.0)


@pytest.mark.conforms("ex.task_supervisor.027")
async def test_awaiting_a_task_that_exits_fails_with_its_reason(tasks: Ref[TaskSupervisor], probe: Probe) -> None:
    failure = await failure_of(probe, lambda: TaskSupervisor.async_(tasks, leave, "unknown"))

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


# Streams.


class Consumer:
    """A process that traps exits, owns a task supervisor and consumes streams."""

    def __init__(self, probe: Probe, tasks: Ref[TaskSupervisor], clock: VirtualClock) -> None:
        self.probe = probe
        self.tasks = tasks
        self.clock = clock

    async def consume(self, work: Callable[[], Awaitable[Any]]) -> Any:
        running = asyncio.ensure_future(self.probe.perform(work))
        await settle()
        while not running.done() and await self.clock.skip_to_next_timer():
            pass
        return await running

    async def results(self, stream: TaskStream[Any], take: int | None = None) -> list[Any]:
        found: list[Any] = await self.consume(partial(results, stream, take))
        return found

    async def assert_alone(self) -> None:
        """No task is left, no message, and no link but the one to the supervisor."""
        await settle()
        assert await children(self.tasks) == []
        assert links(self.probe.ref) == [self.tasks.where()]
        assert self.probe.messages == []


async def results(stream: TaskStream[Any], take: int | None = None) -> list[Any]:
    found: list[Any] = []
    async for outcome in stream:
        found.append(outcome)
        if len(found) == take:
            break
    return found


async def consumer_with(tasks: Ref[TaskSupervisor], probe: Probe, clock: VirtualClock) -> Consumer:
    probe.trap_exit()
    probe.link(tasks)
    return Consumer(probe, tasks, clock)


@pytest.fixture
async def consumer(tasks: Ref[TaskSupervisor], probe: Probe, clock: VirtualClock) -> Consumer:
    return await consumer_with(tasks, probe, clock)


@pytest.fixture
async def limited(one_task: Ref[TaskSupervisor], probe: Probe, clock: VirtualClock) -> Consumer:
    return await consumer_with(one_task, probe, clock)


Stream = Callable[..., TaskStream[Any]]


def of_both_kinds(linked: str, unlinked: str) -> pytest.MarkDecorator:
    """Run with tasks that are linked to the consumer, and with others."""
    kinds = [(TaskSupervisor.async_stream, linked), (TaskSupervisor.async_stream_nolink, unlinked)]
    return pytest.mark.parametrize(
        "stream", [pytest.param(kind, marks=pytest.mark.conforms(id)) for kind, id in kinds], ids=["linked", "nolink"]
    )


@of_both_kinds("ex.task_supervisor.028", "ex.task_supervisor.041")
async def test_results_come_in_the_order_of_the_items(consumer: Consumer, stream: Stream) -> None:
    found = await consumer.results(stream(consumer.tasks, [1, 2, 3, 4], sleep, max_concurrency=4))

    assert found == done(1, 2, 3, 4)


@of_both_kinds("ex.task_supervisor.029", "ex.task_supervisor.042")
async def test_a_function_may_bring_arguments_of_its_own(consumer: Consumer, stream: Stream) -> None:
    async def add(amount: int, number: int) -> int:
        return amount + number

    found = await consumer.results(stream(consumer.tasks, [1, 2, 3, 4], partial(add, 5)))

    assert found == done(6, 7, 8, 9)


@of_both_kinds("ex.task_supervisor.030", "ex.task_supervisor.043")
async def test_a_stream_that_was_consumed_leaves_nothing(consumer: Consumer, stream: Stream) -> None:
    await consumer.results(stream(consumer.tasks, [1, 2, 3, 4], sleep))

    await consumer.assert_alone()


@of_both_kinds("ex.task_supervisor.031", "ex.task_supervisor.044")
async def test_results_keep_the_order_when_the_slowest_is_first(consumer: Consumer, stream: Stream) -> None:
    found = await consumer.results(stream(consumer.tasks, [4, 3, 2, 1], sleep, max_concurrency=4))

    assert found == done(4, 3, 2, 1)


@pytest.mark.conforms("ex.task_supervisor.032")
async def test_exits_are_results_for_a_consumer_that_traps_them(consumer: Consumer) -> None:
    found = await consumer.results(TaskSupervisor.async_stream(consumer.tasks, [1, 2, 3, 4], leave_with))

    assert found == exited("1", "2", "3", "4")
    await consumer.assert_alone()


@of_both_kinds("ex.task_supervisor.033", "ex.task_supervisor.046")
async def test_stopping_early_kills_the_other_tasks(consumer: Consumer, stream: Stream) -> None:
    async def take_one() -> tuple[object, list[Ref[Any]]]:
        outcomes = aiter(stream(consumer.tasks, [0, FOREVER, FOREVER, FOREVER], sleep, max_concurrency=4))
        first = await anext(outcomes)
        running = await children(consumer.tasks)
        await outcomes.aclose()
        return first, running

    first, running = await consumer.consume(take_one)

    assert (first, len(running)) == (Done(0), 3)
    assert [ref.alive for ref in running] == [False, False, False]
    assert links(consumer.probe.ref) == [consumer.tasks.where()]


@of_both_kinds("ex.task_supervisor.034", "ex.task_supervisor.047")
async def test_stopping_early_leaves_nothing(consumer: Consumer, stream: Stream) -> None:
    outcomes = stream(consumer.tasks, [0, FOREVER, FOREVER, FOREVER], sleep, max_concurrency=4)

    assert await consumer.results(outcomes, take=1) == done(0)
    await consumer.assert_alone()


@of_both_kinds("ex.task_supervisor.035", "ex.task_supervisor.048")
async def test_a_task_too_many_ends_the_consumption_and_leaves_nothing(limited: Consumer, stream: Stream) -> None:
    async def consume() -> None:
        with pytest.raises(TooManyChildren):
            await results(stream(limited.tasks, [FOREVER] * 4, sleep, max_concurrency=2))

    await limited.consume(consume)

    await limited.assert_alone()


@pytest.mark.conforms("ex.task_supervisor.036")
async def test_tasks_of_nested_streams_know_who_asked_for_them(consumer: Consumer) -> None:
    async def inner(_: int) -> object:
        return Task.callers()

    async def outer(_: int) -> object:
        [outcome] = await results(TaskSupervisor.async_stream(consumer.tasks, [1], inner))
        return current_process(), outcome.value

    [outcome] = await consumer.results(TaskSupervisor.async_stream(consumer.tasks, [1], outer))

    task, callers = outcome.value
    assert callers == (task, consumer.probe.ref)


@pytest.mark.conforms("ex.task_supervisor.037")
async def test_a_stream_belongs_to_the_process_that_consumes_it(consumer: Consumer) -> None:
    async def asker(number: int) -> object:
        return number, Task.callers()[0]

    stream = TaskSupervisor.async_stream(consumer.tasks, [1, 2, 3], asker)

    ref = consumer.probe.ref
    assert await consumer.results(stream) == done((1, ref), (2, ref), (3, ref))


@pytest.mark.conforms("ex.task_supervisor.038")
async def test_a_slow_task_is_killed_and_told_with_its_item(consumer: Consumer) -> None:
    stream = TaskSupervisor.async_stream(
        consumer.tasks, [1, 100], sleep, timeout=0.05, on_timeout="kill_task", zip_input_on_exit=True
    )

    assert await consumer.results(stream) == [Done(1), Exited((100, "timeout"))]
    await consumer.assert_alone()


@pytest.mark.conforms("ex.task_supervisor.039")
async def test_exits_are_told_with_their_items(consumer: Consumer) -> None:
    stream = TaskSupervisor.async_stream(
        consumer.tasks, range(1, 9), leave_with, max_concurrency=4, zip_input_on_exit=True
    )

    assert await consumer.results(stream, take=4) == exited((1, "1"), (2, "2"), (3, "3"), (4, "4"))


@pytest.mark.conforms("ex.task_supervisor.040")
async def test_a_shutdown_that_makes_no_sense_is_refused_when_the_stream_is_built(tasks: Ref[TaskSupervisor]) -> None:
    with pytest.raises(ValueError, match="expected shutdown to be seconds, or 'brutal_kill', got 'unknown'"):
        TaskSupervisor.async_stream(tasks, [], sleep, shutdown="unknown")  # type: ignore[arg-type]


@pytest.mark.conforms("ex.task_supervisor.045")
async def test_exits_are_results_for_any_consumer_without_links(tasks: Ref[TaskSupervisor]) -> None:
    found: list[object] = []

    async def consume() -> None:
        found.extend(await results(TaskSupervisor.async_stream_nolink(tasks, [1, 2, 3, 4], leave_with)))

    assert await spawn(consume).down() == "normal"
    assert found == exited("1", "2", "3", "4")


async def test_linked_tasks_of_a_stream_bring_a_consumer_down_that_does_not_trap_exits(
    tasks: Ref[TaskSupervisor],
) -> None:
    async def consume() -> None:
        await results(TaskSupervisor.async_stream(tasks, [1], leave_with))

    assert await spawn(consume).down() == "1"


async def test_tasks_of_a_stream_have_the_time_to_stop_that_the_stream_gives_them(clock: VirtualClock) -> None:
    tasks = await TaskSupervisor.start()
    consumer = asyncio.create_task(
        results(TaskSupervisor.async_stream(tasks, [1], lambda _: endless(), shutdown="brutal_kill"))
    )
    await settle()

    await tasks.stop()

    assert await consumer == exited("killed")


async def test_the_end_of_a_consumer_ends_the_tasks_of_its_stream(tasks: Ref[TaskSupervisor]) -> None:
    async def consume() -> None:
        await results(TaskSupervisor.async_stream_nolink(tasks, [FOREVER], sleep))

    consumer = spawn(consume)
    await settle()
    running = len(await children(tasks))

    consumer.exit("kill")
    await settle()

    assert (running, await children(tasks)) == (1, [])


async def test_a_supervisor_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(NotRunning):
        await TaskSupervisor.async_(Ref(TaskSupervisor, "nobody"), answer)

    assert list_processes() == []
