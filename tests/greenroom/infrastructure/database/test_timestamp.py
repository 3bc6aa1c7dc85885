"""Points in time, which read alike in both databases."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Dialect, create_engine

from greenroom.infrastructure import UtcTimestamp

DIALECTS: list[Dialect] = [create_engine(url).dialect for url in ("sqlite://", "postgresql+psycopg://")]

moments = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)).map(  # noqa: DTZ001  # made aware below
    lambda moment: moment.replace(tzinfo=UTC)
)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@given(moment=moments, hours=st.integers(-14, 14))
def test_a_moment_comes_back_in_utc_cut_to_the_millisecond(dialect: Dialect, moment: datetime, hours: int) -> None:
    there = moment.astimezone(timezone(timedelta(hours=hours)))
    kind = UtcTimestamp()

    stored = kind.bind_processor(dialect)(there)
    back = kind.result_processor(dialect, None)(stored)

    assert back == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert back.tzinfo is UTC


@given(one=moments, other=moments)
def test_sqlites_text_sorts_by_time(one: datetime, other: datetime) -> None:
    text = UtcTimestamp().bind_processor(DIALECTS[0])

    assert not (one <= other and text(one) > text(other))


def test_sqlites_text_is_what_people_and_the_api_read() -> None:
    text = UtcTimestamp().bind_processor(DIALECTS[0])

    assert text(datetime(2026, 11, 21, 20, 0, 0, 5999, tzinfo=UTC)) == "2026-11-21T20:00:00.005Z"


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_nothing_stays_nothing(dialect: Dialect) -> None:
    kind = UtcTimestamp()

    assert kind.bind_processor(dialect)(None) is None
    assert kind.result_processor(dialect, None)(None) is None


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_a_time_without_a_zone_is_refused(dialect: Dialect) -> None:
    with pytest.raises(ValueError, match="expected a datetime with a time zone"):
        UtcTimestamp().bind_processor(dialect)(datetime(2026, 11, 21))  # noqa: DTZ001  # that is the point
