"""How bookings are kept, and what the database itself does not let in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gigbook.business import users, venues
from gigbook.business.bookings import Filter
from gigbook.business.bookings.table import booking, bookings, conditions
from gigbook.business.bookings.times import at_venue
from gigbook.business.database import database
from gigbook.business.records import page
from gigbook.business.users import UserDraft
from gigbook.business.venues import VenueDraft
from gigbook.business.versions import Versioned
from greenroom.infrastructure import Conflict, Database, Invalid, Row

pytestmark = pytest.mark.usefixtures("service")

EVENING = datetime(2030, 11, 22, 20, tzinfo=UTC)


def hour(n: float) -> datetime:
    return EVENING + timedelta(hours=n)


class Hall:
    """A venue in Berlin and an artist, whose bookings are written by hand."""

    def __init__(self, venue: int, artist: int) -> None:
        self.venue = venue
        self.artist = artist

    async def write(self, start: datetime, end: datetime, status: str = "confirmed") -> Row | Conflict | Invalid:
        row = {
            "venue_id": self.venue,
            "artist_id": self.artist,
            "title": "By hand",
            "starts_at": start,
            "ends_at": end,
            "time_zone": "Europe/Berlin",
            "status": status,
            "held_until": start if status == "held" else None,
            "created_at": EVENING,
            "updated_at": EVENING,
        }
        return await database.call(Database.insert, bookings, row)


@pytest.fixture
async def hall(service: object) -> Hall:
    venue = await venues.create(VenueDraft(name="Kit Kat", city="Berlin", capacity=9, time_zone="Europe/Berlin"))
    artist = await users.create(UserDraft(name="Nina", email="nina@example.com", role="artist"))
    assert isinstance(venue, Versioned)
    assert isinstance(artist, Versioned)
    return Hall(venue.value.id, artist.value.id)


def rule_broken(outcome: Row | Conflict | Invalid) -> str | None:
    return outcome.constraint if isinstance(outcome, Conflict | Invalid) else None


@pytest.mark.parametrize(("start", "end"), [(0, 2), (-1, 1), (1, 3), (0.5, 1), (-1, 3)])
@pytest.mark.parametrize("status", ["held", "confirmed"])
async def test_what_overlaps_a_live_booking_is_refused_whoever_writes_it(
    hall: Hall, start: float, end: float, status: str
) -> None:
    assert rule_broken(await hall.write(hour(0), hour(2))) is None

    assert rule_broken(await hall.write(hour(start), hour(end), status)) == "bookings_overlap"
    assert rule_broken(await hall.write(hour(start), hour(end), "requested")) is None


async def test_what_touches_is_let_in_and_what_is_moved_into_another_is_not(hall: Hall) -> None:
    await hall.write(hour(0), hour(2), "held")
    await hall.write(hour(-1), hour(0))
    late = await hall.write(hour(2), hour(3))
    assert isinstance(late, Mapping)

    earlier = {"starts_at": hour(1.5), "updated_at": datetime.now(UTC)}
    moved = await database.call(Database.update, bookings, late["id"], earlier)

    assert getattr(moved, "constraint", None) == "bookings_overlap"


async def test_a_request_that_becomes_live_by_hand_is_held_to_the_same(hall: Hall) -> None:
    await hall.write(hour(0), hour(2))
    asked = await hall.write(hour(1), hour(3), "requested")
    assert isinstance(asked, Mapping)

    outcome = await database.call(
        Database.update, bookings, asked["id"], {"status": "confirmed", "updated_at": datetime.now(UTC)}
    )

    assert getattr(outcome, "constraint", None) == "bookings_overlap"


async def test_a_booking_ends_after_it_starts_and_has_one_of_five_statuses(hall: Hall) -> None:
    assert rule_broken(await hall.write(hour(1), hour(1))) == "bookings_span"
    assert rule_broken(await hall.write(hour(1), hour(2), "maybe")) == "bookings_status"


async def test_a_booking_is_read_with_the_offset_that_its_venue_has_then(hall: Hall) -> None:
    # The hour that comes twice in Berlin, from its first to its second time.
    start = datetime(2030, 10, 27, 0, 30, tzinfo=UTC)
    row = await hall.write(start, start + timedelta(hours=1))
    assert isinstance(row, Mapping)

    found = booking(row)

    assert (found.starts_at.isoformat(), found.ends_at.isoformat()) == (
        "2030-10-27T02:30:00+02:00",
        "2030-10-27T02:30:00+01:00",
    )
    assert found.starts_at == at_venue(start, ZoneInfo("Europe/Berlin")) < found.ends_at


async def test_bookings_are_found_by_what_they_have_of_a_time(hall: Hall) -> None:
    ids: list[int] = []
    for n in range(3):
        row = await hall.write(hour(2 * n), hour(2 * n + 2), "requested")
        assert isinstance(row, Mapping)
        ids.append(row["id"])

    async def found(wanted: Filter) -> list[int]:
        return [row["id"] for row in await page(bookings, *conditions(wanted), after=0, limit=10)]

    assert await found(Filter()) == ids
    assert await found(Filter(start=hour(2))) == ids[1:]
    assert await found(Filter(end=hour(2))) == ids[:1]
    assert await found(Filter(start=hour(3), end=hour(3.5))) == ids[1:2]
    assert await found(Filter(venue_id=hall.venue, artist_id=hall.artist, status="requested")) == ids
    assert await found(Filter(status="held")) == await found(Filter(artist_id=99)) == []
