"""What a reminder must say."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf, nan

import pytest

from tests.greenroom.infrastructure.entity.venues import Strict


def test_a_time_without_a_zone_is_refused_where_it_is_given() -> None:
    with pytest.raises(ValueError, match="expected a time with a time zone, got datetime"):
        Strict.first_reminder(7, "doors", datetime(2026, 1, 1))  # noqa: DTZ001  # what is refused here


@pytest.mark.parametrize("every", [0.0, 0.0009, -1.0, 1e12, inf, nan])
def test_a_period_that_no_calendar_has_is_refused(every: float) -> None:
    with pytest.raises(ValueError, match="expected a period between a millisecond and a century"):
        Strict.first_reminder(7, "doors", datetime(2026, 1, 1, tzinfo=UTC), every=every)
