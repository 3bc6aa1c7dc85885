"""What entities cost and bear: activation, calls, memory, write amplification, and durable changes.

    make bench ARGS=benchmarks/entities.py                        SQLite, two minutes
    python benchmarks/entities.py --postgres postgresql://…/test   PostgreSQL too; the database must be there and empty
    python benchmarks/entities.py --quick                         everything small and once, to see that it runs

Immediate changes are compared with one transaction for each, in the same round, so that both have the same machine: the
aim is ten times as many with 64 callers and more. Each caller waits for its answer before it asks again.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from threading import local

import psycopg
import sqlalchemy as sa

from greenroom import Ref, Supervisor, calm_collector, child, telemetry
from greenroom.infrastructure import (
    Database,
    DatabaseSettings,
    DatabaseUrl,
    Entity,
    EntitySettings,
    Home,
    Memory,
    Snapshots,
    entities,
    entity_snapshots,
)
from greenroom.infrastructure.entity.dormant import hibernate

CALLERS = (1, 64, 256)
BATCH = 1000


@dataclass(frozen=True)
class Profile:
    """About what a venue keeps of itself."""

    name: str = "The Blue Note, 131 West 3rd Street"
    city: str = "New York"
    plays: int = 0
    slots: tuple[str, ...] = ("Friday", "Saturday", "Sunday")


@dataclass
class Venue(Entity[int, Profile], kind="venue"):
    """Answers from memory, and changes at two levels of durability."""

    def initial(self) -> Profile:
        return Profile(f"venue {self.key}")

    async def plays(self) -> int:
        return self.state.plays

    async def play(self) -> None:
        self.save_later(replace(self.state, plays=self.state.plays + 1))

    async def book(self) -> None:
        await self.save(replace(self.state, plays=self.state.plays + 1))


@asynccontextmanager
async def running(
    url: DatabaseUrl, home: Home[Profile] | Memory[Profile], settings: EntitySettings | None = None
) -> AsyncGenerator[None]:
    tree = await Supervisor.start(
        [
            child(Database, url, settings=DatabaseSettings(max_waiting=1_000_000)).named("database"),
            entities(Venue, home, settings),
        ],
        strategy="one_for_one",
    )
    try:
        yield
    finally:
        await tree.stop("shutdown")


def prepared(url: DatabaseUrl, rows: int) -> DatabaseUrl:
    """The database, with so many venues in it."""
    engine = sa.create_engine(url.address if url.kind == "postgresql" else f"sqlite:///{url.address}")
    entity_snapshots.metadata.drop_all(engine)
    entity_snapshots.metadata.create_all(engine)
    home, now = Snapshots(Profile), datetime.now(UTC)
    with engine.begin() as connection:
        values = [
            {"id": f"venue/{key}", "version": 1, **home.write("venue", key, Profile(f"venue {key}"), now)}
            for key in range(rows)
        ]
        if values:
            connection.execute(sa.insert(entity_snapshots), values)
    engine.dispose()
    return url


async def in_batches(keys: Iterable[int], ask: Callable[[int], Awaitable[object]]) -> None:
    waiting = list(keys)
    for at in range(0, len(waiting), BATCH):
        await asyncio.gather(*map(ask, waiting[at : at + BATCH]))


async def ask_plays(key: int) -> int:
    return await Venue.at(key).within(60.0).call(Venue.plays)


# Activation.


async def activation(folder: Path, number: int) -> None:
    """From SQL, from packed memory, and without anything to read."""
    url = prepared(DatabaseUrl.parse(str(folder / "cold.db")), number)
    async with running(url, Snapshots(Profile)):
        seconds = await timed(in_batches(range(number), ask_plays))
        report("activation, cold: one query for up to 256", number / seconds, "1/s")
        sleep(range(number))
        seconds = await timed(in_batches(range(number), ask_plays))
        report("activation, warm: from hibernation", number / seconds, "1/s")
    async with running(url, Memory(Profile)):
        seconds = await timed(in_batches(range(number), ask_plays))
        report("activation of what is kept in memory alone", number / seconds, "1/s")


def sleep(keys: Iterable[int]) -> None:
    for key in keys:
        process = Venue.at(key).find()
        hibernate(process, process.server, process.server.__runtime__)


async def timed(work: Awaitable[object]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


# Calls.


async def calls(folder: Path, number: int, rounds: int) -> None:
    """Over all live entities in turn, with one change in a hundred; then to one of them."""
    url = prepared(DatabaseUrl.parse(str(folder / "calls.db")), 0)
    async with running(url, Snapshots(Profile), EntitySettings(save_interval=2.0)):
        await in_batches(range(number), ask_plays)
        calm_collector()
        refs = [Venue.at(key) for key in range(number)]
        processes = [ref.where() for ref in refs]
        figures = {"Venue.at(key).call": 0.0, "kept address": 0.0, "reference to the process": 0.0, "one entity": 0.0}
        for _ in range(rounds):
            best(figures, "Venue.at(key).call", number / await timed(all_by_key(number)))
            best(figures, "kept address", number / await timed(all_of(refs)))
            best(figures, "reference to the process", number / await timed(all_of(processes)))
            best(figures, "one entity", number / await timed(all_of([processes[0]] * number)))
        for name, rate in figures.items():
            report(f"calls to {number} live entities, 1 % change them: {name}", rate, "1/s")


def best(figures: dict[str, float], name: str, rate: float) -> None:
    figures[name] = max(figures[name], rate)


async def all_by_key(number: int) -> None:
    for key in range(number):
        await Venue.at(key).call(Venue.play if key % 100 == 0 else Venue.plays)


async def all_of(refs: Iterable[Ref[Venue] | None]) -> None:
    for at, ref in enumerate(refs):
        assert ref is not None
        await ref.call(Venue.play if at % 100 == 0 else Venue.plays)


# Memory.


def memory(number: int) -> None:
    """What each one adds to a program of its own, live, and packed right after its start."""
    for title in ("live", "hibernating"):
        command = [sys.executable, __file__, "--memory", title, "--entities", str(number)]
        measured = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        report(f"memory of a {title} entity, state and all", float(measured), "B")


async def bytes_each(folder: Path, number: int, *, packed: bool) -> float:
    url = prepared(DatabaseUrl.parse(str(folder / "memory.db")), number)
    async with running(url, Snapshots(Profile)):
        await in_batches(range(BATCH), ask_plays)
        gc.collect()
        before = resident()
        for at in range(BATCH, number, BATCH):
            keys = range(at, min(number, at + BATCH))
            await in_batches(keys, ask_plays)
            if packed:
                sleep(keys)
        gc.collect()
        return (resident() - before) / (number - BATCH)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# Write amplification.


async def amplification(folder: Path, number: int, seconds: float) -> None:
    """Changes for each row written, when some are changed much more often than others."""
    url = prepared(DatabaseUrl.parse(str(folder / "amplification.db")), 0)
    written = 0.0

    def note(_: object, measurements: Mapping[str, float], __: object) -> None:
        nonlocal written
        written += measurements["count"]

    telemetry.attach("benchmark", ("greenroom", "entity", "save"), note)
    changes = 0
    async with running(url, Snapshots(Profile), EntitySettings(save_interval=1.0)):
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for step in range(200):
                # The first hundredth of them gets half of the changes.
                key = step % max(1, number // 100) if step % 2 else (changes + step) % number
                await Venue.at(key).call(Venue.play)
            changes += 200
            await asyncio.sleep(0.005)
    telemetry.detach("benchmark")
    report(f"changes for each row written, interval 1 s, {number} entities", changes / max(1, written), "")


# Immediate changes.


async def immediate(url: DatabaseUrl, callers: int, seconds: float) -> float:
    """Changes a second, each answered after its commit; every caller has entities of its own."""
    async with running(url, Snapshots(Profile)):
        await asyncio.gather(*(Venue.at(key).call(Venue.book) for key in range(callers)))
        return await rate(callers, seconds, lambda caller: Venue.at(caller).call(Venue.book))


async def rate(callers: int, seconds: float, change: Callable[[int], Awaitable[object]]) -> float:
    done = 0
    end = time.perf_counter() + seconds

    async def one(caller: int) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await change(caller)
            done += 1

    started = time.perf_counter()
    await asyncio.gather(*map(one, range(callers)))
    return done / (time.perf_counter() - started)


async def one_transaction_each(url: DatabaseUrl, callers: int, seconds: float) -> float:
    """The same rows written the usual way: a thread takes a connection, writes the row, and commits."""
    of_thread = local()
    update = "UPDATE entity_snapshots SET data = {0}, version = version + 1 WHERE id = {0}"
    insert = "INSERT INTO entity_snapshots VALUES ({0}, 'venue', 'x', 1, 1, {0}, {0}) ON CONFLICT (id) DO NOTHING"
    mark = "%s" if url.kind == "postgresql" else "?"
    keys = [f"other/{caller}" for caller in range(callers)]
    data = Snapshots(Profile).codec.pack(Profile())
    with closing(connected(url)) as connection:
        for key in keys:
            connection.execute(insert.format(mark), (key, data, "2026-01-01T00:00:00Z"))
        connection.commit()

    def write(caller: int) -> None:
        if not hasattr(of_thread, "connection"):
            of_thread.connection = connected(url)
        of_thread.connection.execute(update.format(mark), (data, keys[caller]))
        of_thread.connection.commit()

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(min(callers, 16)) as pool:
        return await rate(callers, seconds, lambda caller: loop.run_in_executor(pool, write, caller))


def connected(url: DatabaseUrl) -> sqlite3.Connection | psycopg.Connection[tuple[object, ...]]:
    if url.kind == "postgresql":
        return psycopg.connect(url.address.replace("+psycopg", ""))
    connection = sqlite3.connect(url.address, timeout=30.0)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


async def durable(url: DatabaseUrl, seconds: float, rounds: int) -> None:
    for callers in CALLERS:
        ours, theirs = list[float](), list[float]()
        for _ in range(rounds):
            ours.append(await immediate(prepared(url, 0), callers, seconds))
            theirs.append(await one_transaction_each(url, callers, seconds))
        title = f"immediate changes, {url.kind}, {callers} callers"
        report(title, median(ours), "1/s")
        report(f"{title}: one transaction each", median(theirs), "1/s")
        report(f"{title}: times as many", median(ours) / median(theirs), "×")


# The whole.


def report(title: str, figure: float, unit: str) -> None:
    print(f"{title:72}{figure:>12,.1f} {unit}" if figure < 100 else f"{title:72}{figure:>12,.0f} {unit}", flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description="What entities cost and bear.")
    parser.add_argument("--quick", action="store_true", help="everything small, to see that it runs")
    parser.add_argument("--postgres", metavar="URL", help="an empty database for the durable changes")
    parser.add_argument("--memory", choices=("live", "hibernating"), help=argparse.SUPPRESS)
    parser.add_argument("--entities", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    number, seconds, rounds = (5_000, 0.2, 1) if options.quick else (100_000, 2.0, 3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.memory:
            print(await bytes_each(folder, options.entities, packed=options.memory == "hibernating"))
            return
        memory(number)
        await activation(folder, number)
        await calls(folder, number, rounds)
        await amplification(folder, number // 100, seconds * 3)
        await durable(DatabaseUrl.parse(str(folder / "durable.db")), seconds, rounds)
        if options.postgres:
            await durable(DatabaseUrl.parse(options.postgres), seconds, rounds)


if __name__ == "__main__":
    asyncio.run(main())
