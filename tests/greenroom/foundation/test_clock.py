from datetime import UTC, datetime

from greenroom.foundation.clock import SystemClock


def test_the_machines_time_does_not_go_back() -> None:
    clock = SystemClock()

    first, second = clock.monotonic(), clock.monotonic()

    assert first <= second


def test_the_time_of_day_is_in_utc() -> None:
    before = datetime.now(UTC)

    now = SystemClock().now()

    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC
