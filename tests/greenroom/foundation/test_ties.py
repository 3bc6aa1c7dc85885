"""What ties a process to others is made when it is first needed."""

import pytest

from greenroom.foundation.ties import NONE, Ties

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
