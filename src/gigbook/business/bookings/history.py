"""The audit trail of a booking, as it is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from gigbook.business.bookings.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingEvent,
    BookingExpired,
    BookingHeld,
    BookingRequested,
)
from greenroom.infrastructure import Recorded

What: TypeAlias = Literal["requested", "held", "confirmed", "cancelled", "expired"]

_WHAT: Final[dict[type[BookingEvent], What]] = {
    BookingRequested: "requested",
    BookingHeld: "held",
    BookingConfirmed: "confirmed",
    BookingCancelled: "cancelled",
    BookingExpired: "expired",
}


class Entry(Struct, frozen=True, kw_only=True, gc=False):
    """What happened to a booking, and in answer to which request."""

    number: Annotated[int, Meta(ge=1, description="The events of a booking are counted from one.")]
    what: What
    at: datetime
    held_until: datetime | None = None
    reason: str | None = None
    request_id: str | None = None


def entry(recorded: Recorded[BookingEvent]) -> Entry:
    """The event as it is shown."""
    event = recorded.event
    return Entry(
        number=recorded.version,
        what=_WHAT[type(event)],
        at=recorded.recorded_at,
        held_until=event.until if isinstance(event, BookingHeld) else None,
        reason=event.reason if isinstance(event, BookingCancelled) else None,
        request_id=recorded.correlation_id,
    )
