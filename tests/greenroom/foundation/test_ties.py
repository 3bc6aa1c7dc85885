"""What ties a process to others is made when it is first needed."""

import pytest

from greenroom.foundation.ties import NONE, ROOM, Ties
from greenroom.foundation.timer import TimerWheel
from greenroom.testing import VirtualClock

FIELDS = ("links", "watchers", "watching", "timers", "promises", "dictionary")


def test_a_process_that_is_tied_to_nothing_has_no_dictionary_of_its_own() -> None:
    ties = Ties()

    assert all(getattr(ties, field) is NONE for field in FIELDS)


def test_nobody_can_put_something_where_all_that_have_nothing_look() -> None:
    with pytest.raises(TypeError, match="expected a dictionary of one process"):
        NONE["key"] = "value"


def test_ties_are_those_of_one_process() -> None:
    ties, others = Ties(), Ties()

    ties.link("other")
    ties.tell("watch", print)
    ties.own_timers()
    ties.releases[print] = None

    assert (list(ties.links), list(ties.watchers), list(ties.releases)) == (["other"], ["watch"], [print])
    assert ties.own_timers() is ties.own_timers()
    assert ties.own_timers() is not others.own_timers()
    assert (others.links, others.watchers) == (NONE, NONE)
    assert others.releases == {}


def test_a_release_is_called_at_the_end() -> None:
    ties, called = Ties(), list[str]()
    ties.releases[lambda: called.append("released")] = None

    ties.release()

    assert called == ["released"]


def test_ties_are_empty_when_all_that_was_tied_is_gone() -> None:
    wheel, ties = TimerWheel(VirtualClock(), lambda _: None), Ties()
    assert ties.is_empty

    ties.link("other")
    assert not ties.is_empty
    ties.links.clear()
    timer = wheel.schedule_for(ties.own_timers(), 60.0, print, ())
    assert not ties.is_empty
    timer.cancel()
    ties.trapping = True
    assert not ties.is_empty
    ties.trapping = False

    assert ties.is_empty


def test_timers_lie_in_dictionaries_of_a_bounded_size_and_end_all_the_same() -> None:
    wheel, ties = TimerWheel(VirtualClock(), lambda _: None), Ties()
    timers = [wheel.schedule_for(ties.own_timers(), 60.0, print, ()) for _ in range(3 * ROOM)]

    assert len(ties.timers) <= ROOM
    assert ties.all_timers() == timers

    ties.release()

    assert (ties.all_timers(), len(wheel)) == ([], 0)


def test_dictionaries_whose_timers_are_all_over_are_let_go() -> None:
    wheel, ties = TimerWheel(VirtualClock(), lambda _: None), Ties()
    early = [wheel.schedule_for(ties.own_timers(), 60.0, print, ()) for _ in range(2 * ROOM)]
    for timer in early:
        timer.cancel()

    late = [wheel.schedule_for(ties.own_timers(), 60.0, print, ()) for _ in range(ROOM + 1)]

    assert ties.all_timers() == late
    assert all(ties.full)
