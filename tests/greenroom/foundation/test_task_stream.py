"""Streams of tasks: how many run, in which order they answer, and that nothing is left of them."""

from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from itertools import chain, islice
from typing import Any

import pytest

from greenroom import (
    Done,
    Down,
    Exited,
    Ref,
    Task,
    TaskStream,
    TaskTimeout,
    current_process,
    exit_with,
    list_processes,
    monitor,
)
from greenroom.testing import Probe, VirtualClock
from tests.greenroom.foundation.consumer import FOREVER, Consumer, done, exited, leave_as, results, sleep


def at_each_level(equal: str, less: str, greater: str) -> pytest.MarkDecorator:
    """Run with as many tasks at a time as there are items (4), with fewer and with more."""
    levels = [(4, equal), (2, less), (8, greater)]
    return pytest.mark.parametrize(
        "concurrency", [pytest.param(number, marks=pytest.mark.conforms(id)) for number, id in levels]
    )


async def leave_slowly(milliseconds: float) -> None:
    await sleep(milliseconds)
    exit_with(str(milliseconds))


async def pairs(stream: TaskStream[Any]) -> list[Any]:
    """What comes out of a stream that is consumed twice at the same time."""
    first, second = aiter(stream), aiter(stream)
    found = [(outcome, await anext(second)) async for outcome in first]
    assert await anext(second, None) is None
    return found


@pytest.fixture
def consumer(probe: Probe, clock: VirtualClock) -> Consumer:
    return Consumer(probe, clock)


# The same at every level of concurrency.


