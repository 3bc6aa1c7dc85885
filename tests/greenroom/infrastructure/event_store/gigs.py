"""The events of a small business, its one table, and the helpers that make them."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias, TypeVar

from sqlalchemy import Column, Integer, MetaData, Table, Text

from greenroom.infrastructure import (
    DatabaseSettings,
    DatabaseUrl,
    EventCodec,
    Recorded,
    WrongVersion,
    create_events,
)
from greenroom.infrastructure.database.connector import connector

E = TypeVar("E")


@dataclass(frozen=True)
class Booked:
    artist: str
    day: date = date(2026, 11, 21)


@dataclass(frozen=True)
class Paid:
    cents: int


@dataclass(frozen=True)
class Cancelled:
    reason: str


GigEvent: TypeAlias = Booked | Paid | Cancelled

CODEC: EventCodec[GigEvent] = EventCodec(Booked, Paid, Cancelled)

NINA = Booked("Nina")
MARY = Booked("Mary")
PAID = Paid(5000)
RAIN = Cancelled("rain")

gigs = Table(
    "gigs",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("artist", Text, nullable=False, unique=True),
    Column("version", Integer, nullable=False, server_default="1"),
)


def create_tables(url: DatabaseUrl) -> None:
    """Make the tables in an empty database."""
    with closing(connector(url, DatabaseSettings()).writer()) as session, session.schema_change() as connection:
        gigs.metadata.create_all(connection)
        create_events(connection)


def appended(answer: tuple[Recorded[E], ...] | WrongVersion) -> tuple[Recorded[E], ...]:
    """The answer, which must not be a wrong version."""
    assert isinstance(answer, tuple), answer
    return answer


def told(recorded: Sequence[Recorded[E]]) -> list[E]:
    """The events themselves."""
    return [each.event for each in recorded]
