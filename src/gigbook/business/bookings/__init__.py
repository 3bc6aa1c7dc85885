"""Bookings: what others may do with them. Only this context talks to the diaries of venues and to the bookings' table.

    made = await request(BookingDraft(venue_id=7, artist_id=3, title="Nina plays Bach", starts_at=…, ends_at=…))
    await hold(made.value.id, 900)
    await confirm(made.value.id)

Who gets a time is decided by one process for each venue, its diary; what it answers is on disk. Repeating a request is
answered as done, and changes nothing. What the database raises reaches the caller.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from gigbook.business import once as keys
from gigbook.business import records, users, venues
from gigbook.business.bookings import transitions
from gigbook.business.bookings.calendar import Calendar
from gigbook.business.bookings.events import EVENTS, Cause, stream
from gigbook.business.bookings.history import Entry, entry
from gigbook.business.bookings.model import (
    CANCELLATION_RULES,
    HOLD_SECONDS,
    RULES,
    Begun,
    Booking,
    BookingDraft,
    Cancellation,
    Closed,
    Hold,
    Status,
    Taken,
    WrongStatus,
)
from gigbook.business.bookings.server import NO_ARTIST, NO_VENUE, WHAT, Diary, stored
from gigbook.business.bookings.table import (
    HOME,
    Filter,
    between_query,
    booking,
    bookings,
    conditions,
    taken_query,
)
from gigbook.business.bookings.times import LATEST_YEAR, MOMENT, moment_of, written_moment
from gigbook.business.bookings.topic import BookingChanged, venue_topic
from gigbook.business.database import database
from gigbook.business.ids import can_be_id
from gigbook.business.moments import now
from gigbook.business.once import Once, Repeated
from gigbook.business.refusals import Changed, InvalidData, KeyReused, NotFound, Refusal
from gigbook.business.rules import checked
from gigbook.business.venues import Span
from gigbook.business.versions import Expected, Versioned
from greenroom import ChildSpec
from greenroom.infrastructure import Database, Entities, EntityRef, EntitySettings, entities

__all__ = [
    "CANCELLATION_RULES",
    "EVENTS",
    "HOLD_SECONDS",
    "LATEST_YEAR",
    "MOMENT",
    "RULES",
    "Begun",
    "Booking",
    "BookingChanged",
    "BookingDraft",
    "Calendar",
    "Cancellation",
    "Cause",
    "Closed",
    "Entry",
    "Filter",
    "Hold",
    "Status",
    "Taken",
    "WrongStatus",
    "busy",
    "calendar",
    "cancel",
    "confirm",
    "count",
    "count_events",
    "ensure_server",
    "fetch",
    "get_state",
    "history",
    "hold",
    "moment_of",
    "page",
    "processes",
    "request",
    "stream",
    "venue_topic",
    "written_moment",
]

P = ParamSpec("P")
R = TypeVar("R")


def processes(settings: EntitySettings) -> ChildSpec[Entities]:
    """The part of the tree in which diaries live; the database, users and venues come before it."""
    return entities(Diary, HOME, settings)


async def ensure_server(venue_id: int) -> EntityRef[Diary] | NotFound:
    """The diary of the venue, started if it is not there."""
    found = await get_state(venue_id)
    return found if isinstance(found, NotFound) else Diary.at(venue_id)


async def get_state(venue_id: int) -> Calendar | NotFound:
    """The live bookings of the venue, as its diary knows them."""
    venue = await venues.get_state(venue_id)
    return venue if isinstance(venue, NotFound) else await records.ask("Venue", Diary.at(venue_id), Diary.calendar)


async def request(
    draft: BookingDraft, once: Once | None = None, because: Cause = None
) -> Versioned[Booking] | Repeated[Versioned[Booking]] | InvalidData | Closed | Taken | KeyReused:
    """Add a booking. With `once`, the same request sent again is answered as it was, and adds nothing."""
    clean = checked(draft, RULES)
    if isinstance(clean, InvalidData):
        return clean
    outcome = await _request(clean, once, because)
    if not isinstance(outcome, Refusal):
        return outcome
    # The first request with this key may have been in time, and this one too late. The key tells.
    return await keys.recall(once, Versioned[Booking]) or outcome


async def hold(
    id: int, seconds: int = HOLD_SECONDS, expected: Expected = None, because: Cause = None
) -> Versioned[Booking] | NotFound | Changed | Taken | Begun | WrongStatus:
    """Keep the time for a booking, for so many seconds from now; one that is held already is held longer.

    Unless it is confirmed by then, it expires: whether this program runs on or not.
    """
    return await _ask(id, Diary.hold, seconds, expected, because)


async def confirm(
    id: int, expected: Expected = None, because: Cause = None
) -> Versioned[Booking] | NotFound | Changed | Taken | Begun | WrongStatus:
    """Settle that a booking takes place. One that is not held gets its time if that is nobody's."""
    return await _ask(id, Diary.confirm, expected, because)


