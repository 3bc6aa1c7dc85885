"""The work, done by Greenroom."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter

from benchmarks.process.gauges import Figures, percentile, rate, resident_bytes, until
from benchmarks.process.load import measured_under
from greenroom import (
    DynamicSupervisor,
    GenServer,
    Ref,
    Registry,
    ServerDown,
    Supervisor,
    Topic,
    Via,
    batched,
    child,
)

CALLS = 5_000
CASTS = 10_000


@dataclass
class Counter(GenServer):
    """A state of one number."""

    value: int = 0

    async def add(self) -> int:
        """Count one more."""
        self.value += 1
        return self.value

    async def crash(self) -> None:
        """Fail, as a mistake in a handler does."""
        raise ValueError("wrong")


async def counters(processes: int) -> list[Ref[Counter]]:
    """So many processes, without names and without a supervisor."""
    return [await Counter.start() for _ in range(processes)]


async def named_counters(processes: int) -> list[Ref[Counter]]:
    """So many processes under one supervisor, by their names."""
    supervisor = await DynamicSupervisor.start()
    for number in range(processes):
        await supervisor.call(DynamicSupervisor.start_child, child(Counter).named(f"counter-{number}"))
    return [Ref(Counter, f"counter-{number}") for number in range(processes)]


async def call_idle(seconds: float, processes: int) -> Figures:
    (counter,) = await counters(processes)

    async def work() -> int:
        for _ in range(CALLS):
            await counter.call(Counter.add)
        return CALLS

    return {"rate": await rate(work, seconds)}


async def call_1000(seconds: float, processes: int) -> Figures:
    servers = await counters(processes)

    async def work() -> int:
        for counter in servers:
            await counter.call(Counter.add)
        return processes

    return {"rate": await rate(work, seconds)}


async def call_100x100(seconds: float, processes: int) -> Figures:
    servers = await counters(processes)

    async def caller(counter: Ref[Counter]) -> None:
        for _ in range(CALLS // 10):
            await counter.call(Counter.add)

    async def work() -> int:
        await asyncio.gather(*map(caller, servers))
        return processes * (CALLS // 10)

    return {"rate": await rate(work, seconds)}


async def call_named(seconds: float, processes: int) -> Figures:
    (counter,) = await named_counters(processes)

    async def work() -> int:
        for _ in range(CALLS):
            await counter.call(Counter.add)
        return CALLS

    return {"rate": await rate(work, seconds)}


async def call_busy(seconds: float, processes: int) -> Figures:
    (counter,) = await counters(processes)

    async def work() -> int:
        for _ in range(CALLS):
            # A message that waits: the call can not run inline, it goes through the mailbox behind it.
            counter.cast(Counter.add)
            await counter.call(Counter.add)
        return CALLS

    return {"rate": await rate(work, seconds)}


async def cast(seconds: float, processes: int) -> Figures:
    (counter,) = await counters(processes)

    async def work() -> int:
        for _ in range(CASTS):
            counter.cast(Counter.add)
        await counter.call(Counter.add)
        return CASTS

    return {"rate": await rate(work, seconds)}


@dataclass
class Total(GenServer):
    """A sum, of many numbers at a time."""

    value: int = 0

    @batched
    def add(self, numbers: list[int]) -> None:
        """Add the numbers that were cast one after the other."""
        self.value += sum(numbers)

    async def settle(self) -> int:
        """Answer the sum of all that was cast before."""
        return self.value


async def cast_batch(seconds: float, processes: int) -> Figures:
    total = await Total.start()

    async def work() -> int:
        for _ in range(CASTS):
            total.cast(Total.add, 1)
        await total.call(Total.settle)
        return CASTS

    return {"rate": await rate(work, seconds)}


async def start(seconds: float, processes: int) -> Figures:
    supervisor = await DynamicSupervisor.start()
    started = perf_counter()
    for number in range(processes):
        await supervisor.call(DynamicSupervisor.start_child, child(Counter).named(f"counter-{number}"))
    return {"rate": processes / (perf_counter() - started)}


async def memory(seconds: float, processes: int) -> Figures:
    supervisor = await DynamicSupervisor.start()
    before = resident_bytes()
    for number in range(processes):
        await supervisor.call(DynamicSupervisor.start_child, child(Counter).named(f"counter-{number}"))
    return {"bytes": (resident_bytes() - before) / processes}


async def lookup(seconds: float, processes: int) -> Figures:
    """Look up by key in the table of a registry, and by address among the plain names of the namespace."""
    await child(Registry, "unique").named("counters").start()
    keys = [f"counter-{number}" for number in range(processes)]
    for key in keys:
        await child(Counter).named(Via("counters", key)).start()
    names = await named_counters(processes)
    table = Registry.table("counters")

    async def by_key() -> int:
        for key in keys:
            table.lookup(key)
        return processes

    async def by_address() -> int:
        for name in names:
            name.where()
        return processes

    return {"rate": await rate(by_key, seconds), "where": await rate(by_address, seconds)}


async def restart(seconds: float, processes: int) -> Figures:
    for number in range(processes):
        await Supervisor.start([child(Counter).named(f"counter-{number}")], max_restarts=100, strategy="one_for_one")
    names = [Ref(Counter, f"counter-{number}") for number in range(processes)]
    times = [await _replaced(name) for _ in range(5) for name in names]
    return {"p50": percentile(times, 50), "p99": percentile(times, 99)}


async def _replaced(name: Ref[Counter]) -> float:
    before = name.where()
    started = perf_counter()
    name.exit("kill")
    await until(lambda: name.where() not in (None, before))
    return perf_counter() - started


async def crashes(seconds: float, processes: int) -> Figures:
    """Let handlers fail, `processes` times in all, in a thousand servers in turn, each call after a restart."""
    names = [f"counter-{number}" for number in range(min(1_000, processes))]
    for name in names:
        await Supervisor.start([child(Counter).named(name)], max_restarts=processes, strategy="one_for_one")
    servers = [Ref(Counter, name) for name in names]
    started = perf_counter()
    for number in range(processes):
        try:
            await servers[number % len(servers)].call(Counter.crash)
        except ServerDown:
            pass
    return {"rate": processes / (perf_counter() - started)}


@dataclass(frozen=True)
class News:
    """What is published."""

    number: int


@dataclass
class Delivered:
    """How many events all readers have seen together."""

    count: int = 0


NEWS: Topic[News] = Topic("news")


@dataclass
class Reader(GenServer):
    """Subscribes to the news and counts them."""

    delivered: Delivered

    async def init(self) -> None:
        """Subscribe before the start returns."""
        NEWS.subscribe()

    async def handle_info(self, message: object) -> None:
        """Count one more."""
        self.delivered.count += 1


async def publish(seconds: float, processes: int, burst: int = 1) -> Figures:
    delivered = Delivered()
    for _ in range(processes):
        await Reader.start(delivered)

    async def work() -> int:
        expected = delivered.count + burst * processes
        for number in range(burst):
            NEWS.publish(News(number))
        await until(lambda: delivered.count == expected)
        return burst * processes

    return {"rate": await rate(work, seconds)}


async def publish_burst(seconds: float, processes: int) -> Figures:
    return await publish(seconds, processes, burst=10)


@dataclass
class Alarm(GenServer):
    """Sets timers."""

    async def ring(self) -> None:
        """Never comes in the time of a benchmark."""

    async def set_many(self, timers: int) -> None:
        """Leave so many waiting, for ten minutes to an hour."""
        for number in range(timers):
            self.after(600 + number * 7.919 % 3_600, Alarm.ring)

    async def change_mind(self, times: int) -> None:
        """Set a timer and cancel it."""
        for _ in range(times):
            self.after(5.0, Alarm.ring).cancel()


async def timers(seconds: float, processes: int) -> Figures:
    alarm = await Alarm.start()
    await alarm.call(Alarm.set_many, processes)

    async def work() -> int:
        await alarm.call(Alarm.change_mind, CALLS)
        return CALLS

    return {"rate": await rate(work, seconds)}


@dataclass
class Stop(GenServer):
    """A place on a ring: hands a ping on to the next one."""

    following: Ref["Stop"] | None = None
    arrived: asyncio.Future[None] | None = None

    async def follow(self, following: Ref["Stop"]) -> None:
        """Close the ring."""
        self.following = following

    async def ping(self, hops: int, arrived: asyncio.Future[None]) -> None:
        """Hand it on until its hops are used up."""
        if hops and self.following is not None:
            self.following.cast(Stop.ping, hops - 1, arrived)
        else:
            arrived.set_result(None)


async def ring(seconds: float, processes: int) -> Figures:
    first = last = await Stop.start()
    for _ in range(processes - 1):
        last = await Stop.start(last)
    await first.call(Stop.follow, last)

    async def work() -> int:
        arrived = asyncio.get_running_loop().create_future()
        first.cast(Stop.ping, 10 * processes, arrived)
        await arrived
        return 10 * processes

    return {"rate": await rate(work, seconds)}


async def load(seconds: float, processes: int) -> Figures:
    servers = await counters(processes)

    async def caller(counter: Ref[Counter]) -> None:
        while True:
            await counter.call(Counter.add)

    return await measured_under([caller(counter) for counter in servers], seconds)


async def million(seconds: float, processes: int) -> Figures:
    supervisor = await DynamicSupervisor.start()
    before, started = resident_bytes(), perf_counter()
    for number in range(processes):
        await supervisor.call(DynamicSupervisor.start_child, child(Counter).named(f"counter-{number}"))
    seconds_to_start = perf_counter() - started
    figures = {"bytes": (resident_bytes() - before) / processes, "rate": processes / seconds_to_start}
    chance = random.Random(1)
    times: list[float] = []
    for _ in range(100_000):
        counter = Ref(Counter, f"counter-{chance.randrange(processes)}")
        started = perf_counter()
        await counter.call(Counter.add)
        times.append(perf_counter() - started)
    return {**figures, "call_p99": percentile(times, 99)}


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
        million,
    )
}
