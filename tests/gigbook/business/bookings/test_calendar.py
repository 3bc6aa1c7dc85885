"""The live bookings of a venue: who is in the way, who is late, and what a change leaves."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gigbook.business.bookings.calendar import Calendar
from gigbook.business.bookings.model import Booking
from tests.gigbook.business.bookings.made import NOW, booking, confirmed, held, hour

FRIDAY = Calendar.of([confirmed(2, 4, 6), held(1, 0, 2)])


@pytest.mark.parametrize(
    ("start", "end", "by"),
    [
        (2, 4, None),
        (-5, 0, None),
        (6, 9, None),
        (1, 3, 1),
        (-1, 1, 1),
        (3, 5, 2),
        (4.5, 5, 2),
        (-1, 9, 2),
        (5, 9, 2),
        (0, 2, 1),
    ],
)
def test_who_has_a_part_of_a_time_is_in_the_way_and_who_touches_it_is_not(
    start: float, end: float, by: int | None
) -> None:
    found = FRIDAY.overlapping(hour(start), hour(end))

    assert (found.id if found else None) == by


def test_a_booking_is_not_in_its_own_way() -> None:
    assert FRIDAY.overlapping(hour(0), hour(2), but=1) is None
    assert FRIDAY.overlapping(hour(0), hour(5), but=2) == FRIDAY.live[0]


def test_a_hold_is_overdue_from_the_moment_at_which_it_ends() -> None:
    until = NOW + timedelta(minutes=15)
    calendar = Calendar.of([held(1, until=until), confirmed(2, 4, 6)])

    assert calendar.overdue(until - timedelta(milliseconds=1)) == []
    assert calendar.overdue(until) == [calendar.live[0]]


def test_a_change_takes_a_booking_in_replaces_it_and_lets_it_go() -> None:
    empty = Calendar()

    taken_in = empty.changed(held(1), "a")
    replaced = taken_in.changed(confirmed(1), "b")
    let_go = replaced.changed(booking(1, status="cancelled"), "c")

    assert (taken_in.live, replaced.live, let_go.live) == ((held(1),), (confirmed(1),), ())
    assert (empty.mark, taken_in.mark, replaced.mark, let_go.mark) == ("", "a", "b", "c")


def test_what_is_confirmed_and_over_is_left_out_while_a_hold_that_is_over_has_still_to_lapse() -> None:
    calendar = Calendar.of([confirmed(1, 0, 2), held(2, 2, 3), confirmed(3, 8, 9)], "a")

    assert [it.id for it in calendar.ahead(hour(4)).live] == [2, 3]
    assert calendar.ahead(hour(4)).mark == "a"
    assert calendar.ahead(hour(1)) == calendar


def test_a_requested_booking_takes_no_time() -> None:
    assert FRIDAY.changed(booking(3, 2, 4), "a").live == FRIDAY.live


HOURS = st.tuples(st.integers(0, 40), st.integers(1, 5)).map(lambda it: (it[0], it[0] + it[1]))


@given(st.lists(HOURS, max_size=30), HOURS)
def test_looking_for_who_is_in_the_way_finds_what_looking_at_everyone_finds(
    spans: list[tuple[int, int]], wanted: tuple[int, int]
) -> None:
    calendar = Calendar()
    for id, (start, end) in enumerate(spans, start=1):
        if not overlaps(calendar, start, end):
            calendar = calendar.changed(confirmed(id, start, end), str(id))

    found = calendar.overlapping(hour(wanted[0]), hour(wanted[1]))

    assert all(one.ends_at <= other.starts_at for one, other in pairwise(calendar.live))
    assert found == last(overlaps(calendar, *wanted))
    for but in calendar.live:
        others = [other for other in overlaps(calendar, *wanted) if other != but]
        assert calendar.overlapping(hour(wanted[0]), hour(wanted[1]), but=but.id) == last(others)


def overlaps(calendar: Calendar, start: int, end: int) -> list[Booking]:
    return [it for it in calendar.live if it.starts_at < hour(end) and it.ends_at > hour(start)]


def last(bookings: list[Booking]) -> Booking | None:
    return bookings[-1] if bookings else None
