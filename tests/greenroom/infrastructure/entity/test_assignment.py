"""A state that is assigned, and not handed over, would be taken for a change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from greenroom import ServerDown
from greenroom.infrastructure import Entity, Memory, entities
from greenroom.testing import Tree, expected_crash
from tests.greenroom.infrastructure.entity.venues import Diary, Venue


class Careless:
    """What several kinds of entities have in common."""

    asked: int

    async def rename(self: Any, name: str) -> None:
        self.asked += 1
        self.state = replace(self.state, name=name)

    async def look(self: Any) -> Diary:
        state: Diary = self.state
        return state


@dataclass
class Bar(Careless, Entity[int, Diary], kind="bar"):
    """Makes the mistake in a class that is no entity by itself."""

    asked: int = 0

    def initial(self) -> Diary:
        return Diary("Blue Note")

    async def whisper(self, name: str) -> None:
        self.keep(replace(self.state, name=name))


@dataclass
class Club(Entity[int, int], kind="club"):
    """Counts in place."""

    def initial(self) -> int:
        return 0

    async def count(self: Any) -> None:
        def add() -> None:
            self.state += 1

        add()


async def test_a_state_that_is_assigned_ends_the_handler_and_says_what_to_do_instead(tree: Tree) -> None:
    await tree.start_supervised(entities(Bar, Memory(Diary)))

    with expected_crash(AttributeError), pytest.raises(ServerDown) as caught:
        await Bar.at(7).call(Bar.rename, "Birdland")

    assert str(caught.value.reason) == (
        "expected Bar to hand a new state to self.save, self.save_later or self.keep, "
        "got self.state = ..., which would store nothing"
    )
    assert await Bar.at(7).call(Bar.look) == Diary("Blue Note")


async def test_a_class_that_makes_the_mistake_changes_its_state_as_any_other() -> None:
    bar = Bar.of(7, Diary("Blue Note"))

    await bar.whisper("Birdland")

    assert bar.state == Diary("Birdland")


async def test_a_state_that_is_changed_in_place_is_refused_too() -> None:
    club = Club.of(7, 0)

    with pytest.raises(AttributeError, match=r"expected Club to hand a new state to self\.save"):
        await club.count()

    assert club.state == 0


def test_entities_that_do_not_assign_their_state_pay_nothing_for_it() -> None:
    assert Venue.__setattr__ is object.__setattr__
