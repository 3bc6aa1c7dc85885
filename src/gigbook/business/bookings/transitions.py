"""What may become of a booking, decided from what is known and the time.

Each function answers with the change, with None where the booking is already as wanted, or with a refusal. Holds that
are over have to be expired before anything else is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from gigbook.business.bookings.calendar import Calendar
from gigbook.business.bookings.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingEvent,
    BookingExpired,
    BookingHeld,
)
from gigbook.business.bookings.model import LONGEST, Begun, Booking, BookingDraft, Closed, Status, Taken, WrongStatus
from gigbook.business.bookings.times import moment
from gigbook.business.moments import later
from gigbook.business.refusals import InvalidData
from gigbook.business.rules import Flaw
from gigbook.business.venues import OpeningSlot, holds


class Plan(Struct, frozen=True, kw_only=True):
    """A draft whose times are moments, which the venue's rules allow."""

    artist_id: int
    title: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str


class Change(NamedTuple):
    """A booking after a change, and what has happened."""

    booking: Booking
    event: BookingEvent


def plan(
    draft: BookingDraft, zone: ZoneInfo, opening: Sequence[OpeningSlot], now: datetime
) -> Plan | InvalidData | Closed:
    """What a draft means at a venue with this zone and these slots, or why there can be no such booking."""
    start, end = moment(draft.starts_at, zone), moment(draft.ends_at, zone)
    if isinstance(start, Flaw) or isinstance(end, Flaw):
        times = {"starts_at": start, "ends_at": end}
        return InvalidData({field: found.reason for field, found in times.items() if isinstance(found, Flaw)})
    if start < now:
        return InvalidData({"starts_at": "must not be in the past"})
    if end <= start:
        return InvalidData({"ends_at": "must be later than starts_at"})
    if end - start > LONGEST:
        return InvalidData({"ends_at": f"must be at most {LONGEST.days} days after starts_at"})
    if not holds(opening, zone, start, end):
        return Closed()
    return Plan(artist_id=draft.artist_id, title=draft.title, starts_at=start, ends_at=end, time_zone=zone.key)


def request(calendar: Calendar, plan: Plan) -> Taken | None:
    """Whether the time is somebody's already; many may ask for it until it is."""
    other = calendar.overlapping(plan.starts_at, plan.ends_at)
    return Taken(other.id) if other else None


def hold(
    booking: Booking, calendar: Calendar, seconds: int, now: datetime
) -> Change | None | Taken | Begun | WrongStatus:
    """Keep the time for the booking until so many seconds from now; a hold that lasts longer already stays."""
    if booking.status not in ("requested", "held"):
        return WrongStatus(booking.status, ("requested", "held"))
    if booking.status == "requested" and (refusal := _come_too_late(booking, calendar, now)):
        return refusal
    until = now + timedelta(seconds=seconds)
    if booking.held_until is not None and booking.held_until >= until:
        return None
    return Change(_with_status(booking, "held", now, until), BookingHeld(until))


def confirm(booking: Booking, calendar: Calendar, now: datetime) -> Change | None | Taken | Begun | WrongStatus:
    """Settle that the booking takes place. One that is held has the time; any other has to be in time to get it."""
    if booking.status == "confirmed":
        return None
    if booking.status not in ("requested", "held"):
        return WrongStatus(booking.status, ("requested", "held"))
    if booking.status == "requested" and (refusal := _come_too_late(booking, calendar, now)):
        return refusal
    return Change(_with_status(booking, "confirmed", now), BookingConfirmed())


def cancel(booking: Booking, reason: str | None, now: datetime) -> Change | None | WrongStatus:
    """Call the booking off, whatever was agreed, and free its time."""
    if booking.status == "cancelled":
        return None
    if booking.status == "expired":
        return WrongStatus("expired", ("requested", "held", "confirmed"))
    return Change(_with_status(booking, "cancelled", now), BookingCancelled(reason))


def expire(booking: Booking, now: datetime) -> Change | None:
    """Free the time of a hold that is over."""
    if booking.held_until is None or booking.held_until > now:
        return None
    return Change(_with_status(booking, "expired", now), BookingExpired())


def _come_too_late(booking: Booking, calendar: Calendar, now: datetime) -> Taken | Begun | None:
    if booking.starts_at <= now:
        return Begun()
    other = calendar.overlapping(booking.starts_at, booking.ends_at, but=booking.id)
    return Taken(other.id) if other else None


def _with_status(booking: Booking, status: Status, now: datetime, until: datetime | None = None) -> Booking:
    return structs.replace(booking, status=status, held_until=until, updated_at=later(now, than=booking.updated_at))
