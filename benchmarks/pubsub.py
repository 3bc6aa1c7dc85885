"""How many deliveries a second a topic makes, against a loop of sends and a task with a queue for each subscriber.

    make bench ARGS=benchmarks/pubsub.py      half a minute
    python benchmarks/pubsub.py --quick       everything once and small, to see that it runs

A delivery counts when its subscriber has handled it. Each way publishes an event and waits until all have it, or ten
events in a row. All ways take turns within a round, and a cell is the median of the rounds: a machine's speed changes
more from minute to minute than from way to way. Aim: 3 000 000 a second to 10 000 subscribed processes.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from greenroom import GenServer, Ref, Topic, calm_collector

AIM = 3_000_000
SUBSCRIBERS = (1, 100, 10_000)
BURSTS = (1, 10)


@dataclass(frozen=True, slots=True)
class Booked:
    """The event."""

    artist: str


EVENTS: Topic[Booked] = Topic("bookings")
NINA = Booked("Nina")


class Tally:
    """What all subscribers of a way have handled, together."""

    def __init__(self) -> None:
        self.handled = 0


Publish = Callable[[Booked], object]
"""Gives an event to all subscribers, who handle it later."""

Way = Callable[[int, Tally], "AsyncGenerator[Publish]"]
"""Starts that many subscribers, and yields how to publish."""


# The ways.


@dataclass
class Subscriber(GenServer):
    tally: Tally

    async def init(self) -> None:
        EVENTS.subscribe()

    async def handle_info(self, message: object) -> None:
        self.tally.handled += 1


async def topic(count: int, tally: Tally) -> AsyncGenerator[Publish]:
    subscribers = [await Subscriber.start(tally) for _ in range(count)]
    yield EVENTS.publish
    await stop(subscribers)


async def sends(count: int, tally: Tally) -> AsyncGenerator[Publish]:
    subscribers = [await Subscriber.start(tally) for _ in range(count)]

    def publish(event: Booked) -> None:
        for subscriber in subscribers:
            subscriber.send(event)

    yield publish
    await stop(subscribers)


async def queues(count: int, tally: Tally) -> AsyncGenerator[Publish]:
    waiting = [asyncio.Queue[Booked]() for _ in range(count)]

    async def subscriber(queue: asyncio.Queue[Booked]) -> None:
        while True:
            await queue.get()
            tally.handled += 1

    def publish(event: Booked) -> None:
        for queue in waiting:
            queue.put_nowait(event)

    tasks = [asyncio.create_task(subscriber(queue)) for queue in waiting]
    yield publish
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def listeners(count: int, tally: Tally) -> AsyncGenerator[Publish]:
    async def subscriber() -> None:
        async with EVENTS.listen() as events:
            async for _ in events:
                tally.handled += 1

    tasks = [asyncio.create_task(subscriber()) for _ in range(count)]
    await asyncio.sleep(0)
    yield EVENTS.publish
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def stop(subscribers: list[Ref[Subscriber]]) -> None:
    for subscriber in subscribers:
        subscriber.exit("shutdown")


WAYS: dict[str, Way] = {
    "topic, processes": topic,
    "loop of sends": sends,
    "topic, listeners": listeners,
    "task and queue": queues,
}


# The measurement.


async def deliveries(way: Way, count: int, burst: int, seconds: float) -> float:
    """Deliveries a second."""
    tally = Tally()
    async with asynccontextmanager(way)(count, tally) as publish:
        calm_collector()
        await publish_all(publish, burst, tally, count)
        before, started = tally.handled, perf_counter()
        while (elapsed := perf_counter() - started) < seconds:
            await publish_all(publish, burst, tally, count)
        return (tally.handled - before) / elapsed


async def publish_all(publish: Publish, burst: int, tally: Tally, count: int) -> None:
    expected = tally.handled + burst * count
    for _ in range(burst):
        publish(NINA)
    while tally.handled < expected:  # noqa: ASYNC110  # what is waited for tells nobody
        await asyncio.sleep(0)


def measured(count: int, burst: int, rounds: int, seconds: float) -> dict[str, float]:
    """The median of each way."""
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            found[name].append(asyncio.run(deliveries(way, count, burst, seconds)))
    return {name: median(rates) for name, rates in found.items()}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Measure topics.")
    parser.add_argument("--quick", action="store_true", help="everything once and small, to see that it runs")
    quick = parser.parse_args().quick
    rounds, seconds = (1, 0.01) if quick else (5, 0.2)
    print(f"{'deliveries a second':<34}" + "".join(f"{name:>20}" for name in WAYS))
    for count in (1, 100) if quick else SUBSCRIBERS:
        for burst in BURSTS:
            rates = measured(count, burst, rounds, seconds)
            work = f"{count:>6} subscribers, {burst:>2} event{'s' if burst > 1 else ' '} at once"
            base = rates["task and queue"]
            print(f"{work:<34}" + "".join(f"{rate:>12,.0f} {rate / base:>6.1f}x" for rate in rates.values()))
            if (count, burst) == (SUBSCRIBERS[-1], 1):
                reached = "reached" if rates["topic, processes"] >= AIM else "missed"
                print(f"{'':<34}aim of {AIM:,} {reached}")


if __name__ == "__main__":
    main()
