"""What happens to a booking, as the audit trail has it: a stream for each, with an event for each change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from gigbook.business.database import database
from greenroom.infrastructure import EventCodec, EventStore, Origin, Recorded


@dataclass(frozen=True)
class BookingRequested:
    """Somebody asked for a time."""

    venue_id: int
    artist_id: int
    title: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str


@dataclass(frozen=True)
class BookingHeld:
    """Nobody else gets the time until then; again, when that was put off."""

    until: datetime


@dataclass(frozen=True)
class BookingConfirmed:
    """It will take place."""


@dataclass(frozen=True)
class BookingCancelled:
    """It is off."""

    reason: str | None


@dataclass(frozen=True)
class BookingExpired:
    """The hold was over before anybody confirmed it."""


BookingEvent: TypeAlias = BookingRequested | BookingHeld | BookingConfirmed | BookingCancelled | BookingExpired

Cause: TypeAlias = Recorded[object] | Origin | None
"""Why something happens: an event that it follows from, or the request that began it."""

EVENTS: Final[EventStore[BookingEvent]] = EventStore(
    database, EventCodec(BookingRequested, BookingHeld, BookingConfirmed, BookingCancelled, BookingExpired)
)


def stream(id: int) -> str:
    """Where the events of this booking are."""
    return f"booking:{id}"
