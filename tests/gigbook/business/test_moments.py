from datetime import UTC, datetime, timedelta

from gigbook.business.moments import MOMENT, later, now

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def test_the_time_is_one_that_can_be_stored() -> None:
    assert now().tzinfo is UTC
    assert now().microsecond % 1000 == 0


def test_a_moment_is_later_than_the_one_before_also_when_the_clock_was_set_back() -> None:
    assert later(NOON, than=NOON - timedelta(hours=1)) == NOON
    assert later(NOON, than=NOON) == NOON + MOMENT
    assert later(NOON, than=NOON + timedelta(hours=1)) == NOON + timedelta(hours=1) + MOMENT
