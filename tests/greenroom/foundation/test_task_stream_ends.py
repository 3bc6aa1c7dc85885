"""How streams of tasks begin and end: lazily, and with whatever they belong to."""

import asyncio
from collections.abc import Iterator
from typing import NoReturn

import pytest
from hypothesis import given, strategies

from greenroom import (
    Exited,
    Ref,
    Task,
    exit_with,
    list_processes,
    spawn,
)
from greenroom.testing import Probe, VirtualClock, settle
from tests.greenroom.foundation.consumer import FOREVER, Consumer, done, results, sleep


async def leave_slowly(milliseconds: float) -> None:
    await sleep(milliseconds)
    exit_with(str(milliseconds))


@pytest.fixture
def consumer(probe: Probe, clock: VirtualClock) -> Consumer:
    return Consumer(probe, clock)


@given(
    turns=strategies.lists(strategies.integers(0, 5), max_size=10),
    concurrency=strategies.integers(1, 4),
    ordered=strategies.booleans(),
    take=strategies.integers(1, 12),
)
async def test_each_item_is_answered_once_and_nothing_is_left_wherever_the_consumer_leaves(
    turns: list[int], concurrency: int, ordered: bool, take: int
) -> None:
    async def work(item: tuple[int, int]) -> int:
        number, turns = item
        for _ in range(turns):
            await asyncio.sleep(0)
        return number

    stream = Task.async_stream(enumerate(turns), work, max_concurrency=concurrency, ordered=ordered)
    found = [outcome.value for outcome in await results(stream, take)]

    assert len(found) == len(set(found)) == min(take, len(turns))
    assert not ordered or found == list(range(len(found)))
    assert set(found) <= set(range(len(turns)))
    await settle()
    assert list_processes() == []


async def test_nothing_runs_before_the_first_result_is_asked_for(consumer: Consumer) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    stream = Task.async_stream(items(), sleep, max_concurrency=3)
    assert taken == []

    await consumer.results(stream, take=1)
    assert taken == [0, 1, 2]


async def test_at_most_as_many_tasks_run_as_may(consumer: Consumer) -> None:
    running = most = 0

    async def work(milliseconds: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await sleep(milliseconds)
        running -= 1

    await consumer.results(Task.async_stream([5, 1, 3, 1, 2, 4], work, max_concurrency=3))

    assert most == 3


async def test_plain_asyncio_code_may_consume_a_stream() -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return 2 * number

    assert await results(Task.async_stream(range(5), double, max_concurrency=2)) == done(0, 2, 4, 6, 8)


@pytest.mark.expected_crash(reason=ValueError)
async def test_a_crash_is_a_result_for_plain_asyncio_code() -> None:
    error = ValueError("oops")

    async def fail(_: int) -> NoReturn:
        raise error

    assert await results(Task.async_stream([1], fail)) == [Exited(error)]


async def test_a_crash_brings_down_a_consumer_that_does_not_trap_exits(clock: VirtualClock) -> None:
    async def consume() -> None:
        await results(Task.async_stream([1, FOREVER], leave_slowly, max_concurrency=2))

    consumer = spawn(consume)
    await clock.advance(1)

    assert await consumer.down() == "noproc"
    assert list_processes() == []


@pytest.mark.parametrize("reason", ["shutdown", "kill"])
async def test_tasks_end_with_their_consumer(reason: str, clock: VirtualClock) -> None:
    async def consume() -> None:
        await results(Task.async_stream([FOREVER, FOREVER], sleep, max_concurrency=2, timeout=None))

    consumer = spawn(consume)
    await settle()
    running = len(list_processes())
    consumer.exit(reason)
    await settle()

    assert (running, list_processes()) == (3, [])


async def test_tasks_end_when_the_asyncio_task_that_consumes_is_cancelled() -> None:
    consumer = asyncio.create_task(results(Task.async_stream([FOREVER], sleep, timeout=None)))
    await settle()

    consumer.cancel()
    await settle()

    assert list_processes() == []


async def test_an_input_that_fails_ends_the_consumption_with_its_error(consumer: Consumer) -> None:
    def items() -> Iterator[float]:
        yield FOREVER
        raise ValueError("no more")

    async def consume() -> None:
        with pytest.raises(ValueError, match="no more"):
            await results(Task.async_stream(items(), sleep, max_concurrency=2))

    await consumer.consume(consume)

    await consumer.assert_alone()


async def test_a_task_may_stop_its_own_consumer(clock: VirtualClock) -> None:
    async def stop_consumer(_: int) -> None:
        caller = Task.callers()[0]
        assert isinstance(caller, Ref)
        caller.exit("kill")

    async def consume() -> None:
        await results(Task.async_stream([1, 2], stop_consumer, max_concurrency=1))

    assert await spawn(consume).down() == "killed"
    await settle()
    assert list_processes() == []
