"""How many changes a second are confirmed as durable: Greenroom's group commit, and one transaction for each change.

    make bench ARGS=benchmarks/database.py                        SQLite, two minutes
    python benchmarks/database.py --postgres postgresql://…/test   PostgreSQL too; the database must be there and empty
    python benchmarks/database.py --quick                         every cell once and short, to see that it runs

Each caller waits for its own row before it sends the next. SQLite writes its WAL with `synchronous=FULL`. All ways take
turns within a round, and a cell is the median of the rounds: a machine's speed changes more from minute to minute than
from way to way. Aims: 20 000 a second with 64 callers, 30 000 with 256, and ten times one transaction each.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median
from threading import local
from typing import Any

import psycopg
from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, event, func
from sqlalchemy import insert as insert_into
from sqlalchemy.ext.asyncio import create_async_engine

from greenroom.infrastructure import Database, DatabaseSettings, DatabaseUrl, UtcTimestamp
from greenroom.infrastructure.database.connector import connector

CALLERS = (1, 64, 256)

customers = Table(
    "customers",
    MetaData(),
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("phone", Text),
    Column("address", Text),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("updated_at", UtcTimestamp, nullable=False),
    Column("version", Integer, nullable=False),
)
Index("idx_customers_email", func.lower(customers.c.email), unique=True)

Values = dict[str, Any]
Insert = Callable[[Values], Awaitable[object]]
"""Returns when the row is durable."""

Way = Callable[[DatabaseUrl], Any]
"""Opens a database and yields how rows are inserted there."""


# The ways.


@asynccontextmanager
async def greenroom(url: DatabaseUrl) -> AsyncGenerator[Insert]:
    database = await Database.start(url)

    async def insert(values: Values) -> object:
        return await database.call(Database.insert, customers, values)

    yield insert
    await database.stop()


@asynccontextmanager
async def greenroom_beside_work(url: DatabaseUrl) -> AsyncGenerator[Insert]:
    """The event loop never rests: the writer's thread has to fight for the interpreter."""

    async def work() -> None:
        while True:
            until = time.perf_counter() + 0.0002
            while time.perf_counter() < until:
                pass
            await asyncio.sleep(0)

    working = asyncio.create_task(work())
    async with greenroom(url) as insert:
        yield insert
    working.cancel()


@asynccontextmanager
async def sqlite_thread(url: DatabaseUrl) -> AsyncGenerator[Insert]:
    """The standard library in a thread of its own: the best that one transaction for each change can do."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as thread:
        connection = await loop.run_in_executor(thread, open_sqlite, url.address)
        sql = f"INSERT INTO customers ({', '.join(columns())}) VALUES ({', '.join(f':{name}' for name in columns())})"

        def write(values: Values) -> None:
            with connection:
                connection.execute(sql, {**values, "created_at": str(values["created_at"]), "updated_at": ""})

        yield lambda values: loop.run_in_executor(thread, write, values)
        await loop.run_in_executor(thread, connection.close)


def open_sqlite(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    durable(connection)
    return connection


def durable(connection: Any, _: object = None) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "busy_timeout = 60000"):
        connection.execute(f"PRAGMA {pragma}").close()


@asynccontextmanager
async def sqlalchemy_async(url: DatabaseUrl) -> AsyncGenerator[Insert]:
    """SQLAlchemy's asyncio part with its pool, as most services are written."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{url.address}" if url.kind == "file" else url.address)
    if url.kind == "file":
        event.listen(engine.sync_engine, "connect", durable)

    async def insert(values: Values) -> None:
        async with engine.begin() as connection:
            await connection.execute(insert_into(customers).values(values))

    yield insert
    await engine.dispose()


@asynccontextmanager
async def psycopg_threads(url: DatabaseUrl) -> AsyncGenerator[Insert]:
    """Twenty connections, each in a thread of its own."""
    loop, own = asyncio.get_running_loop(), local()
    address = url.address.replace("+psycopg", "")
    sql = f"INSERT INTO customers ({', '.join(columns())}) VALUES ({', '.join(f'%({name})s' for name in columns())})"
    query = sql.encode()
    opened: list[psycopg.Connection[Any]] = []

    def write(values: Values) -> None:
        if not hasattr(own, "connection"):
            own.connection = psycopg.connect(address, autocommit=True)
            opened.append(own.connection)
        own.connection.execute(query, values)

    with ThreadPoolExecutor(20) as threads:
        yield lambda values: loop.run_in_executor(threads, write, values)
    for connection in opened:
        connection.close()