async def cancel(
    id: int, reason: str | None = None, expected: Expected = None, because: Cause = None
) -> Versioned[Booking] | InvalidData | NotFound | Changed | WrongStatus:
    """Call a booking off, and free its time."""
    clean = checked(Cancellation(reason=reason), CANCELLATION_RULES)
    if isinstance(clean, InvalidData):
        return clean
    return await _ask(id, Diary.cancel, clean.reason, expected, because)


async def fetch(id: int) -> Versioned[Booking] | NotFound:
    """The booking with this id."""
    return await stored(id) if can_be_id(id) else NotFound(WHAT)


async def page(wanted: Filter, *, after: int, limit: int) -> list[Booking]:
    """The bookings that are wanted, in the order of their ids, from the first one above `after`."""
    return [booking(row) for row in await records.page(bookings, *conditions(wanted), after=after, limit=limit)]


async def count(wanted: Filter) -> int:
    """How many bookings are wanted."""
    return await records.count(bookings, *conditions(wanted))


async def calendar(venue_id: int, start: datetime, end: datetime) -> list[Booking] | NotFound:
    """The held and confirmed bookings that have a part of this time at the venue, in the order of time."""
    venue = await venues.get_state(venue_id)
    if isinstance(venue, NotFound):
        return venue
    return [booking(row) for row in await database.call(Database.select, between_query(venue_id, start, end))]


async def busy(venue_ids: Sequence[int], within: Span) -> Mapping[int, Sequence[Span]]:
    """What is held or confirmed at each of these venues within a span of time; one that has nothing is left out."""
    found: dict[int, list[Span]] = {}
    for row in await database.call(Database.select, taken_query(venue_ids, within.start, within.end)):
        found.setdefault(row["venue_id"], []).append(Span(row["starts_at"], row["ends_at"]))
    return found


async def history(id: int, *, after: int, limit: int) -> list[Entry]:
    """What happened to the booking, in order, from the first one whose number is above `after`."""
    return [entry(it) for it in await EVENTS.read_stream(stream(id), after=after, limit=limit)]


async def count_events(id: int) -> int:
    """How much has happened to the booking."""
    return await EVENTS.version(stream(id))


async def _request(
    draft: BookingDraft, once: Once | None, because: Cause
) -> Versioned[Booking] | InvalidData | Closed | Taken | KeyReused:
    venue, artist = await venues.get_state(draft.venue_id), await users.get_state(draft.artist_id)
    reasons = {} if not isinstance(venue, NotFound) else dict(NO_VENUE.reasons)
    if isinstance(artist, NotFound) or artist.role != "artist":
        reasons |= NO_ARTIST.reasons
    if isinstance(venue, NotFound) or reasons:
        return InvalidData(reasons)
    plan = transitions.plan(draft, ZoneInfo(venue.time_zone), venue.opening, now())
    if isinstance(plan, Refusal):
        return plan
    outcome = await records.ask("Venue", Diary.at(venue.id), Diary.request, plan, once, because)
    return NO_VENUE if isinstance(outcome, NotFound) else outcome


async def _ask(
    id: int, method: Callable[Concatenate[Diary, int, P], Awaitable[R]], *args: P.args, **kwargs: P.kwargs
) -> R | NotFound:
    found = await fetch(id)
    if isinstance(found, NotFound):
        return found
    return await records.ask(WHAT, Diary.at(found.value.venue_id), method, id, *args, **kwargs)
