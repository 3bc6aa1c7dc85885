"""Immediate changes, and beside them one transaction for each change."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import local
from typing import Any

import psycopg
from sqlalchemy import bindparam, event, update
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.entity.page import Row
from benchmarks.entity.scene import Profile, Venue, prepared, rate, running
from greenroom.infrastructure import DatabaseUrl, Snapshots, entity_snapshots

CALLERS = (1, 64, 256)
THREADS = 16
"""How many connections write at once, where each change has a transaction of its own."""

AIM = 10.0


async def durable(url: DatabaseUrl, seconds: float, rounds: int) -> list[Row]:
    """Both ways in turn, so that both have the same machine."""
    name = "PostgreSQL" if url.kind == "postgresql" else "SQLite"
    rows = [
        Row(f"immediate changes, {name}, callers: {callers}", "1/s", aim=AIM if callers > 1 else None)
        for callers in CALLERS
    ]
    for _ in range(rounds):
        for row, callers in zip(rows, CALLERS, strict=True):
            row.ours.append(await immediate(prepared(url, 0), callers, seconds))
            row.usual.append(await one_transaction_each(url, callers, seconds))
            row.mapped.append(await one_transaction_each_by_sqlalchemy(url, callers, seconds))
    return rows


async def immediate(url: DatabaseUrl, callers: int, seconds: float) -> float:
    """Changes a second, each answered after its commit; every caller has an entity of its own."""
    async with running(url):
        await asyncio.gather(*(Venue.at(key).call(Venue.book) for key in range(callers)))
        return await rate(callers, seconds, lambda caller: Venue.at(caller).call(Venue.book))


async def one_transaction_each(url: DatabaseUrl, callers: int, seconds: float) -> float:
    """The same rows written the usual way: a thread takes a connection, writes the row, and commits."""
    of_thread = local()
    change = "UPDATE entity_snapshots SET data = {0}, version = version + 1 WHERE id = {0}"
    mark = "%s" if url.kind == "postgresql" else "?"
    keys, data = rows_of(url, callers)

    def write(caller: int) -> None:
        if not hasattr(of_thread, "connection"):
            of_thread.connection = connected(url)
        of_thread.connection.execute(change.format(mark), (data, keys[caller]))
        of_thread.connection.commit()

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(min(callers, THREADS)) as pool:
        return await rate(callers, seconds, lambda caller: loop.run_in_executor(pool, write, caller))


async def one_transaction_each_by_sqlalchemy(url: DatabaseUrl, callers: int, seconds: float) -> float:
    """The same rows written as applications do: a connection from the pool of an asyncio engine, and a transaction."""
    keys, data = rows_of(url, callers)
    engine = create_async_engine(
        url.address if url.kind == "postgresql" else f"sqlite+aiosqlite:///{url.address}",
        pool_size=THREADS,
        max_overflow=0,
        pool_timeout=60.0,
    )
    if url.kind != "postgresql":
        event.listen(engine.sync_engine, "connect", in_full)
    table = entity_snapshots
    change = (
        update(table)
        .where(table.c.id == bindparam("of_row"))
        .values(data=bindparam("given"), version=table.c.version + 1)
    )

    async def write(caller: int) -> None:
        async with engine.begin() as connection:
            await connection.execute(change, {"of_row": keys[caller], "given": data})

    try:
        return await rate(callers, seconds, write)
    finally:
        await engine.dispose()


def in_full(connection: Any, _: object) -> None:
    """As durable as the others, and patient where others have the lock."""
    for pragma in ("synchronous = FULL", "busy_timeout = 30000"):
        connection.execute(f"PRAGMA {pragma}").close()


def rows_of(url: DatabaseUrl, callers: int) -> tuple[list[str], bytes]:
    """The keys of rows of their own, which are there, and what is to be written to them."""
    insert = "INSERT INTO entity_snapshots VALUES ({0}, 'venue', 'x', 1, 1, {0}, {0}) ON CONFLICT (id) DO NOTHING"
    mark = "%s" if url.kind == "postgresql" else "?"
    keys = [f"other/{caller}" for caller in range(callers)]
    data = Snapshots(Profile).codec.pack(Profile())
    with closing(connected(url)) as connection:
        for key in keys:
            connection.execute(insert.format(mark), (key, data, "2026-01-01T00:00:00Z"))
        connection.commit()
    return keys, data


def connected(url: DatabaseUrl) -> sqlite3.Connection | psycopg.Connection[tuple[object, ...]]:
    if url.kind == "postgresql":
        return psycopg.connect(url.address.replace("+psycopg", ""))
    connection = sqlite3.connect(url.address, timeout=30.0)
    connection.execute("PRAGMA synchronous = FULL")
    return connection
