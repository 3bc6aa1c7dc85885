"""Times as people write them, in zones that put their clocks forward and back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gigbook.business.bookings.times import at_venue, moment, moment_of, written, written_moment
from gigbook.business.rules import Flaw

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
ZONES = [BERLIN, NEW_YORK, LORD_HOWE, ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/Sao_Paulo"), ZoneInfo("UTC")]
WALL_TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001  # a clock on a wall has no zone


@pytest.mark.parametrize(
    ("text", "zone", "shown"),
    [
        ("2026-11-21T20:00", BERLIN, "2026-11-21T20:00:00+01:00"),
        ("2026-07-21T20:00:00", BERLIN, "2026-07-21T20:00:00+02:00"),
        ("2026-11-21T20:00:00Z", NEW_YORK, "2026-11-21T15:00:00-05:00"),
        ("2026-11-21T20:00:00.123456+01:00", BERLIN, "2026-11-21T20:00:00.123000+01:00"),
        ("2026-10-25T02:30+02:00", BERLIN, "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T02:30+01:00", BERLIN, "2026-10-25T02:30:00+01:00"),
        ("2026-03-29T03:00", BERLIN, "2026-03-29T03:00:00+02:00"),
        ("2026-03-29T01:30Z", BERLIN, "2026-03-29T03:30:00+02:00"),
    ],
)
def test_a_time_is_the_moment_that_it_means_at_the_venue(text: str, zone: ZoneInfo, shown: str) -> None:
    found = moment(text, zone)

    assert isinstance(found, datetime)
    assert found.isoformat() == shown


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2026-03-29T02:00", BERLIN),
        ("2026-03-29T02:59:59", BERLIN),
        ("2026-03-08T02:30", NEW_YORK),
        ("2026-10-04T02:15", LORD_HOWE),
    ],
)
def test_a_time_that_the_clock_skips_in_spring_is_refused(text: str, zone: ZoneInfo) -> None:
    assert moment(text, zone) == Flaw(f"does not exist in {zone.key}: clocks are put forward then")


@pytest.mark.parametrize(
    ("text", "zone", "first", "second"),
    [
        ("2026-10-25T02:00", BERLIN, "+02:00", "+01:00"),
        ("2026-11-01T01:30", NEW_YORK, "-04:00", "-05:00"),
        ("2026-04-05T01:45", LORD_HOWE, "+11:00", "+10:30"),
    ],
)
def test_a_time_that_comes_twice_in_autumn_needs_an_offset(text: str, zone: ZoneInfo, first: str, second: str) -> None:
    found = moment(text, zone)

    assert found == Flaw(f"comes twice in {zone.key}: add {first} for the first or {second} for the second")
    assert isinstance(moment(text + first, zone), datetime)
    assert isinstance(moment(text + second, zone), datetime)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-11-21",
        "2026-11-21 20:00",
        "2026-11-21T24:00",
        "2026-13-01T20:00",
        "20261121T2000",
        "2026-11-21T20:00+1",
        "2026-11-21T20:00:60",
        "2026-11-21T20:00Z\n",
        "2026-11-21T20:00:00+24:00",
        "٢026-11-21T20:00",
    ],
)
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    assert written(text) == Flaw("must be a time, such as 2030-11-21T20:00:00")
    assert moment(text, BERLIN) == written(text)


@pytest.mark.parametrize("text", ["2026-02-29T20:00", "2026-11-31T20:00Z"])
def test_a_day_that_does_not_exist_is_refused(text: str) -> None:
    assert written(text) == Flaw("must be a day that the calendar has")


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00", "1969-12-31T23:59"])
def test_a_time_at_the_end_of_the_calendar_is_refused(text: str) -> None:
    assert written(text) == Flaw("must lie in the years 1970 to 9998")


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00+14:00", "9998-12-31T23:59:00-12:00"])
def test_the_first_and_the_last_time_have_a_moment_everywhere(text: str) -> None:
    assert all(isinstance(moment(text, zone), datetime) for zone in ZONES)


def test_a_moment_needs_an_offset() -> None:
    assert written_moment("2026-11-21T20:00") == Flaw("must be a time with an offset, such as 2030-11-21T20:00:00Z")
    assert written_moment("2026-11-21T20:00+01:00") == "2026-11-21T20:00+01:00"
    assert moment_of("2026-11-21T20:00+01:00") == datetime(2026, 11, 21, 19, tzinfo=UTC)


@given(
    WALL_TIMES.map(lambda wall: wall.replace(tzinfo=UTC)),
    st.sampled_from(ZONES),
    st.integers(1, 7200),
)
def test_moments_at_a_venue_keep_their_order_also_when_the_clock_is_put_back(
    at: datetime, zone: ZoneInfo, seconds: int
) -> None:
    later = at + timedelta(seconds=seconds)

    assert at_venue(at, zone) == at
    assert at_venue(at, zone) < at_venue(later, zone)
    assert at_venue(later, zone) - at_venue(at, zone) == timedelta(seconds=seconds)


@given(WALL_TIMES, st.sampled_from(ZONES))
def test_a_time_on_the_wall_is_read_back_as_it_was_written_or_refused(wall: datetime, zone: ZoneInfo) -> None:
    wall = wall.replace(microsecond=0)
    readings = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    true = {at for at in readings if at.astimezone(zone).replace(tzinfo=None) == wall}

    found = moment(wall.isoformat(), zone)

    if len(true) == 1:
        assert found == true.pop()
        assert isinstance(found, datetime)
        assert found.replace(tzinfo=None) == wall
    else:
        assert isinstance(found, Flaw)
        assert found.reason.startswith("comes twice" if true else "does not exist")
