from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gigbook.business.rules import Flaw
from gigbook.business.venues.opening import WEEKDAYS, OpeningSlot, Weekday, holds, spans_on, weekly
from gigbook.business.venues.span import Span

BERLIN = ZoneInfo("Europe/Berlin")
# One that changes by half an hour, one at midnight, one that once left out a day, and ones that never change.
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Pacific/Apia",
    "Asia/Kathmandu",
]
DAY = timedelta(days=1)


def slot(weekday: Weekday, opens: str, closes: str) -> OpeningSlot:
    return OpeningSlot(weekday=weekday, opens=opens, closes=closes)


def utc(day: int, hour: int, minute: int = 0, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


times = st.times(time(0), time(23, 59)).map(lambda at: at.isoformat("minutes"))
slots = st.lists(st.builds(slot, st.sampled_from(WEEKDAYS), times, times), max_size=5)
zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(1990, 1, 2), date(2036, 12, 30))


def minutes_of_the_week(given: OpeningSlot) -> list[int]:
    opens, closes = (int(text[:2]) * 60 + int(text[3:]) for text in (given.opens, given.closes))
    length = closes - opens if closes > opens else closes - opens + 1440
    return [(WEEKDAYS.index(given.weekday) * 1440 + opens + n) % 10080 for n in range(length)]


def test_a_slot_that_closes_after_midnight_belongs_to_the_evening() -> None:
    fridays = [slot("friday", "18:00", "02:00")]

    assert spans_on(fridays, date(2026, 11, 20), BERLIN) == [Span(utc(20, 17), utc(21, 1))]
    assert spans_on(fridays, date(2026, 11, 21), BERLIN) == []


def test_a_slot_that_closes_at_the_time_it_opens_lasts_a_day() -> None:
    assert spans_on([slot("friday", "18:00", "18:00")], date(2026, 11, 20), BERLIN) == [Span(utc(20, 17), utc(21, 17))]


def test_slots_of_a_day_that_touch_are_one_span() -> None:
    matinee = [slot("friday", "18:00", "23:00"), slot("friday", "14:00", "18:00"), slot("friday", "10:00", "12:00")]

    assert spans_on(matinee, date(2026, 11, 20), BERLIN) == [
        Span(utc(20, 9), utc(20, 11)),
        Span(utc(20, 13), utc(20, 22)),
    ]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_a_venue_without_slots_is_open_the_whole_day_however_long_it_is(day: date, hours: int) -> None:
    [span] = spans_on([], day, BERLIN)

    assert span.length == timedelta(hours=hours)
    assert span.start.astimezone(BERLIN).time() == span.end.astimezone(BERLIN).time() == time(0)


def test_a_night_in_which_the_clock_changes_is_shorter_or_longer() -> None:
    saturdays = [slot("saturday", "22:00", "06:00")]

    assert spans_on(saturdays, date(2026, 3, 28), BERLIN) == [Span(utc(28, 21, month=3), utc(29, 4, month=3))]
    assert spans_on(saturdays, date(2026, 10, 24), BERLIN) == [Span(utc(24, 20, month=10), utc(25, 5, month=10))]


def test_a_time_that_the_clock_skips_is_the_moment_at_which_it_does() -> None:
    put_forward = utc(29, 1, month=3)

    assert spans_on([slot("sunday", "02:30", "05:00")], date(2026, 3, 29), BERLIN) == [
        Span(put_forward, utc(29, 3, month=3))
    ]
    assert spans_on([slot("sunday", "02:10", "02:50")], date(2026, 3, 29), BERLIN) == []


def test_a_time_that_comes_twice_is_the_first() -> None:
    assert spans_on([slot("sunday", "02:30", "05:00")], date(2026, 10, 25), BERLIN) == [
        Span(utc(25, 0, 30, month=10), utc(25, 4, month=10))
    ]


def test_a_day_that_a_country_left_out_has_no_time_to_be_open() -> None:
    apia = ZoneInfo("Pacific/Apia")

    assert spans_on([], date(2011, 12, 30), apia) == []
    assert spans_on([slot("friday", "18:00", "22:00")], date(2011, 12, 30), apia) == []


@given(slots, days, zones)
def test_a_span_begins_and_ends_when_the_clock_there_first_shows_its_times(
    slots: list[OpeningSlot], day: date, zone: ZoneInfo
) -> None:
    for one in slots:
        for span in spans_on([one], day, zone):
            opens = datetime.combine(day, time.fromisoformat(one.opens))
            closes = datetime.combine(day, time.fromisoformat(one.closes))
            for moment, wall in ((span.start, opens), (span.end, closes if closes > opens else closes + DAY)):
                second_before = moment - timedelta(seconds=1)
                assert moment.astimezone(zone).replace(tzinfo=None) >= wall
                assert second_before.astimezone(zone).replace(tzinfo=None) < wall


