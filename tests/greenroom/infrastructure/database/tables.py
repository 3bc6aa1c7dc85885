"""Two tables with every kind of rule, and the helpers that make them."""

from collections.abc import Mapping
from contextlib import closing
from typing import cast

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
)

from greenroom.infrastructure import DatabaseSettings, DatabaseUrl, Row, UtcTimestamp
from greenroom.infrastructure.database.connector import connector

metadata = MetaData()

venues = Table(
    "venues",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("city", String(20)),
    Column("seats", Integer, CheckConstraint("seats >= 0", name="seats_not_negative"), server_default="100"),
    Column("opened_at", UtcTimestamp),
    Column("version", Integer, nullable=False, server_default="1"),
    sqlite_autoincrement=True,
)
Index("idx_venues_name", func.lower(venues.c.name), unique=True)

bookings = Table(
    "bookings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("venue_id", Integer, ForeignKey("venues.id", name="booked_venue"), nullable=False),
    Column("slot", Integer, nullable=False),
    Column("artist", Text, nullable=False),
    UniqueConstraint("venue_id", "slot", name="one_booking_a_slot"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("booking_id", Text, ForeignKey("bookings.id", deferrable=True, initially="DEFERRED"), nullable=False),
)


def create_tables(url: DatabaseUrl) -> None:
    """Make the tables in an empty database."""
    with closing(connector(url, DatabaseSettings()).writer()) as session, session.schema_change() as connection:
        metadata.create_all(connection)


def row(answer: object) -> Row:
    """The answer, which must be a row."""
    assert isinstance(answer, Mapping), answer
    return cast("Row", answer)
