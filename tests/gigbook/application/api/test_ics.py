"""The file is read back by the parser of a calendar program."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar
from msgspec import structs

from gigbook.application.api.ics import calendar_file
from gigbook.business.bookings import Booking
from gigbook.business.venues import Venue

BERLIN = ZoneInfo("Europe/Berlin")
MADE = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)

VENUE = Venue(
    id=7,
    name="Blue; Note, Berlin",
    city="Berlin",
    capacity=300,
    time_zone="Europe/Berlin",
    opening=(),
    manager_id=None,
    description=None,
    created_at=MADE,
    updated_at=MADE,
)

BOOKING = Booking(
    id=3,
    venue_id=7,
    artist_id=1,
    title="Nina plays Bach",
    starts_at=datetime(2030, 11, 21, 20, 0, tzinfo=BERLIN),
    ends_at=datetime(2030, 11, 21, 23, 0, tzinfo=BERLIN),
    time_zone="Europe/Berlin",
    status="confirmed",
    held_until=None,
    created_at=MADE,
    updated_at=MADE + timedelta(hours=1),
)

# What no venue and no booking may have in its name, and so no file.
LINES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1).map(str.strip).filter(bool)


def read(*bookings: Booking, venue: Venue = VENUE) -> Any:
    return Calendar.from_ical(calendar_file(venue, bookings))


def text(value: object) -> str:
    """The text of a property that the parser knows nothing of: it is one like any other, says RFC 5545."""
    return re.sub(r"\\(.)", r"\1", str(value))


def test_a_booking_is_an_event_that_keeps_its_name() -> None:
    (event,) = read(BOOKING).walk("VEVENT")

    assert event["UID"] == "booking-3@gigbook"
    assert event["SUMMARY"] == "Nina plays Bach"
    assert event["LOCATION"] == "Blue; Note, Berlin, Berlin"
    assert event.decoded("DTSTART") == BOOKING.starts_at
    assert event.decoded("DTEND") == BOOKING.ends_at
    assert event.decoded("DTSTAMP") == event.decoded("LAST-MODIFIED") == BOOKING.updated_at
    assert event.decoded("CREATED") == BOOKING.created_at


def test_what_is_held_is_tentative_and_a_confirmed_one_is_its_next_revision() -> None:
    held = structs.replace(BOOKING, status="held", held_until=MADE)

    (before,), (after,) = read(held).walk("VEVENT"), read(BOOKING).walk("VEVENT")

    assert (before["STATUS"], after["STATUS"]) == ("TENTATIVE", "CONFIRMED")
    assert before["UID"] == after["UID"]
    assert before["SEQUENCE"] < after["SEQUENCE"]


def test_the_calendar_has_the_name_and_the_zone_of_the_venue() -> None:
    calendar = read()

    assert calendar["PRODID"] == "-//Gigbook//Gigbook//EN"
    assert calendar["VERSION"] == "2.0"
    assert text(calendar["X-WR-CALNAME"]) == "Blue; Note, Berlin"
    assert text(calendar["X-WR-TIMEZONE"]) == "Europe/Berlin"


def test_the_two_hours_of_the_night_when_clocks_are_put_back_are_two() -> None:
    first = structs.replace(BOOKING, starts_at=datetime(2030, 10, 27, 2, 30, tzinfo=BERLIN, fold=0))
    second = structs.replace(BOOKING, id=4, starts_at=datetime(2030, 10, 27, 2, 30, tzinfo=BERLIN, fold=1))

    one, other = read(first, second).walk("VEVENT")

    assert other.decoded("DTSTART") - one.decoded("DTSTART") == timedelta(hours=1)


def test_the_same_bookings_make_the_same_file() -> None:
    assert calendar_file(VENUE, [BOOKING]) == calendar_file(VENUE, [BOOKING])


def test_a_venue_that_was_renamed_has_events_at_its_new_name_that_count_as_revised() -> None:
    renamed = structs.replace(VENUE, name="Birdland", updated_at=BOOKING.updated_at + timedelta(hours=1))

    (event,) = read(BOOKING, venue=renamed).walk("VEVENT")

    assert event["LOCATION"] == "Birdland, Berlin"
    assert event.decoded("DTSTAMP") == event.decoded("LAST-MODIFIED") == renamed.updated_at


@given(title=LINES, name=LINES)
def test_any_name_comes_back_as_it_was_in_lines_that_are_short_enough(title: str, name: str) -> None:
    venue, booking = structs.replace(VENUE, name=name), structs.replace(BOOKING, title=title)

    calendar = read(booking, venue=venue)

    (event,) = calendar.walk("VEVENT")
    assert event["SUMMARY"] == title
    assert text(calendar["X-WR-CALNAME"]) == name
    assert all(len(line) <= 75 for line in calendar_file(venue, [booking]).split(b"\r\n"))
