"""The rules of restarting, as tables."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom import Shutdown
from greenroom.foundation.restart import (
    ChildOptions,
    Intensity,
    RestartType,
    Strategy,
    casualties,
    comes_back,
    is_shutdown,
)

ENDS: list[object] = ["normal", "shutdown", Shutdown("x"), "killed", "oops", ValueError("oops")]
CLEAN = [True, True, True, False, False, False]


@pytest.mark.parametrize(
    ("restart", "expected"),
    [("permanent", [True] * 6), ("transient", [not clean for clean in CLEAN]), ("temporary", [False] * 6)],
)
def test_a_type_says_after_which_ends_a_child_comes_back(restart: RestartType, expected: list[bool]) -> None:
    assert [comes_back(restart, reason) for reason in ENDS] == expected


@pytest.mark.parametrize(
    ("strategy", "failed", "expected"),
    [
        ("one_for_one", "a", "a"),
        ("one_for_one", "b", "b"),
        ("one_for_one", "c", "c"),
        ("rest_for_one", "a", "abc"),
        ("rest_for_one", "b", "bc"),
        ("rest_for_one", "c", "c"),
        ("one_for_all", "a", "abc"),
        ("one_for_all", "b", "abc"),
        ("one_for_all", "c", "abc"),
    ],
)
def test_a_strategy_says_who_is_restarted_in_start_order(strategy: Strategy, failed: str, expected: str) -> None:
    assert "".join(casualties(strategy, list("abc"), failed)) == expected


@pytest.mark.parametrize(
    ("restarts", "seconds", "times", "expected"),
    [
        (0, 5.0, [0.0], [False]),
        (1, 5.0, [0.0, 5.0], [True, False]),
        (1, 5.0, [0.0, 5.001], [True, True]),
        (3, 5.0, [0.0, 1.0, 2.0, 3.0], [True, True, True, False]),
        (3, 5.0, [0.0, 1.0, 2.0, 5.001, 5.5], [True, True, True, True, False]),
        (2, 0.5, [0.0, 0.1, 0.7, 0.8, 0.9], [True, True, True, True, False]),
    ],
)
def test_an_intensity_is_so_many_within_so_long(
    restarts: int, seconds: float, times: list[float], expected: list[bool]
) -> None:
    intensity = Intensity(restarts, seconds)

    assert [intensity.allows(time) for time in times] == expected


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(0, 5), st.integers(1, 20))
def test_an_intensity_counts_as_one_would_by_hand(waits: list[int], restarts: int, seconds: int) -> None:
    intensity = Intensity(restarts, seconds)
    now, times = 0, list[int]()

    for wait in waits:
        now += wait
        times.append(now)
        recent = [time for time in times if time >= now - seconds]
        assert intensity.allows(now) is (len(recent) <= restarts)


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        (0, True),
        (0.001, True),
        (5, True),
        ("brutal_kill", True),
        ("infinity", True),
        (-1, False),
        (True, False),
        ("soon", False),
        (None, False),
        ([], False),
    ],
)
def test_a_child_is_given_seconds_no_time_or_no_limit_to_stop(value: object, valid: bool) -> None:
    assert is_shutdown(value) is valid


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"restart": "always"}, "expected restart to be one of permanent, transient, temporary, got 'always'"),
        ({"type": "boss"}, "expected type to be worker or supervisor, got 'boss'"),
        ({"shutdown": -1}, "expected shutdown to be seconds, 'brutal_kill' or 'infinity', got -1"),
        ({"significant": True}, "expected a significant child to be transient or temporary, got a permanent one"),
    ],
)
def test_options_that_make_no_sense_are_refused_when_they_are_made(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ChildOptions(**options)


@pytest.mark.parametrize(
    ("restarts", "seconds", "words"),
    [
        (-1, 5.0, "expected max_restarts to be an integer of at least 0, got -1"),
        (3, 0, "expected max_seconds to be seconds, more than 0, got 0"),
    ],
)
def test_an_intensity_that_makes_no_sense_is_refused(restarts: int, seconds: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Intensity(restarts, seconds)
