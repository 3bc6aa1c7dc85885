"""A venue's bookings as iCalendar, RFC 5545: what calendar programs subscribe to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from gigbook.business.bookings import Booking
from gigbook.business.venues import Venue

MEDIA_TYPE: Final = "text/calendar; charset=utf-8"
END: Final = b"END:VCALENDAR\r\n"
PRODUCT: Final = "-//Gigbook//Gigbook//EN"


def calendar_file(venue: Venue, bookings: Iterable[Booking]) -> bytes:
    """The file. All bookings must be held or confirmed.

    Times are in UTC: a time of the venue's clock could not say which of two it is in the night when it is put back. The
    zone in which to show them is told beside.
    """
    place = f"{venue.name}, {venue.city}"
    events = [_event(booking, place, max(booking.updated_at, venue.updated_at)) for booking in bookings]
    return b"".join([_head(venue), *events, END])


def _head(venue: Venue) -> bytes:
    # Imported at the first look: it costs as much as a quarter of the start.
    from icalendar import Calendar, vText

    calendar = Calendar.new(prodid=PRODUCT, uid=f"venue-{venue.id}@gigbook")
    # Programs show what these say, although no standard ever did.
    calendar["X-WR-CALNAME"] = vText(venue.name)
    calendar["X-WR-TIMEZONE"] = vText(venue.time_zone)
    return bytes(calendar.to_ical()).removesuffix(END)


@lru_cache(maxsize=10_000)
def _event(booking: Booking, place: str, revised_at: datetime) -> bytes:
    """One booking; kept, since to make it costs a hundred times as much as to look it up."""
    from icalendar import STATUS, Event

    held = booking.status == "held"
    event = Event.new(
        uid=f"booking-{booking.id}@gigbook",
        # It has to rise when the status or a time changes: once, when it is confirmed. Of two revisions with the same
        # number the one with the later stamp holds (RFC 5546, 2.1.5), as when the venue has another name.
        sequence=0 if held else 1,
        stamp=revised_at.astimezone(UTC),
        created=booking.created_at.astimezone(UTC),
        last_modified=revised_at.astimezone(UTC),
        start=booking.starts_at.astimezone(UTC),
        end=booking.ends_at.astimezone(UTC),
        summary=booking.title,
        location=place,
        status=STATUS.TENTATIVE if held else STATUS.CONFIRMED,
    )
    return bytes(event.to_ical())