def columns() -> Sequence[str]:
    return [column.name for column in customers.columns if column.name != "id"]


# The measurement.


@dataclass(frozen=True)
class Kind:
    """One kind of database, and the ways to write to it; the first is ours, and one of the rest its rival."""

    name: str
    ways: Mapping[str, Way]


SQLITE = Kind(
    "SQLite",
    {
        "Greenroom": greenroom,
        "Greenroom beside a busy loop": greenroom_beside_work,
        "one transaction each: sqlite3, a thread": sqlite_thread,
        "one transaction each: SQLAlchemy async, aiosqlite": sqlalchemy_async,
    },
)
POSTGRESQL = Kind(
    "PostgreSQL",
    {
        "Greenroom": greenroom,
        "one transaction each: psycopg, 20 threads": psycopg_threads,
        "one transaction each: SQLAlchemy async, psycopg": sqlalchemy_async,
    },
)


async def rate(way: Way, url: DatabaseUrl, callers: int, seconds: float) -> float:
    """Measure how many changes a second are confirmed."""
    numbers = count()
    confirmed = 0
    now = datetime.now(UTC)
    async with way(url) as insert:

        async def call(end: float) -> None:
            nonlocal confirmed
            while time.perf_counter() < end:
                email = f"{next(numbers)}@example.com"
                await insert(
                    {"name": "Nina Simone", "email": email, "phone": "+1 212 475 8592", "address": "131 W 3rd St",
                     "created_at": now, "updated_at": now, "version": 1}
                )  # fmt: skip
                confirmed += 1

        async def run(seconds: float) -> None:
            end = time.perf_counter() + seconds
            await asyncio.gather(*(call(end) for _ in range(callers)))

        # Connections are opened and statements compiled before it counts.
        await run(seconds / 10)
        started, confirmed = time.perf_counter(), 0
        await run(seconds)
        return confirmed / (time.perf_counter() - started)


def measure(kind: Kind, address: Callable[[], str], rounds: int, seconds: float) -> dict[tuple[str, int], float]:
    """Measure every way with every number of callers, in turns."""
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for callers in CALLERS:
            for name, way in kind.ways.items():
                url = DatabaseUrl.parse(address())
                make_anew(url)
                found.setdefault((name, callers), []).append(asyncio.run(rate(way, url, callers, seconds)))
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {cell: median(rates) for cell, rates in found.items()}


def make_anew(url: DatabaseUrl) -> None:
    with closing(connector(url, DatabaseSettings()).writer()) as session, session.schema_change() as connection:
        customers.metadata.drop_all(connection)
        customers.metadata.create_all(connection)


def report(kind: Kind, rates: Mapping[tuple[str, int], float]) -> None:
    """Print the rates, and how many times theirs ours is."""
    ours = next(iter(kind.ways))
    print(f"\n| {kind.name}, confirmed changes a second | " + " | ".join(f"{n} callers" for n in CALLERS) + " |")
    print("|---|" + "--:|" * len(CALLERS))
    for name in kind.ways:
        cells = [f"{rates[name, n]:,.0f} ({rates[ours, n] / rates[name, n]:.1f} ×)" for n in CALLERS]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print(f"\nIn brackets: how many times that {ours} does.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="every cell once, 0.2 s each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="for each cell of a round")
    parser.add_argument("--folder", type=Path, help="where SQLite's files are made; the disk is what is measured")
    parser.add_argument("--postgres", metavar="URL", help="measure PostgreSQL too; its table `customers` is replaced")
    chosen = parser.parse_args()
    rounds, seconds = (1, 0.2) if chosen.quick else (chosen.rounds, chosen.seconds)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        names = count()
        report(SQLITE, measure(SQLITE, lambda: f"{folder}/{next(names)}.db", rounds, seconds))
    if chosen.postgres:
        report(POSTGRESQL, measure(POSTGRESQL, lambda: str(chosen.postgres), rounds, seconds))


if __name__ == "__main__":
    main()
