"""The same work by hand: a task with an `asyncio.Queue` for every actor, and a dictionary for names.

It does the least that the work needs: no time-outs, no monitors, no limit on restarts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter

from benchmarks.process.gauges import Figures, percentile, rate, resident_bytes, until
from benchmarks.process.load import measured_under

CALLS = 500
CASTS = 10_000

Method = Callable[["Actor"], Awaitable[int]]
Request = tuple[Method, "asyncio.Future[int] | None"]


class Actor:
    """One number, changed by one task that takes requests from a queue."""

    def __init__(self) -> None:
        self.value = 0
        self.queue: asyncio.Queue[Request] = asyncio.Queue()
        self.task = asyncio.create_task(self._serve())

    async def add(self) -> int:
        self.value += 1
        return self.value

    async def crash(self) -> int:
        raise ValueError("wrong")

    def cast(self, method: Method) -> None:
        self.queue.put_nowait((method, None))

    async def call(self, method: Method) -> int:
        reply: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.queue.put_nowait((method, reply))
        return await reply

    async def _serve(self) -> None:
        while True:
            method, reply = await self.queue.get()
            try:
                answer = await method(self)
            except Exception as error:
                if reply is not None:
                    reply.set_exception(error)
                raise
            if reply is not None:
                reply.set_result(answer)


@dataclass
class Names:
    """Actors by name, started anew when their task ends."""

    actors: dict[str, Actor]

    def start(self, name: str) -> None:
        actor = self.actors[name] = Actor()
        actor.task.add_done_callback(lambda task: self._ended(name, task))

    def _ended(self, name: str, task: "asyncio.Task[None]") -> None:
        if not task.cancelled():
            task.exception()
        self.start(name)


async def named_actors(processes: int) -> Names:
    names = Names({})
    for number in range(processes):
        names.start(f"counter-{number}")
    await asyncio.sleep(0)
    return names


async def call_idle(seconds: float, processes: int) -> Figures:
    actor = Actor()

    async def work() -> int:
        for _ in range(CALLS):
            await actor.call(Actor.add)
        return CALLS

    return {"rate": await rate(work, seconds)}


async def call_1000(seconds: float, processes: int) -> Figures:
    actors = [Actor() for _ in range(processes)]

    async def work() -> int:
        for actor in actors:
            await actor.call(Actor.add)
        return processes

    return {"rate": await rate(work, seconds)}


async def call_100x100(seconds: float, processes: int) -> Figures:
    actors = [Actor() for _ in range(processes)]

    async def caller(actor: Actor) -> None:
        for _ in range(CALLS // 10):
            await actor.call(Actor.add)

    async def work() -> int:
        await asyncio.gather(*map(caller, actors))
        return processes * (CALLS // 10)

    return {"rate": await rate(work, seconds)}


async def call_named(seconds: float, processes: int) -> Figures:
    names = await named_actors(processes)

    async def work() -> int:
        for _ in range(CALLS):
            await names.actors["counter-0"].call(Actor.add)
        return CALLS

    return {"rate": await rate(work, seconds)}


async def call_busy(seconds: float, processes: int) -> Figures:
    actor = Actor()

    async def work() -> int:
        for _ in range(CALLS):
            actor.cast(Actor.add)
            await actor.call(Actor.add)
        return CALLS

    return {"rate": await rate(work, seconds)}


async def cast(seconds: float, processes: int) -> Figures:
    actor = Actor()

    async def work() -> int:
        for _ in range(CASTS):
            actor.cast(Actor.add)
        await actor.call(Actor.add)
        return CASTS

    return {"rate": await rate(work, seconds)}


async def cast_batch(seconds: float, processes: int) -> Figures:
    queue: asyncio.Queue[int] = asyncio.Queue()
    total = 0

    async def serve() -> None:
        nonlocal total
        while True:
            numbers = [await queue.get()]
            while not queue.empty():
                numbers.append(queue.get_nowait())
            total += sum(numbers)

    task = asyncio.create_task(serve())

    async def work() -> int:
        wanted = total + CASTS
        for _ in range(CASTS):
            queue.put_nowait(1)
        await until(lambda: total == wanted)
        return CASTS

    assert not task.done()
    return {"rate": await rate(work, seconds)}


async def start(seconds: float, processes: int) -> Figures:
    started = perf_counter()
    await named_actors(processes)
    return {"rate": processes / (perf_counter() - started)}


async def memory(seconds: float, processes: int) -> Figures:
    before = resident_bytes()
    names = await named_actors(processes)
    assert len(names.actors) == processes
    return {"bytes": (resident_bytes() - before) / processes}


async def lookup(seconds: float, processes: int) -> Figures:
    names = await named_actors(processes)
    wanted = list(names.actors)

    async def work() -> int:
        for name in wanted:
            names.actors.get(name)
        return processes

    found = await rate(work, seconds)
    return {"rate": found, "where": found}


async def restart(seconds: float, processes: int) -> Figures:
    names = await named_actors(processes)
    times = [await _replaced(names, name) for _ in range(5) for name in list(names.actors)]
    return {"p50": percentile(times, 50), "p99": percentile(times, 99)}


async def _replaced(names: Names, name: str) -> float:
    before = names.actors[name]
    started = perf_counter()
    before.task.cancel()
    await until(lambda: names.actors[name] is not before)
    return perf_counter() - started


async def crashes(seconds: float, processes: int) -> Figures:
    names = await named_actors(min(1_000, processes))
    wanted = list(names.actors)
    started = perf_counter()
    for number in range(processes):
        await _crash(names, wanted[number % len(wanted)])
    return {"rate": processes / (perf_counter() - started)}


async def _crash(names: Names, name: str) -> None:
    before = names.actors[name]
    try:
        await before.call(Actor.crash)
    except ValueError:
        pass
    await until(lambda: names.actors[name] is not before)


@dataclass
class Delivered:
    """How many events all readers have seen together."""

    count: int = 0


async def publish(seconds: float, processes: int, burst: int = 1) -> Figures:
    queues: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(processes)]
    delivered = Delivered()

    async def read(queue: asyncio.Queue[int]) -> None:
        while True:
            await queue.get()
            delivered.count += 1

    tasks = [asyncio.create_task(read(queue)) for queue in queues]

    async def work() -> int:
        expected = delivered.count + burst * processes
        for number in range(burst):
            for queue in queues:
                queue.put_nowait(number)
        await until(lambda: delivered.count == expected)
        return burst * processes

    assert len(tasks) == processes
    return {"rate": await rate(work, seconds)}


async def publish_burst(seconds: float, processes: int) -> Figures:
    return await publish(seconds, processes, burst=10)


async def timers(seconds: float, processes: int) -> Figures:
    loop = asyncio.get_running_loop()
    for number in range(processes):
        loop.call_later(600 + number * 7.919 % 3_600, int)

    async def work() -> int:
        for _ in range(CALLS):
            loop.call_later(5.0, int).cancel()
        return CALLS

    return {"rate": await rate(work, seconds)}


async def ring(seconds: float, processes: int) -> Figures:
    queues: list[asyncio.Queue[tuple[int, asyncio.Future[None]]]] = [asyncio.Queue() for _ in range(processes)]

    async def stop(place: int) -> None:
        following = queues[(place + 1) % processes]
        while True:
            hops, arrived = await queues[place].get()
            if hops:
                following.put_nowait((hops - 1, arrived))
            else:
                arrived.set_result(None)

    tasks = [asyncio.create_task(stop(place)) for place in range(processes)]

    async def work() -> int:
        arrived = asyncio.get_running_loop().create_future()
        queues[0].put_nowait((10 * processes, arrived))
        await arrived
        return 10 * processes

    assert len(tasks) == processes
    return {"rate": await rate(work, seconds)}


async def load(seconds: float, processes: int) -> Figures:
    actors = [Actor() for _ in range(processes)]

    async def caller(actor: Actor) -> None:
        while True:
            await actor.call(Actor.add)

    return await measured_under([caller(actor) for actor in actors], seconds)


WORK: dict[str, Callable[[float, int], Awaitable[Figures]]] = {
    function.__name__: function
    for function in (
        call_idle,
        call_1000,
        call_100x100,
        call_named,
        call_busy,
        cast,
        cast_batch,
        start,
        memory,
        lookup,
        restart,
        crashes,
        publish,
        publish_burst,
        timers,
        ring,
        load,
    )
}
