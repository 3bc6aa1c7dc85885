"""A program of its own with entities on a database that others use too: run by the tests, killed by them.

It takes orders on its standard input, one a line, and says what came of them on its standard output.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from dataclasses import dataclass, replace

from greenroom import Ref, Supervisor, child
from greenroom.infrastructure import (
    Database,
    Entity,
    EntitySettings,
    Snapshots,
    StaleState,
    entities,
)


@dataclass(frozen=True)
class Takings:
    """Counts: what was paid at the till is stored at once, the guests are counted and stored later."""

    paid: int = 0
    guests: int = 0


@dataclass
class Till(Entity[int, Takings], kind="till"):
    """Counts both."""

    def initial(self) -> Takings:
        return Takings()

    async def look(self) -> Takings:
        return self.state

    async def pay(self) -> int:
        paid = self.state.paid + 1
        await self.save(replace(self.state, paid=paid))
        return paid

    async def enter(self) -> int:
        self.save_later(replace(self.state, guests=self.state.guests + 1))
        return self.state.guests


def say(*words: object) -> None:
    """One line, out of this process before anything else happens."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def pay(key: int) -> int:
    """Pay, again if another program was faster."""
    while True:
        try:
            return await Till.at(key).call(Till.pay)
        except StaleState:
            continue


async def load(seconds: float) -> None:
    """Pay and enter at many tills at once, and tell of each that was answered."""

    async def guest(number: int) -> None:
        chance = random.Random(number)
        while time.monotonic() < end:
            key = chance.randrange(20)
            if chance.random() < 0.5:
                paid = await Till.at(key).within(30.0).call(Till.pay)
                say("paid", key, paid, time.monotonic())
            else:
                say("entered", key, await Till.at(key).within(30.0).call(Till.enter), time.monotonic())
                await asyncio.sleep(0.001)

    end = time.monotonic() + seconds
    await asyncio.gather(*(guest(number) for number in range(16)))


async def obey(order: list[str]) -> None:
    match order:
        case ["pay", key]:
            try:
                say("paid", key, await Till.at(int(key)).call(Till.pay))
            except StaleState:
                say("stale", key)
        case ["enter", key]:
            say("entered", key, await Till.at(int(key)).call(Till.enter))
        case ["look", key]:
            found = await Till.at(int(key)).call(Till.look)
            say("looked", key, found.paid, found.guests)
        case ["race", times, tills]:
            await asyncio.gather(*(pay(number % int(tills)) for number in range(int(times))))
            say("raced")
        case ["load", seconds]:
            await load(float(seconds))
            say("loaded")
        case _:
            raise ValueError(f"expected an order, got {order!r}")


async def orders() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def serve(url: str, interval: float) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    lines = await orders()
    say("ready")
    await lines.readline()
    tree = await Supervisor.start(
        [
            child(Database, url).named("database"),
            entities(Till, Snapshots(Takings), EntitySettings(save_interval=interval)),
        ],
        strategy="one_for_one",
    )
    stopped = asyncio.ensure_future(stop.wait())
    say("open")
    while not stop.is_set():
        line = asyncio.ensure_future(lines.readline())
        await asyncio.wait({line, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if line.done() and not stop.is_set():
            await obey(line.result().decode().split())
    await tree.stop("shutdown")
    assert not Ref(Database, "database").alive
    say("closed")


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], float(sys.argv[2])))
