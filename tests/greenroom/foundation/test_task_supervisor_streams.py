"""Streams of tasks under a supervisor, linked to their consumer or not."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from greenroom import (
    Done,
    Exited,
    Ref,
    Task,
    TaskStream,
    TaskSupervisor,
    TooManyChildren,
    current_process,
    spawn,
)
from greenroom.testing import Probe, Tree, VirtualClock, settle
from tests.greenroom.foundation.consumer import FOREVER, Consumer, done, exited, leave_as, results, sleep
from tests.greenroom.foundation.errand import endless


@pytest.fixture
async def tasks(tree: Tree) -> Ref[TaskSupervisor]:
    return await tree.start(TaskSupervisor)


@pytest.fixture
async def consumer(tasks: Ref[TaskSupervisor], probe: Probe, clock: VirtualClock) -> Consumer:
    return Consumer(probe, clock, tasks)


@pytest.fixture
async def limited(tree: Tree, probe: Probe, clock: VirtualClock) -> Consumer:
    return Consumer(probe, clock, await tree.start(TaskSupervisor, max_children=1))


def links(ref: Ref[Any]) -> list[Any]:
    ties = ref.find().ties
    return [] if ties is None else list(ties.links)


async def children(tasks: Ref[TaskSupervisor]) -> list[Ref[Any]]:
    return await tasks.call(TaskSupervisor.children)


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
    found = await consumer.results(TaskSupervisor.async_stream(consumer.tasks, [1, 2, 3, 4], leave_as))

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
        consumer.tasks, range(1, 9), leave_as, max_concurrency=4, zip_input_on_exit=True
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
        found.extend(await results(TaskSupervisor.async_stream_nolink(tasks, [1, 2, 3, 4], leave_as)))

    assert await spawn(consume).down() == "normal"
    assert found == exited("1", "2", "3", "4")


async def test_linked_tasks_of_a_stream_bring_a_consumer_down_that_does_not_trap_exits(
    tasks: Ref[TaskSupervisor],
) -> None:
    async def consume() -> None:
        await results(TaskSupervisor.async_stream(tasks, [1], leave_as))

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
