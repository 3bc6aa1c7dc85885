"""`python -m gigbook seed`, as it is run."""

import signal
import sqlite3
import sys
from contextlib import closing
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gigbook.application import seed
from gigbook.application.cli import main
from gigbook.application.seed import program
from tests.gigbook.program import outcome, starting

SMALL = ("--venues", "8", "--artists", "20", "--bookings", "60", "--from", "2030-03-20")

WITHOUT_MOMENTS = {
    "users": "id, name, email, role, phone, bio",
    "venues": "id, name, city, capacity, time_zone, opening, manager_id, description",
    "bookings": "id, venue_id, artist_id, title, starts_at, ends_at, time_zone, status",
}

OVERLAPS = """
    SELECT count(*) FROM bookings a JOIN bookings b ON a.venue_id = b.venue_id AND a.id < b.id
    AND a.status IN ('held', 'confirmed') AND b.status IN ('held', 'confirmed')
    AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "city.db"


def rows(file: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(file)) as database:
        return {
            table: database.execute(f"SELECT {columns} FROM {table} ORDER BY id").fetchall()
            for table, columns in WITHOUT_MOMENTS.items()
        }


def one(file: Path, query: str) -> Any:
    with closing(sqlite3.connect(file)) as database:
        return database.execute(query).fetchone()[0]


async def test_the_same_seed_fills_two_databases_alike(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"

    first, second = await outcome("seed", file, *SMALL), await outcome("seed", other, *SMALL)

    assert (first[0], second[0]) == (0, 0), first[2] + second[2]
    assert "60 bookings" in first[1]
    assert rows(file) == rows(other)
    assert {table: len(found) for table, found in rows(file).items()} == {"users": 24, "venues": 8, "bookings": 60}


async def test_what_it_makes_is_decided_and_nobody_is_booked_twice(file: Path) -> None:
    await outcome("seed", file, *SMALL)

    assert {status for *_, status in rows(file)["bookings"]} == {"requested", "held", "confirmed", "cancelled"}
    assert one(file, OVERLAPS) == 0
    # Each was told as it happened.
    assert one(file, "SELECT count(DISTINCT stream) FROM events WHERE stream LIKE 'booking:%'") == 60


async def test_a_database_that_is_not_empty_is_left_alone(file: Path) -> None:
    await outcome("seed", file, *SMALL)
    before = rows(file)

    code, _, said = await outcome("seed", file, *SMALL)

    assert (code, rows(file)) == (1, before)
    assert said == f"gigbook: {file} is not empty: it has 24 users and 8 venues; --add adds to them\n"


async def test_it_adds_where_that_is_asked_for(file: Path) -> None:
    await outcome("seed", file, *SMALL)

    code, _, said = await outcome("seed", file, *SMALL, "--add")

    assert code == 0, said
    assert len(rows(file)["users"]) == 48
    assert len(rows(file)["bookings"]) == 120


async def test_a_first_day_that_is_over_is_refused_in_one_line(file: Path) -> None:
    code, _, said = await outcome("seed", file, "--from", "2020-01-01")

    assert code == 1
    assert said.startswith("gigbook: expected the first day to be ")
    assert said.count("\n") == 1
    assert not file.exists()  # noqa: ASYNC240


async def test_a_first_day_too_far_off_for_all_gigs_is_refused_in_one_line(file: Path) -> None:
    code, _, said = await outcome("seed", file, "--from", "9999-12-31")

    assert (code, said) == (
        *(1, "gigbook: expected the first day to be 9998-10-02 or earlier for so many bookings, got 9999-12-31\n"),
    )


async def test_the_last_first_day_is_not_too_late(file: Path) -> None:
    code, _, said = await outcome("seed", file, *SMALL[:-1], "9998-10-02")

    assert code == 0, said


class Impatience(MetaPathFinder):
    """Somebody presses Ctrl-C while the program is still being read."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == program.__name__:
            raise KeyboardInterrupt


def test_ctrl_c_before_anything_is_made_is_told_in_the_same_words(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.delitem(sys.modules, program.__name__)
    monkeypatch.delattr(seed, "program")
    monkeypatch.setattr(sys, "meta_path", [Impatience(), *sys.meta_path])

    result = CliRunner().invoke(main, ["seed"], env={"DATABASE_URL": str(file)})

    assert (result.exit_code, result.stderr) == (
        *(130, "gigbook: interrupted: what has been made so far is there, and whole\n"),
    )


async def test_ctrl_c_leaves_what_is_whole(file: Path) -> None:
    async with starting("seed", file, "--bookings", "20000", "--venues", "50") as process:
        assert process.stdout is not None
        while "venues" not in (line := (await process.stdout.readline()).decode()):
            assert line

        process.send_signal(signal.SIGINT)
        _, said = await process.communicate()

    assert process.returncode == 130
    assert said.decode() == "gigbook: interrupted: what has been made so far is there, and whole\n"
    assert one(file, "SELECT count(*) FROM users") > 0
    assert one(file, "PRAGMA integrity_check") == "ok"
