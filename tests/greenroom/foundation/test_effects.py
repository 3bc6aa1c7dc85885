"""What a handler wants done when it is over."""

from __future__ import annotations

from functools import partial

from greenroom.foundation.effects import Effects


def test_all_is_done_in_order_and_once() -> None:
    done: list[int] = []
    effects = Effects()
    for number in range(3):
        effects.add(partial(done.append, number))

    effects.carry_out()
    effects.carry_out()

    assert done == [0, 1, 2]


def test_what_is_confirmed_is_not_revoked() -> None:
    done: list[str] = []
    effects = Effects()
    effects.add(lambda: done.append("stored"))
    effects.confirm()
    effects.add(lambda: done.append("refused"))
    effects.revoke()
    effects.add(lambda: done.append("told after all"))

    effects.carry_out()

    assert done == ["stored", "told after all"]


def test_a_confirmation_is_of_one_handler() -> None:
    done: list[str] = []
    effects = Effects()
    effects.add(lambda: done.append("first"))
    effects.confirm()
    effects.carry_out()
    effects.add(lambda: done.append("second"))

    effects.revoke()
    effects.carry_out()

    assert done == ["first"]
