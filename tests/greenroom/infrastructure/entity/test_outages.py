"""Entities on real databases that fail: errors are clear, nothing that was answered is lost, and it ends by itself."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from greenroom import CallTimeout, Ref, child
from greenroom.infrastructure import Database, DatabaseSettings, DatabaseUrl, Degraded, Healthy, NotSaved
from greenroom.testing import Tree
from tests import disks
from tests.disks import fill
from tests.greenroom.infrastructure.entity.venues import Diary, Venue, tables, venue_kind, venues

IMPATIENT = DatabaseSettings(lock_timeout=0.05, probe_interval=0.05)
INTERVAL = 0.05
KEYS = range(6)


@dataclass
class Told:
    """What the callers of one venue were told."""

    renamed: int = 0
    plays: int = 0
    refusals: list[str] = field(default_factory=list[str])

    @property
    def counts(self) -> tuple[int, int, int]:
        """How far it is with each."""
        return self.renamed, self.plays, len(self.refusals)


class Load:
    """Changes some venues all the time, at once and later, and remembers what it was told."""

    def __init__(self) -> None:
        self.told = {key: Told() for key in KEYS}
        self._over = False
        self._jobs = [asyncio.ensure_future(job(key)) for key in KEYS for job in (self._rename, self._play)]

    async def until_all(self, *, renamed: int = 0, plays: int = 0, refused: int = 0) -> None:
        """Let every venue have so many more answers of each kind."""
        goals = {
            key: (told.renamed + renamed, told.plays + plays, len(told.refusals) + refused)
            for key, told in self.told.items()
        }
        while not all(self._has_reached(key, goal) for key, goal in goals.items()):  # noqa: ASYNC110  # no event for it
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Make no more changes, and wait until the venues have saved all."""
        self._over = True
        await asyncio.gather(*self._jobs)
        for key in KEYS:
            while Venue.at(key).find().server.is_dirty:  # noqa: ASYNC110  # no event for it
                await asyncio.sleep(0.005)

    def expected(self) -> dict[int, Diary]:
        """What must be stored now."""
        return {key: Diary(f"{key}: {told.renamed}", told.plays) for key, told in self.told.items()}

    def _has_reached(self, key: int, goal: tuple[int, int, int]) -> bool:
        return all(have >= want for have, want in zip(self.told[key].counts, goal, strict=True))

    async def _rename(self, key: int) -> None:
        told = self.told[key]
        while not self._over:
            try:
                await Venue.at(key).within(60.0).call(Venue.rename, f"{key}: {told.renamed + 1}")
            except NotSaved as error:
                told.refusals.append(str(error))
                await asyncio.sleep(0.005)
            else:
                told.renamed += 1

    async def _play(self, key: int) -> None:
        told = self.told[key]
        while not self._over:
            # It waits behind a rename that does not know its outcome yet, and is never refused.
            assert await Venue.at(key).within(60.0).call(Venue.play) == told.plays + 1
            told.plays += 1
            await asyncio.sleep(0.01)


@pytest.fixture
async def database(tree: Tree, url: DatabaseUrl) -> Ref[Database]:
    found = await tree.start_supervised(child(Database, url, max_connections=8, settings=IMPATIENT).named("database"))
    await tree.start_supervised(venue_kind(save_interval=INTERVAL, retry=0.1))
    return found


@pytest.fixture
async def load(database: Ref[Database]) -> Load:
    load = Load()
    await load.until_all(renamed=1, plays=1)
    return load


def stored(url: DatabaseUrl) -> dict[int, Diary]:
    """What the database holds, read without Greenroom."""
    engine = sa.create_engine(url.address if url.kind == "postgresql" else f"sqlite:///{url.address}")
    with engine.connect() as connection:
        rows: list[Any] = [*connection.execute(sa.select(venues)).mappings()]
    engine.dispose()
    return {row["id"]: Diary(row["name"], row["plays"]) for row in rows}


# Ways to fail, each with the reason that callers are told.

Outage = Callable[[DatabaseUrl], AbstractContextManager[None]]


