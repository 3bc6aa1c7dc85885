"""Entities on real databases that fail: errors are clear, nothing that was answered is lost, and it ends by itself."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from greenroom import CallTimeout, child
from greenroom.infrastructure import Database, DatabaseError, DatabaseSettings, DatabaseUrl, NotSaved
from greenroom.testing import Tree, settle_until
from tests.greenroom.infrastructure.entity.venues import Diary, Venue, venue_kind, venues

BAR = Venue.at(7)
IMPATIENT = DatabaseSettings(lock_timeout=0.02, probe_interval=0.05)


@pytest.fixture
async def venue_tree(tree: Tree, url: DatabaseUrl) -> None:
    await tree.start_supervised(child(Database, url, settings=IMPATIENT).named("database"))
    await tree.start_supervised(venue_kind(save_interval=0.05, retry=0.1))


def plays_in(url: DatabaseUrl) -> dict[int, int]:
    """What is stored, read without Greenroom."""
    engine = sa.create_engine(url.address if url.kind == "postgresql" else f"sqlite:///{url.address}")
    with engine.connect() as connection:
        rows: list[Any] = [*connection.execute(sa.select(venues.c.id, venues.c.plays)).mappings()]
    engine.dispose()
    return {row["id"]: row["plays"] for row in rows}


@contextmanager
def locked(url: DatabaseUrl) -> Generator[None]:
    """Another program holds the write lock."""
    with closing(sqlite3.connect(url.address, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize("url", ["file"], indirect=True)
async def test_a_locked_database_refuses_what_is_immediate_and_holds_what_is_not(
    venue_tree: None, url: DatabaseUrl, caplog: pytest.LogCaptureFixture
) -> None:
    await BAR.call(Venue.rename, "Blue Note")

    with locked(url):
        with pytest.raises(NotSaved, match="got locked"):
            await BAR.call(Venue.rename, "Birdland")
        for _ in range(5):
            await BAR.call(Venue.play)
        await settle_until(lambda: "are not saved, next try" in caplog.text, lambda: "expected a write to fail")
    await settle_until(lambda: not BAR.find().server.is_dirty, lambda: "expected the bar to be saved")

    assert plays_in(url) == {7: 5}
    assert await BAR.call(Venue.look) == Diary("Blue Note", 5)


@pytest.mark.parametrize("url", ["file"], indirect=True)
async def test_an_entity_that_is_read_from_a_database_that_is_gone_says_so(tree: Tree, url: DatabaseUrl) -> None:
    database = await tree.start_supervised(child(Database, url, settings=IMPATIENT).named("database"))
    await tree.start_supervised(venue_kind())
    await BAR.call(Venue.look)
    await tree.stop(database)

    with pytest.raises(Exception, match="database") as caught:
        await Venue.at(8).call(Venue.look)

    assert not isinstance(caught.value, CallTimeout)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_lost_connections_cost_no_answered_change_and_none_is_applied_twice(
    venue_tree: None, url: DatabaseUrl
) -> None:
    answered = dict.fromkeys(range(8), 0)
    cutting = True

    async def change(key: int) -> None:
        while cutting:
            try:
                plays = await Venue.at(key).within(60.0).call(Venue.count_down)
            except (NotSaved, DatabaseError):
                await asyncio.sleep(0.01)
            else:
                assert plays == answered[key] + 1
                answered[key] = plays

    changing = [asyncio.ensure_future(change(key)) for key in answered]
    for _ in range(8):
        await asyncio.sleep(0.1)
        await asyncio.to_thread(cut_off, url)
    await asyncio.sleep(0.2)
    cutting = False
    await asyncio.gather(*changing)

    assert plays_in(url) == answered
    assert min(answered.values()) > 0


def cut_off(url: DatabaseUrl) -> None:
    """End every connection that Greenroom has to the database, as a restart of the server does."""
    with psycopg.connect(url.address.replace("+psycopg", "")) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'greenroom'"
        )
