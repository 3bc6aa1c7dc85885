"""Where bookings and diaries are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Integer, MetaData, Select, Table, Text, or_, select

from gigbook.business.bookings.calendar import Calendar
from gigbook.business.bookings.model import LIVE, Booking, Status
from gigbook.business.bookings.times import at_venue
from gigbook.business.tables import ID, table
from gigbook.business.versions import Versioned
from greenroom.infrastructure import Columns, Conflict, Invalid, Refusal, Row, UtcTimestamp

bookings: Final = table(
    "bookings",
    Column("venue_id", ID, nullable=False),
    Column("artist_id", ID, nullable=False),
    Column("title", Text, nullable=False),
    Column("starts_at", UtcTimestamp, nullable=False),
    Column("ends_at", UtcTimestamp, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("held_until", UtcTimestamp),
)

diaries: Final = Table(
    "diaries",
    MetaData(),
    Column("id", ID, primary_key=True, autoincrement=False),
    Column("mark", Text, nullable=False),
    Column("version", Integer, nullable=False),
)

# The bookings themselves are in their table. The row says only which change was the last, and who may make the next:
# the one who knows its version. The mark is what tells a change from another one that was made from the same version.
HOME: Final[Columns[Calendar]] = Columns(
    diaries,
    Calendar,
    read=lambda row: Calendar(mark=row["mark"]),
    write=lambda calendar: {"mark": calendar.mark},
)


class Filter(Struct, frozen=True, kw_only=True):
    """Which bookings are meant; None means all. Those of a time are those that have a part of it."""

    venue_id: int | None = None
    artist_id: int | None = None
    status: Status | None = None
    start: datetime | None = None
    end: datetime | None = None


def booking(row: Row) -> Booking:
    """The booking in the row."""
    zone = ZoneInfo(row["time_zone"])
    return Booking(
        id=row["id"],
        venue_id=row["venue_id"],
        artist_id=row["artist_id"],
        title=row["title"],
        starts_at=at_venue(row["starts_at"], zone),
        ends_at=at_venue(row["ends_at"], zone),
        time_zone=row["time_zone"],
        status=row["status"],
        held_until=row["held_until"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def versioned(row: Row) -> Versioned[Booking]:
    """The booking in the row, with the row's version."""
    return Versioned(booking(row), row["version"])


def conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    """What the rows of those that are wanted meet."""
    if wanted.venue_id is not None:
        yield bookings.c.venue_id == wanted.venue_id
    if wanted.artist_id is not None:
        yield bookings.c.artist_id == wanted.artist_id
    if wanted.status is not None:
        yield bookings.c.status == wanted.status
    if wanted.start is not None:
        yield bookings.c.ends_at > wanted.start
    if wanted.end is not None:
        yield bookings.c.starts_at < wanted.end


def live_query(venue_id: int, now: datetime) -> Select[*tuple[object, ...]]:
    """What belongs into the calendar of a venue: the bookings that are held, and those confirmed that are not over."""
    still = or_(bookings.c.status == "held", bookings.c.ends_at > now)
    return select(*bookings.columns).where(bookings.c.venue_id == venue_id, bookings.c.status.in_(LIVE), still)


def between_query(venue_id: int, start: datetime, end: datetime) -> Select[*tuple[object, ...]]:
    """The live bookings that have a part of this time at a venue, in the order of time."""
    in_time = (bookings.c.ends_at > start, bookings.c.starts_at < end)
    chosen = select(*bookings.columns).where(bookings.c.venue_id == venue_id, bookings.c.status.in_(LIVE), *in_time)
    return chosen.order_by(bookings.c.starts_at)


def taken_query(venue_ids: Sequence[int], start: datetime, end: datetime) -> Select[*tuple[object, ...]]:
    """When these venues are taken within this time, as `venue_id`, `starts_at` and `ends_at`."""
    columns = (bookings.c.venue_id, bookings.c.starts_at, bookings.c.ends_at)
    in_time = (bookings.c.ends_at > start, bookings.c.starts_at < end)
    return select(*columns).where(bookings.c.venue_id.in_(venue_ids), bookings.c.status.in_(LIVE), *in_time)


def is_overlap(refusal: Refusal) -> bool:
    """Whether a booking was refused since another live one has a part of its time."""
    return isinstance(refusal, Conflict | Invalid) and refusal.constraint == "bookings_overlap"