@contextmanager
def locked(url: DatabaseUrl) -> Generator[None]:
    """Another program holds the write lock."""
    with closing(sqlite3.connect(url.address, isolation_level=None, timeout=30.0)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def gone(url: DatabaseUrl) -> Generator[None]:
    """The file was moved away."""
    path = Path(url.address)
    path.rename(path.with_suffix(".away"))
    yield
    path.with_suffix(".away").rename(path)


@contextmanager
def full(url: DatabaseUrl) -> Generator[None]:
    """There is no room left on the disk."""
    ballast = fill(Path(url.address).parent)
    yield
    ballast.unlink()


@contextmanager
def protected(url: DatabaseUrl) -> Generator[None]:
    """The file takes no changes any more, not even from those who have opened it before."""
    with disks.read_only(Path(url.address)):
        yield


@contextmanager
def table_locked(url: DatabaseUrl) -> Generator[None]:
    """Another program keeps everyone else from writing."""
    with psycopg.connect(plain(url)) as other:
        other.execute("LOCK TABLE venues IN SHARE MODE")
        yield


@contextmanager
def down(url: DatabaseUrl) -> Generator[None]:
    """The server has ended all connections, and takes no new ones."""
    alter(url, "ALLOW_CONNECTIONS false")
    cut_off(url)
    yield
    alter(url, "ALLOW_CONNECTIONS true")


@contextmanager
def read_only(url: DatabaseUrl) -> Generator[None]:
    """The server takes no changes, as after it became the replica of another."""
    alter(url, "SET default_transaction_read_only = on")
    cut_off(url)
    yield
    alter(url, "RESET default_transaction_read_only")


CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name = 'greenroom'
"""


def cut_off(url: DatabaseUrl) -> None:
    """End every connection that Greenroom has to the database, as a restart of the server does."""
    with administrator(url) as server:
        server.execute(CUT, [name(url)])


def alter(url: DatabaseUrl, what: LiteralString) -> None:
    """Change a setting of the test's database."""
    with administrator(url) as server:
        server.execute(sql.SQL("ALTER DATABASE {} " + what).format(sql.Identifier(name(url))))


def administrator(url: DatabaseUrl) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to the server, but not to the test's database."""
    return psycopg.connect(plain(url).replace(name(url), "postgres"), autocommit=True)


def plain(url: DatabaseUrl) -> str:
    return url.address.replace("+psycopg", "")


def name(url: DatabaseUrl) -> str:
    return urlsplit(url.address).path.removeprefix("/")


async def goes_through(outage: Outage, reason: str, load: Load, database: Ref[Database], url: DatabaseUrl) -> None:
    """During the outage what is immediate is refused and what is not is held; after it all is as it was told."""
    with outage(url):
        await load.until_all(refused=2, plays=2)
        await eventually_degraded(database, reason)
    await load.until_all(renamed=2, plays=2)
    await load.stop()

    assert stored(url) == load.expected()
    # A write that fails says so in its own words; the next look at the file says why.
    reasons = {reason, "io"} if outage is protected else {reason}
    assert {of_refusal(refusal) for told in load.told.values() for refusal in told.refusals} <= reasons
    assert await database.call(Database.health) == Healthy()


async def eventually_degraded(database: Ref[Database], reason: str) -> None:
    """Wait until the database knows for what reason it fails."""
    while not isinstance(found := await database.call(Database.health), Degraded) or found.reason != reason:  # noqa: ASYNC110  # no event for it
        await asyncio.sleep(0.005)


def of_refusal(refusal: str) -> str:
    """The reason that a refusal tells."""
    return refusal.partition("got ")[2].partition(":")[0]


@pytest.mark.parametrize("url", ["file"], indirect=True)
@pytest.mark.parametrize(
    ("outage", "reason"),
    [(locked, "locked"), (gone, "io"), (protected, "read_only")],
    ids=["locked", "gone", "read only"],
)
async def test_a_file_that_fails_costs_nothing_that_was_answered(
    outage: Outage, reason: str, load: Load, database: Ref[Database], url: DatabaseUrl
) -> None:
    await goes_through(outage, reason, load, database, url)


class TestOnASmallDisk:
    @pytest.fixture
    def url(self, small_disk: Path) -> DatabaseUrl:
        found = DatabaseUrl.parse(str(small_disk / "test.db"))
        tables(found)
        return found

    async def test_a_full_disk_costs_nothing_that_was_answered(
        self, load: Load, database: Ref[Database], url: DatabaseUrl
    ) -> None:
        await goes_through(full, "full", load, database, url)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("outage", "reason"),
    [(table_locked, "locked"), (down, "lost"), (read_only, "read_only")],
    ids=["locked", "down", "read only"],
)
async def test_a_server_that_fails_costs_nothing_that_was_answered(
    outage: Outage, reason: str, load: Load, database: Ref[Database], url: DatabaseUrl
) -> None:
    await goes_through(outage, reason, load, database, url)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_connections_that_are_cut_all_the_time_cost_nothing_that_was_answered(
    load: Load, url: DatabaseUrl
) -> None:
    for _ in range(8):
        await asyncio.to_thread(cut_off, url)
        await load.until_all(renamed=1, plays=1)
    await load.stop()

    assert stored(url) == load.expected()


@pytest.mark.parametrize("url", ["file"], indirect=True)
async def test_an_entity_that_is_read_from_a_database_that_is_gone_says_so(
    tree: Tree, database: Ref[Database], url: DatabaseUrl
) -> None:
    await Venue.at(7).call(Venue.look)
    await tree.stop(database)

    with pytest.raises(Exception, match="database") as caught:
        await Venue.at(8).call(Venue.look)

    assert not isinstance(caught.value, CallTimeout)
