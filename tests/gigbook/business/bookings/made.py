"""Bookings for tests of rules, made without a process."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import structs

from gigbook.business.bookings.model import Booking

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
EVENING = datetime(2026, 11, 20, 20, tzinfo=UTC)


def hour(n: float) -> datetime:
    """So many hours after the beginning of the evening."""
    return EVENING + timedelta(hours=n)


def booking(id: int = 1, start: float = 0, end: float = 2, **fields: Any) -> Booking:
    """A requested booking in the evening, two hours long, with these fields."""
    made = Booking(
        id=id,
        venue_id=7,
        artist_id=3,
        title="Nina plays Bach",
        starts_at=hour(start),
        ends_at=hour(end),
        time_zone="UTC",
        status="requested",
        held_until=None,
        created_at=NOW,
        updated_at=NOW,
    )
    return structs.replace(made, **fields)


def held(id: int = 1, start: float = 0, end: float = 2, until: datetime = NOW + timedelta(hours=1)) -> Booking:
    """One that is held, for an hour unless it says otherwise."""
    return booking(id, start, end, status="held", held_until=until)


def confirmed(id: int = 1, start: float = 0, end: float = 2) -> Booking:
    """One that is confirmed."""
    return booking(id, start, end, status="confirmed")
