"""What is told of a venue and its bookings while it happens."""

from __future__ import annotations

from dataclasses import dataclass

from gigbook.business.bookings.model import Booking
from gigbook.business.venues import VenueChanged, VenueDeleted
from greenroom import Topic


@dataclass(frozen=True, slots=True)
class BookingChanged:
    """A booking is new, or in another status, and that is on disk."""

    booking: Booking


def venue_topic(venue_id: int) -> Topic[VenueChanged | VenueDeleted | BookingChanged]:
    """Where changes of this venue, and of its bookings, are told. The venue itself tells under the same name."""
    return Topic(f"venue:{venue_id}")
