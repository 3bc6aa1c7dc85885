"""The benchmark of bookings runs, and finds what it looks for."""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from benchmarks.booking.clients import Told, Wish
from benchmarks.booking.page import Cell, as_markdown, as_svg
from benchmarks.booking.verdict import Verdict, judged, opened
from gigbook.business.bookings.table import bookings
from greenroom.infrastructure import DatabaseUrl

MORNING = datetime(2030, 1, 1, 8, tzinfo=UTC)
GOOD = Verdict(0, 0, 0, 0)


def wish(start: int, end: int) -> Wish:
    return Wish(0, MORNING + timedelta(hours=start), MORNING + timedelta(hours=end))


@pytest.fixture
def url(tmp_path: Path) -> DatabaseUrl:
    """A database in which anything goes."""
    url = DatabaseUrl.parse(str(tmp_path / "bookings.db"))
    bookings.metadata.create_all(opened(url))
    return url


def book(url: DatabaseUrl, *times: tuple[int, int], status: str = "confirmed") -> None:
    with opened(url).begin() as connection:
        for start, end in times:
            wanted = wish(start, end)
            draft = {**wanted.as_draft(7, 1), "starts_at": wanted.start, "ends_at": wanted.end}
            row = {**draft, "time_zone": "UTC", "status": status, "created_at": MORNING, "updated_at": MORNING}
            connection.execute(insert(bookings).values(row))


def verdict(url: DatabaseUrl, told: Told) -> Verdict:
    return judged(url, [7], told)


def test_what_is_as_it_was_told_is_no_fault(url: DatabaseUrl) -> None:
    book(url, (0, 1), (1, 3), (5, 6))

    told = Told(
        confirmed={1: wish(0, 1), 2: wish(1, 3)}, refused=[wish(2, 4), wish(0, 9)], statuses=Counter({"x 409": 2})
    )

    assert verdict(url, told) == GOOD
    assert str(GOOD) == "none"


def test_two_bookings_at_the_same_time_are_found(url: DatabaseUrl) -> None:
    book(url, (0, 2), (1, 3))

    assert verdict(url, Told()) == Verdict(1, 0, 0, 0)


def test_a_booking_that_is_not_there_is_found(url: DatabaseUrl) -> None:
    book(url, (0, 1))
    book(url, (4, 5), status="held")

    assert verdict(url, Told(confirmed={1: wish(0, 2), 2: wish(4, 5), 3: wish(8, 9)})) == Verdict(0, 3, 0, 0)


def test_a_refusal_without_a_reason_is_found(url: DatabaseUrl) -> None:
    book(url, (0, 1), (3, 4))

    assert verdict(url, Told(refused=[wish(1, 3), wish(4, 5)])) == Verdict(0, 0, 2, 0)


def test_an_answer_that_should_not_be_is_found(url: DatabaseUrl) -> None:
    assert str(verdict(url, Told(statuses=Counter({"hold 503": 2, "confirm 200": 9})))) == "2 unexpected answers"


def test_the_page_compares_the_two_servers_on_each_database() -> None:
    ours = Cell("gigbook", "SQLite", 1000, 3000, 0.01, 0.02, 0.25, [GOOD])
    theirs = Cell("fastapi", "SQLite", 100, 300, 0.1, 0.2, 0.05, [GOOD, Verdict(1, 0, 0, 0)])

    page = as_markdown([ours, theirs], "a method")

    assert "| SQLite | Gigbook | 1,000 | 10.0 × | 3,000 | 10.0 ms | 20.0 ms | 25% | none |" in page
    assert "| 1 overlapping |" in page
    assert as_svg([ours, theirs]).count("<rect") == 3


def test_it_runs() -> None:
    ran = subprocess.run(
        [sys.executable, "benchmarks/bookings.py", "--quick"], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "FastAPI + SQLAlchemy" in ran.stdout
