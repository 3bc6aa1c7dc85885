"""What happens at a venue, as it happens."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Final, TypeAlias

from gigbook.application.api import server_sent
from gigbook.application.api.answers import encode
from gigbook.application.api.endpoint import Endpoint
from gigbook.application.api.event_stream import EventStream, Following
from gigbook.application.api.operations import get
from gigbook.application.api.request import Request
from gigbook.business import bookings, venues
from gigbook.business.bookings import BookingChanged, venue_topic
from gigbook.business.refusals import NotFound
from gigbook.business.venues import Venue, VenueChanged, VenueDeleted

VenueEvent: TypeAlias = VenueChanged | VenueDeleted | BookingChanged


async def follow_venue(request: Request) -> EventStream | NotFound:
    """Follow what happens at a venue.

    Server-sent events, for as long as the client listens. First comes what is: `venue` with the venue, and `calendar`
    with its held and confirmed bookings that are not over. Then come changes: `venue` again, and `booking` with a
    booking that is new or in another status. The data is JSON, as elsewhere in this API. A client that is too slow
    gets `missed` with the `count` of what it was too slow for, and then, once more, all that is.
    """
    id = request.key("id")
    venue = await venues.fetch(id)
    return venue if isinstance(venue, NotFound) else Following(venue_topic(id), partial(_present, id), _told)


async def _present(id: int) -> bytes | None:
    venue, calendar = await venues.get_state(id), await bookings.get_state(id)
    if isinstance(venue, NotFound) or isinstance(calendar, NotFound):
        return None
    return _shown(venue) + server_sent.event("calendar", encode(calendar.live))


@lru_cache(maxsize=64)
def _told(change: VenueEvent) -> bytes | None:
    """The event for a change, made once for all who listen."""
    match change:
        case VenueChanged(venue):
            return _shown(venue)
        case VenueDeleted():
            return None
        case BookingChanged(booking):
            id = f"booking-{booking.id}-{booking.updated_at.timestamp():.3f}"
            return server_sent.event("booking", encode(booking), id=id)


def _shown(venue: Venue) -> bytes:
    return server_sent.event("venue", encode(venue), id=f"venue-{venue.updated_at.timestamp():.3f}")


ROUTES: Final = (Endpoint("/api/venues/{id}/events", get(follow_venue)),)
