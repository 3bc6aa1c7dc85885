"""A venue's calendar as a file that calendar programs subscribe to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

from gigbook.application.api import ics
from gigbook.application.api.answers import Content, Header
from gigbook.application.api.endpoint import Endpoint
from gigbook.application.api.operations import get
from gigbook.application.api.request import Request
from gigbook.business import bookings, venues
from gigbook.business.moments import now
from gigbook.business.refusals import NotFound
from gigbook.business.venues import Venue

PAST: Final = timedelta(days=31)
"""For how long a booking is shown that is over."""

FUTURE: Final = datetime(9999, 1, 1, tzinfo=UTC)


async def show_calendar_file(request: Request) -> Content | NotFound:
    """Show the calendar of a venue as iCalendar.

    It has the held bookings as TENTATIVE and the confirmed ones as CONFIRMED, from a month ago on. Programs that
    subscribe to it should send the ETag back as If-None-Match.
    """
    venue = await venues.get_state(request.key("id"))
    if isinstance(venue, NotFound):
        return venue
    found = await bookings.calendar(venue.id, now() - PAST, FUTURE)
    if isinstance(found, NotFound):
        return found
    # In a thread: a venue with a thousand bookings that nobody has looked at yet would hold up everybody else.
    body = await asyncio.to_thread(ics.calendar_file, venue, found)
    return Content(body, ics.MEDIA_TYPE, (_named(venue),))


def _named(venue: Venue) -> Header:
    name = quote(f"{venue.name}.ics", safe="")
    return b"content-disposition", f"attachment; filename=\"venue-{venue.id}.ics\"; filename*=UTF-8''{name}".encode()


ROUTES: Final = (Endpoint("/api/venues/{id}/calendar.ics", get(show_calendar_file, texts={200: "text/calendar"})),)