@at_each_level("ex.task_stream.eq.01", "ex.task_stream.lt.01", "ex.task_stream.gt.01")
async def test_results_come_in_the_order_of_the_items(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream([1, 2, 3, 4], sleep, max_concurrency=concurrency)

    assert await consumer.results(stream) == done(1, 2, 3, 4)


@at_each_level("ex.task_stream.eq.02", "ex.task_stream.lt.02", "ex.task_stream.gt.02")
async def test_a_function_may_bring_arguments_of_its_own(consumer: Consumer, concurrency: int) -> None:
    async def add(amount: int, number: int) -> float:
        return await sleep(number + amount)

    stream = Task.async_stream([1, 2, 3, 4], partial(add, 5), max_concurrency=concurrency)

    assert await consumer.results(stream) == done(6, 7, 8, 9)


@at_each_level("ex.task_stream.eq.03", "ex.task_stream.lt.03", "ex.task_stream.gt.03")
async def test_a_stream_that_was_consumed_leaves_nothing(consumer: Consumer, concurrency: int) -> None:
    await consumer.results(Task.async_stream([1, 2, 3, 4], sleep, max_concurrency=concurrency))

    await consumer.assert_alone()


@at_each_level("ex.task_stream.eq.04", "ex.task_stream.lt.04", "ex.task_stream.gt.04")
async def test_results_keep_the_order_when_the_slowest_is_first(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream([4, 3, 2, 1], sleep, max_concurrency=concurrency)

    assert await consumer.results(stream) == done(4, 3, 2, 1)


@at_each_level("ex.task_stream.eq.05", "ex.task_stream.lt.05", "ex.task_stream.gt.05")
async def test_exits_are_results_for_a_consumer_that_traps_them(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream([1, 2, 3, 4], leave_as, max_concurrency=concurrency)

    assert await consumer.results(stream) == exited("1", "2", "3", "4")
    await consumer.assert_alone()


@at_each_level("ex.task_stream.eq.06", "ex.task_stream.lt.06", "ex.task_stream.gt.06")
async def test_stopping_early_kills_the_other_tasks(consumer: Consumer, concurrency: int) -> None:
    before = len(list_processes())
    stream = Task.async_stream([0, FOREVER, FOREVER, FOREVER], sleep, max_concurrency=concurrency)

    async def take_one() -> tuple[list[Any], int]:
        async with aclosing(aiter(stream)) as outcomes:
            first = await anext(outcomes)
            return [first], len(list_processes()) - before

    first, running = await consumer.consume(take_one)

    assert (first, running) == (done(0), min(concurrency, 4) - 1)
    assert len(list_processes()) == before
    assert not consumer.probe.ref.find().ties.links


@at_each_level("ex.task_stream.eq.07", "ex.task_stream.lt.07", "ex.task_stream.gt.07")
async def test_stopping_early_leaves_nothing(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream([0, FOREVER, FOREVER, FOREVER], sleep, max_concurrency=concurrency)

    assert await consumer.results(stream, take=1) == done(0)
    await consumer.assert_alone()


@at_each_level("ex.task_stream.eq.08", "ex.task_stream.lt.08", "ex.task_stream.gt.08")
async def test_one_stream_can_be_consumed_twice_at_the_same_time(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream([1, 2, 3, 4], sleep, max_concurrency=concurrency)

    assert await consumer.consume(lambda: pairs(stream)) == [*zip(done(1, 2, 3, 4), done(1, 2, 3, 4), strict=True)]


@at_each_level("ex.task_stream.eq.09", "ex.task_stream.lt.09", "ex.task_stream.gt.09")
async def test_one_stream_of_exits_can_be_consumed_twice(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream([1, 2, 3, 4], leave_as, max_concurrency=concurrency)

    expected = exited("1", "2", "3", "4")
    assert await consumer.consume(lambda: pairs(stream)) == [*zip(expected, expected, strict=True)]


@at_each_level("ex.task_stream.eq.10", "ex.task_stream.lt.10", "ex.task_stream.gt.10")
async def test_one_stream_with_the_slowest_first_can_be_consumed_twice(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream([4, 3, 2, 1], sleep, max_concurrency=concurrency)

    assert await consumer.consume(lambda: pairs(stream)) == [*zip(done(4, 3, 2, 1), done(4, 3, 2, 1), strict=True)]


@at_each_level("ex.task_stream.eq.11", "ex.task_stream.lt.11", "ex.task_stream.gt.11")
async def test_an_input_may_be_cut(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream(islice(range(1, 9), 4), sleep, max_concurrency=concurrency)

    assert await consumer.results(stream) == done(1, 2, 3, 4)


@at_each_level("ex.task_stream.eq.12", "ex.task_stream.lt.12", "ex.task_stream.gt.12")
async def test_an_input_of_tasks_that_exit_may_be_cut(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream(islice(range(1, 9), 4), leave_as, max_concurrency=concurrency)

    assert await consumer.results(stream) == exited("1", "2", "3", "4")


@at_each_level("ex.task_stream.eq.13", "ex.task_stream.lt.13", "ex.task_stream.gt.13")
async def test_an_input_with_the_slowest_first_may_be_cut(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream(islice(range(8, 0, -1), 4), sleep, max_concurrency=concurrency)

    assert await consumer.results(stream) == done(8, 7, 6, 5)


@at_each_level("ex.task_stream.eq.14", "ex.task_stream.lt.14", "ex.task_stream.gt.14")
async def test_the_first_results_may_be_enough(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream(range(1, 9), sleep, max_concurrency=concurrency)

    assert await consumer.results(stream, take=4) == done(1, 2, 3, 4)
    await consumer.assert_alone()


@at_each_level("ex.task_stream.eq.15", "ex.task_stream.lt.15", "ex.task_stream.gt.15")
async def test_the_first_exits_may_be_enough(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream(range(1, 9), leave_as, max_concurrency=concurrency)

    assert await consumer.results(stream, take=4) == exited("1", "2", "3", "4")
    await consumer.assert_alone()


@at_each_level("ex.task_stream.eq.16", "ex.task_stream.lt.16", "ex.task_stream.gt.16")
async def test_the_first_results_may_be_the_slowest(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream(range(8, 0, -1), sleep, max_concurrency=concurrency)

    assert await consumer.results(stream, take=4) == done(8, 7, 6, 5)
    await consumer.assert_alone()


@at_each_level("ex.task_stream.eq.17", "ex.task_stream.lt.17", "ex.task_stream.gt.17")
async def test_a_step_after_the_stream_cleans_up_at_the_end(consumer: Consumer, concurrency: int) -> None:
    steps: list[str] = []

    async def announced() -> AsyncIterator[Any]:
        try:
            async for outcome in Task.async_stream([1, 2, 3, 4], sleep, max_concurrency=concurrency):
                yield outcome
        finally:
            steps.append("cleaned up")

    async def collect() -> list[Any]:
        return [outcome async for outcome in announced()]

    assert await consumer.consume(collect) == done(1, 2, 3, 4)
    assert steps == ["cleaned up"]


@at_each_level("ex.task_stream.eq.18", "ex.task_stream.lt.18", "ex.task_stream.gt.18")
async def test_the_input_cleans_up_at_the_end(consumer: Consumer, concurrency: int) -> None:
    steps: list[str] = []

    def items() -> Iterator[int]:
        try:
            yield from (1, 2, 3, 4)
        finally:
            steps.append("cleaned up")

    stream = Task.async_stream(items(), sleep, max_concurrency=concurrency)

    assert await consumer.results(stream) == done(1, 2, 3, 4)
    assert steps == ["cleaned up"]


@at_each_level("ex.task_stream.eq.19", "ex.task_stream.lt.19", "ex.task_stream.gt.19")
async def test_slow_tasks_are_killed_if_asked_for(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream(
        [100, 1, 100, 1], sleep, max_concurrency=concurrency, timeout=0.05, on_timeout="kill_task"
    )

    assert await consumer.results(stream) == [Exited("timeout"), Done(1), Exited("timeout"), Done(1)]
    await consumer.assert_alone()


@at_each_level("ex.task_stream.eq.20", "ex.task_stream.lt.20", "ex.task_stream.gt.20")
async def test_a_slow_task_is_told_with_its_item_if_asked_for(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream(
        [1, 100],
        sleep,
        max_concurrency=concurrency,
        timeout=0.05,
        on_timeout="kill_task",
        zip_input_on_exit=True,
    )

    assert await consumer.results(stream) == [Done(1), Exited((100, "timeout"))]


@at_each_level("ex.task_stream.eq.21", "ex.task_stream.lt.21", "ex.task_stream.gt.21")
async def test_exits_are_told_with_their_items_if_asked_for(consumer: Consumer, concurrency: int) -> None:
    stream = Task.async_stream(range(1, 9), leave_as, max_concurrency=concurrency, zip_input_on_exit=True)

    assert await consumer.results(stream, take=4) == exited((1, "1"), (2, "2"), (3, "3"), (4, "4"))


# The others of the list.


@pytest.mark.conforms("ex.task_stream.001")
async def test_a_task_that_takes_too_long_ends_the_consumption(consumer: Consumer) -> None:
    async def consume() -> TaskTimeout:
        with pytest.raises(TaskTimeout) as caught:
            await results(Task.async_stream([FOREVER], sleep, timeout=0))
        return caught.value

    error = await consumer.consume(consume)

    assert (error.method, error.seconds) == ("async_stream", 0)
    await consumer.assert_alone()


@pytest.mark.conforms("ex.task_stream.002")
@pytest.mark.parametrize(("concurrency", "order"), [(1, [400, 300, 200, 100]), (4, [100, 200, 300, 400])])
async def test_unordered_results_come_as_they_are_there(
    consumer: Consumer, concurrency: int, order: Sequence[int]
) -> None:
    stream = Task.async_stream([400, 300, 200, 100], sleep, max_concurrency=concurrency, ordered=False)

    assert await consumer.results(stream) == done(*order)


@pytest.mark.conforms("ex.task_stream.003")
async def test_unordered_the_killed_ones_come_last(consumer: Consumer) -> None:
    stream = Task.async_stream(
        [100, 1, 100, 1], sleep, max_concurrency=4, ordered=False, timeout=0.05, on_timeout="kill_task"
    )

    assert await consumer.results(stream) == [Done(1), Done(1), Exited("timeout"), Exited("timeout")]
    await consumer.assert_alone()


@pytest.mark.conforms("ex.task_stream.004")
async def test_tasks_may_take_as_long_as_they_like(consumer: Consumer) -> None:
    assert await consumer.results(Task.async_stream([3_600_000], sleep, timeout=None)) == done(3_600_000)


@pytest.mark.parametrize("ordered", [True, False])
async def test_tasks_run_while_the_consumer_is_busy_with_earlier_results(consumer: Consumer, *, ordered: bool) -> None:
    begun: list[int] = []

    async def begin(item: int) -> int:
        begun.append(item)
        await sleep(10)
        return item

    async def consume() -> list[int]:
        seen: list[int] = []
        async for _ in Task.async_stream(range(6), begin, max_concurrency=2, ordered=ordered):
            await sleep(100)
            seen.append(len(begun))
        return seen

    # One place is free with each result that the consumer takes, and no more: what waits for it holds its place.
    assert await consumer.consume(consume) == [2, 3, 4, 5, 6, 6]


async def test_results_that_came_before_a_time_out_are_there_before_it(consumer: Consumer) -> None:
    found: list[object] = []

    async def take_slowly() -> None:
        async for outcome in Task.async_stream([FOREVER, 1, 2], sleep, max_concurrency=3, ordered=False, timeout=0.05):
            found.append(outcome)
            await sleep(100)

    async def consume() -> None:
        with pytest.raises(TaskTimeout):
            await take_slowly()

    await consumer.consume(consume)

    assert found == done(1, 2)


async def test_a_task_has_five_seconds_by_default(consumer: Consumer) -> None:
    stream = Task.async_stream([4_999, 5_002], sleep, max_concurrency=2, on_timeout="kill_task")

    assert await consumer.results(stream) == [Done(4_999), Exited("timeout")]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"max_concurrency": 0}, marks=pytest.mark.conforms("ex.task_stream.005")),
        pytest.param({"on_timeout": "unknown"}, marks=pytest.mark.conforms("ex.task_stream.006")),
        pytest.param({"timeout": "unknown"}, marks=pytest.mark.conforms("ex.task_stream.007")),
    ],
)
def test_settings_that_make_no_sense_are_refused_when_the_stream_is_built(settings: dict[str, Any]) -> None:
    [name] = settings

    with pytest.raises(ValueError, match=f"expected {name} to be"):
        Task.async_stream([], sleep, **settings)


@pytest.mark.conforms("ex.task_stream.008")
async def test_forged_messages_do_not_disturb_a_stream(consumer: Consumer) -> None:
    forged: list[Down] = []

    async def forge(number: int) -> int:
        caller = Task.callers()[0]
        assert isinstance(caller, Ref)
        forged.append(Down(monitor(caller), current_process(), "oops"))
        for process in list_processes():
            process.send(forged[-1])
        return number

    stream = Task.async_stream([1, 2, 3, 4], forge, max_concurrency=4)

    assert await consumer.results(stream) == done(1, 2, 3, 4)
    assert consumer.probe.messages == forged


@pytest.mark.conforms("ex.task_stream.009")
async def test_tasks_of_streams_know_who_asked_for_them(consumer: Consumer) -> None:
    async def inner(_: int) -> object:
        return Task.callers()

    async def outer(_: int) -> object:
        [outcome] = await results(Task.async_stream([1], inner))
        return current_process(), outcome.value

    [outcome] = await consumer.results(Task.async_stream([1], outer))

    task, callers = outcome.value
    assert callers == (task, consumer.probe.ref)


@pytest.mark.conforms("ex.task_stream.010")
async def test_a_stream_belongs_to_the_process_that_consumes_it(consumer: Consumer) -> None:
    async def asker(number: int) -> object:
        return number, Task.callers()[0]

    stream = Task.async_stream([1, 2, 3], asker, max_concurrency=2)

    ref = consumer.probe.ref
    assert await consumer.results(stream) == done((1, ref), (2, ref), (3, ref))


@pytest.mark.conforms("ex.task_stream.011")
async def test_an_input_may_be_made_of_parts_that_end_early(consumer: Consumer) -> None:
    async def same(value: object) -> object:
        return value

    def endless() -> Generator[str]:
        while True:
            yield "foo"

    stream = Task.async_stream(chain(islice(endless(), 1), [1, 2]), same, max_concurrency=2)

    assert await consumer.results(stream) == done("foo", 1, 2)
