from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.infrastructure.entity.backlog import Backlog, Unsaved


@dataclass(eq=False)
class Thing:
    """An entity, as far as the backlog knows it."""

    name: str = ""
    __unsaved__: Unsaved[Any] | None = None
    __process__: object = field(default_factory=object)


@pytest.fixture
def backlog() -> Backlog[Thing]:
    return Backlog(interval=10.0, limit=4)


def names(due: list[Unsaved[Thing]]) -> list[str]:
    return [unsaved.entity.name for unsaved in due]


def test_a_change_is_due_once_it_has_rested(backlog: Backlog[Thing]) -> None:
    backlog.note(Thing("bar"), 0.0)

    assert backlog.take_due(9.9, 9) == []
    assert names(backlog.take_due(10.0, 9)) == ["bar"]
    assert backlog.take_due(10.0, 9) == []


def test_each_change_puts_the_write_off(backlog: Backlog[Thing]) -> None:
    bar = Thing("bar")
    backlog.note(bar, 0.0)
    backlog.note(bar, 6.0)

    assert backlog.take_due(10.0, 9) == []
    assert backlog.next_due == 16.0
    assert names(backlog.take_due(16.0, 9)) == ["bar"]


def test_those_that_were_stored_meanwhile_are_kept_by_nobody_until_their_time_comes(backlog: Backlog[Thing]) -> None:
    stored = WeakSet[Thing]()
    for number in range(1000):
        thing = Thing(str(number))
        stored.add(thing)
        backlog.note(thing, 0.0)
        backlog.forget(thing)
    backlog.note(Thing("bar"), 0.0)

    assert len(stored) < 100
    assert names(backlog.take_due(10.0, 9)) == ["bar"]


def test_no_change_waits_for_twice_the_interval(backlog: Backlog[Thing]) -> None:
    bar = Thing("bar")
    taken_at = None
    for tenth in range(201):
        now = tenth / 10
        if taken_at is None and backlog.take_due(now, 9):
            taken_at = now
        if taken_at is None:
            backlog.note(bar, now)

    assert taken_at is not None
    assert 10.0 < taken_at < 20.0


def test_what_is_stored_waits_for_nothing_more(backlog: Backlog[Thing]) -> None:
    bar = Thing("bar")
    backlog.note(bar, 0.0)
    (due,) = backlog.take_due(10.0, 9)

    backlog.stored(due)

    assert bar.__unsaved__ is None
    assert len(backlog) == 0


def test_what_changed_during_a_write_waits_for_a_time_of_its_own(backlog: Backlog[Thing]) -> None:
    bar = Thing("bar")
    backlog.note(bar, 0.0)
    (due,) = backlog.take_due(10.0, 9)
    backlog.note(bar, 11.0)

    backlog.stored(due)

    assert bar.__unsaved__ is due
    assert backlog.take_due(20.9, 9) == []
    assert backlog.take_due(21.0, 9) == [due]


def test_what_could_not_be_written_is_due_again_when_it_is_said(backlog: Backlog[Thing]) -> None:
    bar = Thing("bar")
    backlog.note(bar, 0.0)
    (due,) = backlog.take_due(10.0, 9)
    backlog.note(bar, 10.5)

    backlog.failed(due, 12.0)

    assert due.since == 0.0
    assert backlog.take_due(11.9, 9) == []
    assert backlog.take_due(12.0, 9) == [due]


def test_a_hurried_entity_is_due_at_once(backlog: Backlog[Thing]) -> None:
    bar, club = Thing("bar"), Thing("club")
    backlog.note(bar, 0.0)
    backlog.note(club, 0.0)
    assert bar.__unsaved__ is not None

    backlog.hurry(bar.__unsaved__, 1.0)

    assert names(backlog.take_due(1.0, 9)) == ["bar"]


def test_more_than_the_limit_of_a_batch_stays_due(backlog: Backlog[Thing]) -> None:
    for name in ("bar", "club", "hall"):
        backlog.note(Thing(name), 0.0)

    assert names(backlog.take_due(10.0, 2)) == ["bar", "club"]
    assert names(backlog.take_due(10.0, 2)) == ["hall"]


def test_it_says_when_it_is_crowded_and_when_it_is_full(backlog: Backlog[Thing]) -> None:
    levels = list[tuple[bool, bool]]()
    for name in ("bar", "club", "hall", "opera"):
        backlog.note(Thing(name), 0.0)
        levels.append((backlog.is_crowded, backlog.is_full))

    assert levels == [(False, False), (True, False), (True, False), (True, True)]


def test_a_process_that_ended_is_told_what_it_had_not_saved(backlog: Backlog[Thing]) -> None:
    bar = Thing("bar")
    backlog.note(bar, 0.0)

    lost = backlog.lost(bar.__process__)

    assert lost is not None
    assert lost.entity is bar
    assert backlog.take_due(99.0, 9) == []
    assert backlog.lost(bar.__process__) is None


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0.0, 7.0)), max_size=60))
def test_no_change_is_ever_forgotten_or_late(steps: list[tuple[int, float]]) -> None:
    backlog = Backlog[Thing](interval=10.0, limit=100)
    things = [Thing(str(number)) for number in range(3)]
    unsaved: dict[str, float] = {}
    now = 0.0
    for number, pause in steps:
        backlog.note(things[number], now)
        unsaved.setdefault(things[number].name, now)
        until = now + pause
        while (due := backlog.next_due) is not None and due <= until:
            now = max(now, due)
            for taken in backlog.take_due(now, 9):
                assert now - unsaved.pop(taken.entity.name) <= 20.0
                backlog.stored(taken)
        now = until

    assert {waiting.entity.name for waiting in backlog} == unsaved.keys()
