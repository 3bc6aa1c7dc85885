"""Inputs of streams that have to be waited for."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from greenroom import (
    Task,
    list_processes,
    spawn,
)
from greenroom.testing import Probe, VirtualClock, settle
from tests.greenroom.foundation.consumer import FOREVER, Consumer, done, results, sleep


@pytest.fixture
def consumer(probe: Probe, clock: VirtualClock) -> Consumer:
    return Consumer(probe, clock)


class Feed:
    """Items that come in intervals, with a step to clean up."""

    def __init__(self, *items: float, every: float = 10) -> None:
        self.items = items
        self.every = every
        self.asked = 0
        self.cleaned_up = False

    async def __aiter__(self) -> AsyncIterator[float]:
        try:
            for item in self.items:
                self.asked += 1
                async with asyncio.timeout(60):
                    await sleep(self.every)
                    yield item
        finally:
            await asyncio.sleep(0)
            self.cleaned_up = True


@pytest.mark.parametrize("ordered", [True, False])
async def test_items_may_come_asynchronously(consumer: Consumer, ordered: bool) -> None:
    feed = Feed(4, 3, 2, 1)

    stream = Task.async_stream(feed, sleep, max_concurrency=2, ordered=ordered)

    assert await consumer.results(stream) == done(4, 3, 2, 1)
    assert feed.cleaned_up
    await consumer.assert_alone()


async def test_results_do_not_wait_for_the_next_item(consumer: Consumer, clock: VirtualClock) -> None:
    async def times() -> list[float]:
        stream = Task.async_stream(Feed(1, 1, every=1000), sleep, max_concurrency=2)
        return [round(clock.monotonic(), 1) async for _ in stream]

    assert await consumer.consume(times) == [1.0, 2.0]


async def test_an_item_is_asked_for_only_when_there_is_room(consumer: Consumer) -> None:
    feed = Feed(FOREVER, FOREVER, FOREVER, every=0)

    await consumer.consume(lambda: results(Task.async_stream(feed, sleep, max_concurrency=2, on_timeout="kill_task")))

    assert feed.asked == 3
    feed = Feed(0, FOREVER, FOREVER, FOREVER, every=0)
    await consumer.results(Task.async_stream(feed, sleep, max_concurrency=2), take=1)
    await settle()
    assert feed.asked <= 3


async def test_an_asynchronous_input_cleans_up_when_the_consumption_stops_early(consumer: Consumer) -> None:
    feed = Feed(1, 1, 1)

    assert await consumer.results(Task.async_stream(feed, sleep, max_concurrency=1), take=1) == done(1)
    await consumer.assert_alone()
    assert feed.cleaned_up


async def test_an_asynchronous_input_that_fails_ends_the_consumption_with_its_error(consumer: Consumer) -> None:
    async def items() -> AsyncIterator[float]:
        yield FOREVER
        raise ValueError("no more")

    async def consume() -> None:
        with pytest.raises(ValueError, match="no more"):
            await results(Task.async_stream(items(), sleep, max_concurrency=2))

    await consumer.consume(consume)

    await consumer.assert_alone()


@pytest.mark.parametrize("reason", ["shutdown", "kill"])
async def test_an_asynchronous_input_cleans_up_when_the_consumer_ends(reason: str, clock: VirtualClock) -> None:
    feed = Feed(FOREVER, FOREVER)

    async def consume() -> None:
        await results(Task.async_stream(feed, sleep, max_concurrency=2, timeout=None))

    consumer = spawn(consume)
    await clock.advance(0.015)
    consumer.exit(reason)
    await settle()

    assert (list_processes(), feed.cleaned_up) == ([], True)
