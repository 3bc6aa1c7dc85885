"""What may become of a booking, without any process."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from gigbook.business.bookings import transitions
from gigbook.business.bookings.calendar import Calendar
from gigbook.business.bookings.events import BookingCancelled, BookingConfirmed, BookingExpired, BookingHeld
from gigbook.business.bookings.model import Begun, Booking, BookingDraft, Closed, Status, Taken, WrongStatus
from gigbook.business.bookings.transitions import Change, Plan
from gigbook.business.refusals import InvalidData
from gigbook.business.venues.opening import OpeningSlot
from tests.gigbook.business.bookings.made import NOW, booking, confirmed, held, hour

BERLIN = ZoneInfo("Europe/Berlin")
ALWAYS: tuple[OpeningSlot, ...] = ()
FRIDAYS = (
    OpeningSlot(weekday="friday", opens="18:00", closes="00:00"),
    OpeningSlot(weekday="saturday", opens="00:00", closes="02:00"),
)
EMPTY = Calendar()
LATER = NOW + timedelta(minutes=1)


def draft(starts_at: str, ends_at: str) -> BookingDraft:
    return BookingDraft(venue_id=7, artist_id=3, title="Nina plays Bach", starts_at=starts_at, ends_at=ends_at)


def changed(change: Change | object) -> Booking:
    assert isinstance(change, Change)
    return change.booking


# Plans.


def test_a_plan_has_its_times_with_the_offset_of_the_venue() -> None:
    found = transitions.plan(draft("2026-11-20T20:00", "2026-11-20T21:00:00Z"), BERLIN, ALWAYS, NOW)

    assert isinstance(found, Plan)
    assert found.starts_at.isoformat() == "2026-11-20T20:00:00+01:00"
    assert found.ends_at.isoformat() == "2026-11-20T22:00:00+01:00"
    assert (found.artist_id, found.title, found.time_zone) == (3, "Nina plays Bach", "Europe/Berlin")


def test_a_night_in_which_the_clock_is_put_back_has_an_hour_more() -> None:
    found = transitions.plan(draft("2027-10-31T01:00", "2027-10-31T04:00"), BERLIN, ALWAYS, NOW)

    assert isinstance(found, Plan)
    assert found.ends_at - found.starts_at == timedelta(hours=4)


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "reasons"),
    [
        ("2026-11-01T11:59:59Z", "2026-11-20T20:00", {"starts_at": "must not be in the past"}),
        ("2026-11-20T20:00", "2026-11-20T20:00", {"ends_at": "must be later than starts_at"}),
        ("2026-11-20T20:00", "2026-11-20T19:59:59", {"ends_at": "must be later than starts_at"}),
        ("2026-11-20T20:00", "2026-11-27T20:00:01", {"ends_at": "must be at most 7 days after starts_at"}),
        # An hour earlier on the clock, and later in fact.
        ("2027-10-31T02:30+02:00", "2027-10-31T02:20+02:00", {"ends_at": "must be later than starts_at"}),
        (
            "2027-03-28T02:30",
            "2027-10-31T02:30",
            {
                "starts_at": "does not exist in Europe/Berlin: clocks are put forward then",
                "ends_at": "comes twice in Europe/Berlin: add +02:00 for the first or +01:00 for the second",
            },
        ),
    ],
)
def test_times_that_can_not_be_are_refused(starts_at: str, ends_at: str, reasons: dict[str, str]) -> None:
    assert transitions.plan(draft(starts_at, ends_at), BERLIN, ALWAYS, NOW) == InvalidData(reasons)


def test_a_booking_may_start_now_and_take_seven_days() -> None:
    assert isinstance(transitions.plan(draft("2026-11-01T12:00Z", "2026-11-08T12:00Z"), BERLIN, ALWAYS, NOW), Plan)


def test_an_hour_that_comes_twice_may_be_booked_from_its_first_to_its_second_time() -> None:
    found = transitions.plan(draft("2027-10-31T02:30+02:00", "2027-10-31T02:20+01:00"), BERLIN, ALWAYS, NOW)

    assert isinstance(found, Plan)
    assert found.ends_at - found.starts_at == timedelta(minutes=50)


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "is_open"),
    [
        ("2026-11-20T18:00", "2026-11-21T02:00", True),
        ("2026-11-20T17:59", "2026-11-20T20:00", False),
        ("2026-11-20T20:00", "2026-11-21T02:01", False),
        ("2026-11-19T20:00", "2026-11-19T21:00", False),
        ("2026-11-21T00:30", "2026-11-21T01:00", True),
    ],
)
def test_one_run_of_opening_slots_has_to_hold_all_of_it(starts_at: str, ends_at: str, is_open: bool) -> None:
    found = transitions.plan(draft(starts_at, ends_at), BERLIN, FRIDAYS, NOW)

    assert isinstance(found, Plan if is_open else Closed)


def test_many_may_ask_for_a_time_until_it_is_somebodys() -> None:
    plan = Plan(artist_id=3, title="Nina", starts_at=hour(0), ends_at=hour(2), time_zone="UTC")

    assert transitions.request(EMPTY, plan) is None
    assert transitions.request(Calendar.of([held(5, 1, 3)]), plan) == Taken(5)
    assert transitions.request(Calendar.of([confirmed(6, 2, 3)]), plan) is None


# Holds.


def test_a_hold_lasts_as_long_as_was_asked() -> None:
    until = LATER + timedelta(seconds=900)

    change = transitions.hold(booking(), EMPTY, 900, LATER)

    assert change == Change(booking(status="held", held_until=until, updated_at=LATER), BookingHeld(until))


def test_holding_again_makes_it_longer_and_never_shorter() -> None:
    longer = transitions.hold(held(until=hour(1)), EMPTY, 30 * 24 * 3600, LATER)

    assert changed(longer).held_until == LATER + timedelta(days=30)
    assert transitions.hold(held(until=NOW + timedelta(hours=1)), EMPTY, 60, LATER) is None


def hold_a_while(booking: Booking, calendar: Calendar, now: datetime) -> object:
    return transitions.hold(booking, calendar, 900, now)


@pytest.mark.parametrize("act", [hold_a_while, transitions.confirm])
def test_a_request_gets_the_time_only_if_it_is_nobodys_and_still_to_come(act: Any) -> None:
    assert act(booking(1), Calendar.of([held(2, 1, 3)]), LATER) == Taken(2)
    assert act(booking(1), Calendar.of([confirmed(2, -1, 1)]), LATER) == Taken(2)
    assert act(booking(1), EMPTY, hour(0)) == Begun()
    assert isinstance(act(booking(1), EMPTY, hour(0) - timedelta(milliseconds=1)), Change)
    assert isinstance(act(booking(1), Calendar.of([confirmed(2, 2, 3)]), LATER), Change)


@pytest.mark.parametrize("status", ["confirmed", "cancelled", "expired"])
def test_only_what_is_requested_or_held_can_be_held(status: Status) -> None:
    assert transitions.hold(booking(status=status), EMPTY, 900, LATER) == WrongStatus(status, ("requested", "held"))


# Confirming.


def test_what_is_held_is_confirmed_whenever_its_hold_lasts() -> None:
    calendar = Calendar.of([held(until=hour(1))])

    change = transitions.confirm(calendar.live[0], calendar, hour(0.5))

    assert change == Change(booking(status="confirmed", held_until=None, updated_at=hour(0.5)), BookingConfirmed())


def test_confirming_again_changes_nothing() -> None:
    assert transitions.confirm(confirmed(), Calendar.of([confirmed()]), LATER) is None


@pytest.mark.parametrize("status", ["cancelled", "expired"])
def test_what_is_off_can_not_be_confirmed(status: Status) -> None:
    assert transitions.confirm(booking(status=status), EMPTY, LATER) == WrongStatus(status, ("requested", "held"))


# Cancelling and expiring.


@pytest.mark.parametrize("before", [booking(), held(), confirmed()])
def test_whatever_is_on_can_be_called_off(before: Booking) -> None:
    change = transitions.cancel(before, "rain", LATER)

    assert change == Change(booking(status="cancelled", updated_at=LATER), BookingCancelled("rain"))


def test_cancelling_again_changes_nothing_and_what_has_expired_stays_so() -> None:
    assert transitions.cancel(booking(status="cancelled"), None, LATER) is None
    refused = transitions.cancel(booking(status="expired"), None, LATER)
    assert refused == WrongStatus("expired", ("requested", "held", "confirmed"))


def test_a_hold_expires_when_it_is_over_and_nothing_else_does() -> None:
    until = NOW + timedelta(hours=1)

    assert transitions.expire(held(until=until), until - timedelta(milliseconds=1)) is None
    assert transitions.expire(confirmed(), until) is None
    assert transitions.expire(booking(), until) is None
    assert transitions.expire(held(until=until), until) == Change(
        booking(status="expired", updated_at=until), BookingExpired()
    )


def test_each_change_is_later_than_the_one_before_also_when_a_clock_was_set_back() -> None:
    before = structs.replace(booking(), updated_at=datetime(2027, 1, 1, tzinfo=UTC))

    assert changed(transitions.cancel(before, None, LATER)).updated_at > before.updated_at


def test_refusals_say_what_is_wrong_in_one_line() -> None:
    assert str(Taken(5)) == "The venue is taken at that time, by booking 5"
    assert str(Closed()) == "The venue is not open for all of that time"
    assert str(WrongStatus("expired", ("requested", "held"))) == (
        "The booking is expired; for this it would have to be requested or held"
    )
    assert "begun" in str(Begun())
