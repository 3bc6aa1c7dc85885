"""Where venues are kept: one row each, with the opening as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Column, ColumnElement, Integer, Text

from gigbook.business.finding import begins_with, is_text
from gigbook.business.profiles import stamped
from gigbook.business.tables import ID, table
from gigbook.business.venues.model import Venue, VenueDraft
from gigbook.business.venues.opening import OpeningSlot
from gigbook.business.versions import Versioned
from greenroom.infrastructure import Columns, Row, Values

venues: Final = table(
    "venues",
    Column("name", Text, nullable=False),
    Column("city", Text, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("opening", Text, nullable=False),
    Column("manager_id", ID),
    Column("description", Text),
)

_slots: Final = msgspec.json.Decoder(tuple[OpeningSlot, ...])


def values(venue: Venue | VenueDraft) -> Values:
    """What the columns have for these fields."""
    fields = structs.asdict(venue)
    return {**fields, "opening": msgspec.json.encode(venue.opening).decode()}


def venue(row: Row) -> Venue:
    """The venue in the row."""
    fields = {field: row[field] for field in Venue.__struct_fields__}
    fields["opening"] = _slots.decode(row["opening"])
    return Venue(**fields)


HOME: Final = Columns(venues, Venue, read=venue, write=values)


class Filter(Struct, frozen=True, kw_only=True):
    """Which venues are meant; None means all.

    Those in this city, with room for at least so many, whose name begins so, with this manager.
    """

    city: str | None = None
    capacity: int | None = None
    name: str | None = None
    manager_id: int | None = None


def versioned(row: Row) -> Versioned[Venue]:
    """The venue in the row, with its version."""
    return stamped(venue(row))


def conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    """What the rows of those that are wanted meet."""
    if wanted.city is not None:
        yield is_text(venues.c.city, wanted.city)
    if wanted.capacity is not None:
        yield venues.c.capacity >= wanted.capacity
    if wanted.name is not None:
        yield begins_with(venues.c.name, wanted.name)
    if wanted.manager_id is not None:
        yield venues.c.manager_id == wanted.manager_id
