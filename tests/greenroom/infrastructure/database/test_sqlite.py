"""What happens to SQLite's file: locked, full, read-only, corrupt, gone."""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from greenroom import Ref, StartFailed
from greenroom.infrastructure import (
    Database,
    DatabaseError,
    DatabaseSettings,
    DatabaseUrl,
    Degraded,
    Healthy,
)
from greenroom.infrastructure.database.error import Reason
from greenroom.testing import Tree
from tests.disks import fill, read_only
from tests.greenroom.infrastructure.database.tables import create_tables, row, venues

QUICK = DatabaseSettings(lock_timeout=0.05, probe_interval=0.02)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database file with tables."""
    path = tmp_path / "test.db"
    create_tables(DatabaseUrl.parse(str(path)))
    return path


async def start(tree: Tree, path: Path) -> Ref[Database]:
    return await tree.start(Database, str(path), settings=QUICK)


async def fails(database: Ref[Database], reason: Reason, name: str = "Nowhere") -> DatabaseError:
    """Insert, which must fail for the reason."""
    with pytest.raises(DatabaseError) as raised:
        await database.call(Database.insert, venues, {"name": name})
    assert raised.value.reason == reason, raised.value
    return raised.value


async def recovers(database: Ref[Database]) -> None:
    """Wait until the database is healthy, and insert."""
    while not isinstance(await database.call(Database.health), Healthy):  # noqa: ASYNC110  # nothing tells of it
        await asyncio.sleep(0.01)
    assert row(await database.call(Database.insert, venues, {"name": "Afterwards"}))


async def names(database: Ref[Database]) -> list[str]:
    found = await database.call(Database.select, select(venues.c.name).order_by(venues.c.id))
    return [row["name"] for row in found]


async def test_a_lock_that_another_program_holds_is_an_error_until_it_is_gone(tree: Tree, path: Path) -> None:
    database = await start(tree, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        failure = await fails(database, "locked")
        health = await database.call(Database.health)

        assert failure.retry_is_safe
        assert isinstance(health, Degraded)
        assert health.reason == "locked"
        assert await names(database) == []
    await recovers(database)


async def test_a_short_lock_is_waited_for(tree: Tree, path: Path) -> None:
    database = await tree.start(Database, str(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = asyncio.ensure_future(database.call(Database.insert, venues, {"name": "Blue Note"}))
        assert await names(database) == []
        other.execute("COMMIT")

    assert row(await answer)["name"] == "Blue Note"


async def test_reads_do_not_wait_for_a_writer(tree: Tree, path: Path) -> None:
    database = await start(tree, path)
    await database.call(Database.insert, venues, {"name": "Blue Note"})
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        assert await names(database) == ["Blue Note"]


async def test_a_full_disk_is_an_error_and_nothing_that_was_answered_is_lost(small_disk: Path, tree: Tree) -> None:
    path = small_disk / "test.db"
    create_tables(DatabaseUrl.parse(str(path)))
    database = await start(tree, path)
    ballast = fill(small_disk, 300_000)

    answered = await insert_until_it_fails(database)
    await fails(database, "full")
    assert isinstance(await database.call(Database.health), Degraded)
    assert await names(database) == answered

    ballast.unlink()
    await recovers(database)
    assert await names(database) == [*answered, "Afterwards"]


async def insert_until_it_fails(database: Ref[Database]) -> list[str]:
    """Insert large rows, and answer with the names that were stored."""
    answered: list[str] = []
    try:
        for n in range(1000):
            added = await database.call(Database.insert, venues, {"name": f"{n}" + "x" * 10_000})
            answered.append(row(added)["name"])
    except DatabaseError:
        return answered
    raise AssertionError("expected the disk to be full")


async def test_a_file_that_takes_no_changes_any_more_is_an_error_that_leaves_no_doubt(tree: Tree, path: Path) -> None:
    database = await start(tree, path)
    await database.call(Database.insert, venues, {"name": "Before"})
    with read_only(path):
        # What is open already is written to without asking: the first write that fails is the one of a commit.
        failure = await fails(database, "io")
        health = await database.call(Database.health)
        await fails_in_the_end(database, "read_only")

        assert failure.retry_is_safe
        assert isinstance(health, Degraded)
        assert await names(database) == ["Before"]

    await recovers(database)
    await tree.stop(database)
    database = await start(tree, path)
    assert await names(database) == ["Before", "Afterwards"]


async def fails_in_the_end(database: Ref[Database], reason: Reason) -> None:
    """Insert, which must fail, until it does so for the reason."""
    while True:
        with pytest.raises(DatabaseError) as raised:
            await database.call(Database.insert, venues, {"name": "Nowhere"})
        if raised.value.reason == reason:
            return
        await asyncio.sleep(0.01)


def listing(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def test_a_file_that_is_no_database_fails_the_start(tree: Tree, tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    path.write_text("This is a letter, and no database. " * 100)

    with pytest.raises(StartFailed, match="corrupt: file is not a database"):
        await start(tree, path)


async def test_a_corrupt_page_is_an_error_and_no_change_is_taken_until_it_is_repaired(tree: Tree, path: Path) -> None:
    database = await start(tree, path)
    for n in range(200):
        await database.call(Database.insert, venues, {"name": f"{n}" + "x" * 1000})
    await tree.stop(database)
    repair = corrupt(path)
    database = await start(tree, path)

    with pytest.raises(DatabaseError) as raised:
        await names(database)
    assert raised.value.reason == "corrupt", raised.value
    await fails(database, "corrupt")

    repair()
    await recovers(database)


def corrupt(path: Path) -> Callable[[], object]:
    """Overwrite all but the first pages; the function that it returns repairs them."""
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + bytes(len(whole) - 8192))
    return partial(path.write_bytes, whole)


@pytest.mark.parametrize("unwritable", ["file", "folder"])
async def test_a_file_that_can_not_be_written_fails_the_start(tree: Tree, unwritable: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.db"
        create_tables(DatabaseUrl.parse(str(path)))
        path.chmod(0o444 if unwritable == "file" else 0o666)
        path.parent.chmod(0o777 if unwritable == "file" else 0o555)

        with unprivileged(), pytest.raises(StartFailed, match=r"read_only: .* can not be read and written"):
            await start(tree, path)


@contextmanager
def unprivileged() -> Generator[None]:
    """Give up root's right to write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(("place", "problem"), [("missing/test.db", "is no folder"), ("", "is a folder")])
async def test_a_place_that_can_not_hold_a_file_fails_the_start(
    tree: Tree, tmp_path: Path, place: str, problem: str
) -> None:
    with pytest.raises(StartFailed, match=problem):
        await start(tree, tmp_path / place)


async def test_a_file_that_is_removed_or_replaced_is_an_error(tree: Tree, path: Path) -> None:
    database = await start(tree, path)
    back = move_away(path)

    failure = await fails(database, "io")
    assert "removed or replaced" in failure.detail
    await fails(database, "io")
    assert listing(path.parent) == ["away"]

    back()
    await recovers(database)


def move_away(path: Path) -> Callable[[], object]:
    """Move a file with all that belongs to it; the function that it returns moves it back."""
    (path.parent / "away").mkdir()
    moved = [each.rename(each.parent / "away" / each.name) for each in path.parent.glob("test.db*")]
    return lambda: [each.rename(path.parent / each.name) for each in moved]


async def test_an_orderly_end_leaves_one_file(tree: Tree, path: Path) -> None:
    database = await start(tree, path)
    await database.call(Database.insert, venues, {"name": "Blue Note"})
    assert await names(database) == ["Blue Note"]

    await tree.stop(database)

    assert listing(path.parent) == ["test.db"]
