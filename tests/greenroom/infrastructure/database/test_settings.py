"""Settings that make no sense are refused where they are made."""

from math import inf, nan
from typing import Any

import pytest

from greenroom.infrastructure import DatabaseSettings


@pytest.mark.parametrize("name", ["max_waiting", "max_batch"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "9"])
def test_limits_are_numbers_of_things(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"expected {name} to be an integer of at least 1, got {value!r}"):
        DatabaseSettings(**{name: value})


@pytest.mark.parametrize("name", ["lock_timeout", "read_timeout", "probe_interval", "switch_interval"])
@pytest.mark.parametrize("value", [0, -1.0, inf, nan, True, None, "2"])
def test_times_are_seconds(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"expected {name} to be seconds, more than 0, got {value!r}"):
        DatabaseSettings(**{name: value})
