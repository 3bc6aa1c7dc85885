"""Bookings over HTTP: `ROUTES` at the end is the table, the functions above it are its entries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, field

from gigbook.application.api import venues
from gigbook.application.api.answers import Created, Listing, created
from gigbook.application.api.endpoint import Endpoint
from gigbook.application.api.failures import Refused
from gigbook.application.api.idempotency import once
from gigbook.application.api.operations import get, post
from gigbook.application.api.paging import Paging, listed, ordered
from gigbook.application.api.preconditions import expected
from gigbook.application.api.request import Request
from gigbook.business import bookings
from gigbook.business.bookings import (
    Begun,
    Booking,
    BookingDraft,
    Cancellation,
    Closed,
    Entry,
    Filter,
    Hold,
    Status,
    Taken,
    WrongStatus,
    moment_of,
)
from gigbook.business.ids import Id
from gigbook.business.moments import now
from gigbook.business.refusals import Changed, InvalidData, KeyReused, NotFound
from gigbook.business.rules import Rule
from gigbook.business.versions import Versioned

PATH: Final = "/api/bookings"

SHOWN: Final = timedelta(days=31)
MOST_SHOWN: Final = timedelta(days=366)
"""How much of a calendar is shown, and how much at most."""

After: TypeAlias = Annotated[
    str,
    Meta(description="Only those that end after this moment.", extra_json_schema={"pattern": bookings.MOMENT}),
]
Before: TypeAlias = Annotated[
    str,
    Meta(description="Only those that start before this moment.", extra_json_schema={"pattern": bookings.MOMENT}),
]

QUERY_RULES: Final[Mapping[str, Rule]] = {"start": bookings.written_moment, "end": bookings.written_moment}


class BookingQuery(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which bookings to list."""

    venue_id: Annotated[Id, Meta(description="Only those at this venue.")] | UnsetType = UNSET
    artist_id: Annotated[Id, Meta(description="Only those of this artist.")] | UnsetType = UNSET
    status: Annotated[Status, Meta(description="Only those with this status.")] | UnsetType = UNSET
    start: After | UnsetType = field(default=UNSET, name="from")
    end: Before | UnsetType = field(default=UNSET, name="to")


class CalendarQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of a calendar to show."""

    start: After | UnsetType = field(default=UNSET, name="from")
    end: Before | UnsetType = field(default=UNSET, name="to")


async def list_bookings(_: Request, query: BookingQuery) -> Listing[Booking]:
    """List bookings in the order of their ids.

    The Link header leads to the next page, as long as there is one.
    """
    wanted = Filter(
        venue_id=query.venue_id or None,
        artist_id=query.artist_id or None,
        status=query.status or None,
        start=_moment(query.start),
        end=_moment(query.end),
    )
    return await listed(PATH, query, wanted, bookings.page, bookings.count)


async def request_booking(
    request: Request, draft: BookingDraft
) -> Created[Booking] | InvalidData | Closed | Taken | KeyReused:
    """Request a time at a venue for an artist.

    Many may request the same time, until somebody holds it or has it confirmed. With an Idempotency-Key the request may
    be sent again within a day: it is carried out once, and answered alike.
    """
    return created(await bookings.request(draft, once(request, draft), request.origin), PATH)


async def show_booking(request: Request) -> Versioned[Booking] | NotFound:
    """Show a booking."""
    return await bookings.fetch(request.key("id"))


async def hold_booking(
    request: Request, hold: Hold
) -> Versioned[Booking] | NotFound | Changed | Taken | Begun | WrongStatus:
    """Hold the time of a booking for a while, or for longer.

    Unless it is confirmed by then, the booking expires.
    """
    return await bookings.hold(request.key("id"), hold.seconds, expected(request), request.origin)


async def confirm_booking(
    request: Request,
) -> Versioned[Booking] | NotFound | Changed | Taken | Begun | WrongStatus:
    """Confirm a booking.

    One that is held has its time; any other gets it if it is nobody's. To confirm again changes nothing.
    """
    return await bookings.confirm(request.key("id"), expected(request), request.origin)


async def cancel_booking(
    request: Request, cancellation: Cancellation
) -> Versioned[Booking] | InvalidData | NotFound | Changed | WrongStatus:
    """Cancel a booking, whatever was agreed, and free its time.

    To cancel again changes nothing.
    """
    return await bookings.cancel(request.key("id"), cancellation.reason, expected(request), request.origin)


async def show_history(request: Request, query: Paging) -> Listing[Entry] | NotFound:
    """Show what happened to a booking, the oldest first.

    The Link header leads to the next page, as long as there is one.
    """
    id = request.key("id")
    if isinstance(found := await bookings.fetch(id), NotFound):
        return found
    return await ordered(request.path, query, id, bookings.history, bookings.count_events, lambda entry: entry.number)


async def show_calendar(request: Request, query: CalendarQuery) -> Listing[Booking] | NotFound:
    """Show the held and confirmed bookings of a venue, in the order of time.

    Without limits these are the ones of the next 31 days; it shows 366 days at most.
    """
    start = _moment(query.start) or now()
    end = _moment(query.end) or start + SHOWN
    if not timedelta() < end - start <= MOST_SHOWN:
        raise Refused(
            400,
            "Some parameters are not valid",
            details={"to": f"must be later than from, by {MOST_SHOWN.days} days at most"},
        )
    found = await bookings.calendar(request.key("id"), start, end)
    return found if isinstance(found, NotFound) else Listing(found)


def _moment(text: str | UnsetType) -> datetime | None:
    return None if text is UNSET else moment_of(text)


ROUTES: Final = (
    Endpoint(PATH, get(list_bookings, BookingQuery, QUERY_RULES), post(request_booking, BookingDraft, bookings.RULES)),
    Endpoint(PATH + "/{id}", get(show_booking)),
    Endpoint(PATH + "/{id}/hold", post(hold_booking, Hold)),
    Endpoint(PATH + "/{id}/confirm", post(confirm_booking)),
    Endpoint(PATH + "/{id}/cancel", post(cancel_booking, Cancellation, bookings.CANCELLATION_RULES)),
    Endpoint(PATH + "/{id}/history", get(show_history, Paging)),
    Endpoint(venues.PATH + "/{id}/calendar", get(show_calendar, CalendarQuery, QUERY_RULES)),
)
