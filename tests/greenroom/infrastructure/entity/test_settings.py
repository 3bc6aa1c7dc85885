"""Settings that make no sense are refused where they are made."""

from math import inf, nan
from typing import Any

import pytest

from greenroom.infrastructure import EntitySettings

SECONDS = ("idle", "hibernate", "save_interval", "retry", "stop")
COUNTS = ("max_live", "max_unsaved", "max_batch")


@pytest.mark.parametrize("name", SECONDS)
@pytest.mark.parametrize("value", [0, -1.0, inf, nan, True, "30"])
def test_intervals_are_seconds(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"expected {name} to be seconds, more than 0, got {value!r}"):
        EntitySettings(**{name: value})


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "9"])
def test_limits_are_numbers_of_things(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"expected {name} to be an integer of at least 1, got {value!r}"):
        EntitySettings(**{name: value})


@pytest.mark.parametrize("name", ["idle", "hibernate", "max_live"])
def test_what_need_not_be_limited_may_be_none(name: str) -> None:
    values: dict[str, Any] = {name: None}

    assert getattr(EntitySettings(**values), name) is None


@pytest.mark.parametrize("name", ["save_interval", "retry", "stop", "max_unsaved", "max_batch"])
def test_what_has_to_end_has_a_limit(name: str) -> None:
    values: dict[str, Any] = {name: None}

    with pytest.raises(ValueError, match=f"expected {name} to be .*, got None"):
        EntitySettings(**values)


def test_the_defaults_are_those_of_the_guide() -> None:
    settings = EntitySettings()

    assert (settings.idle, settings.save_interval) == (1800.0, 30.0)
    assert (settings.hibernate, settings.max_live) == (None, None)