@given(slots)
def test_slots_are_taken_exactly_if_no_minute_of_the_week_is_in_two_of_them(slots: list[OpeningSlot]) -> None:
    minutes = [minute for one in slots for minute in minutes_of_the_week(one)]

    verdict = weekly(slots)

    if isinstance(verdict, Flaw):
        assert len(set(minutes)) < len(minutes)
    else:
        assert len(set(minutes)) == len(minutes)
        assert sorted(map(repr, verdict)) == sorted(map(repr, slots))
        assert [WEEKDAYS.index(one.weekday) for one in verdict] == sorted(WEEKDAYS.index(one.weekday) for one in slots)


@given(slots.map(weekly), days, zones)
def test_slots_that_do_not_overlap_on_the_wall_never_do(
    verdict: tuple[OpeningSlot, ...] | Flaw, day: date, zone: ZoneInfo
) -> None:
    if isinstance(verdict, Flaw):
        return
    spans = sorted(span for n in range(9) for one in verdict for span in spans_on([one], day + n * DAY, zone))

    assert all(one.end <= other.start for one, other in pairwise(spans))


def test_an_overlap_names_both_slots() -> None:
    given = [slot("sunday", "20:00", "03:00"), slot("friday", "10:00", "12:00"), slot("monday", "02:00", "05:00")]

    assert weekly(given) == Flaw("must not overlap, as [0] and [2] do")


@pytest.mark.parametrize(
    "text", ["24:00", "7:00", "07:60", "", "18.00", "18:00:00", "18:00\n", "\u0660\u0667:\u0660\u0660"]
)
def test_a_time_that_is_none_is_named_with_its_place(text: str) -> None:
    given = [slot("friday", "10:00", "12:00"), slot("sunday", text, "12:00")]

    assert weekly(given) == Flaw("must be a time from 00:00 to 23:59, at [1].opens")


def test_a_venue_is_open_from_its_opening_up_to_its_end() -> None:
    fridays = [slot("friday", "18:00", "02:00")]

    assert holds(fridays, BERLIN, utc(20, 17), utc(21, 1))
    assert not holds(fridays, BERLIN, utc(20, 17), utc(21, 1, 1))
    assert not holds(fridays, BERLIN, utc(20, 16, 59), utc(21, 1))
    assert not holds(fridays, BERLIN, utc(21, 17), utc(21, 18))


def test_one_run_of_slots_that_touch_holds_what_neither_holds_alone() -> None:
    weekend = [slot("friday", "18:00", "02:00"), slot("saturday", "02:00", "06:00"), slot("saturday", "08:00", "00:00")]

    assert holds(weekend, BERLIN, utc(20, 23), utc(21, 5))
    assert not holds(weekend, BERLIN, utc(20, 23), utc(21, 8))


def test_a_venue_that_never_closes_holds_a_week() -> None:
    always = [slot(weekday, "12:00", "12:00") for weekday in WEEKDAYS]

    for slots in (always, []):
        assert holds(slots, BERLIN, utc(18, 9, month=10), utc(25, 9, month=10))


def test_moments_may_come_in_any_zone() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")

    assert holds(
        [slot("friday", "18:00", "02:00")], BERLIN, utc(20, 17).astimezone(tokyo), utc(21, 1).astimezone(tokyo)
    )


@given(slots.map(weekly), days, zones, st.integers(0, 1439), st.integers(1, 400) | st.integers(1, 4000))
def test_a_time_is_held_exactly_if_each_of_its_minutes_is_in_some_slot(
    verdict: tuple[OpeningSlot, ...] | Flaw, day: date, zone: ZoneInfo, minute: int, length: int
) -> None:
    if isinstance(verdict, Flaw):
        return
    start = datetime.combine(day, time.min, tzinfo=UTC) + timedelta(minutes=minute)
    end = start + timedelta(minutes=length)
    spans = [span for n in range(-3, 7) for span in spans_on(verdict, day + n * DAY, zone)]

    # All zones here change on whole minutes.
    each = (start + timedelta(minutes=n) for n in range(length))
    assert holds(verdict, zone, start, end) == all(any(it.start <= m < it.end for it in spans) for m in each)
