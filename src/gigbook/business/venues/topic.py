"""What a venue tells whoever wants to know.

Its calendar tells under the same name what becomes of bookings, so whoever listens there hears both.
"""

from __future__ import annotations

from dataclasses import dataclass

from gigbook.business.venues.model import Venue
from greenroom.infrastructure import Topic


@dataclass(frozen=True, slots=True)
class VenueChanged:
    """The profile of a venue is another one now; a change is told before it is written."""

    venue: Venue


@dataclass(frozen=True, slots=True)
class VenueDeleted:
    """The venue is gone, and nothing more will be told of it."""

    id: int


def topic_of(venue_id: int) -> Topic[VenueChanged | VenueDeleted]:
    """Where changes of this venue are told."""
    return Topic(f"venue:{venue_id}")
