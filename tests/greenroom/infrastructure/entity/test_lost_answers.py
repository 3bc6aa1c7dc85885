"""Immediate changes whose answers were lost: the entity finds out what became of them before it answers anybody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from greenroom import CallTimeout, Ref, ServerDown
from greenroom.infrastructure import (
    Columns,
    Entity,
    entities,
)
from greenroom.testing import Tree, VirtualClock, crash, settle
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase, row
from tests.greenroom.infrastructure.entity.venues import Venue, shows

BAR = Venue.at(7)


@pytest.mark.parametrize("mood", ["loses it", "stores it and loses the answer"])
async def test_the_outcome_of_a_commit_whose_answer_was_lost_is_found_out(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock, mood: str
) -> None:
    await BAR.call(Venue.rename, "Blue Note")
    await moody.call(MoodyDatabase.be, mood)  # type: ignore[arg-type]  # one of the moods

    renamed = asyncio.ensure_future(BAR.call(Venue.rename, "Birdland"))
    await clock.advance(1.0)

    assert await renamed is None
    assert await row(moody) == ("Birdland", 0, 2)
    assert await BAR.call(Venue.count_down) == 1
    assert await row(moody) == ("Birdland", 1, 3)


@pytest.mark.parametrize("mood", ["loses it", "stores it and loses the answer"])
async def test_the_first_write_of_an_entity_may_lose_its_answer_too(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock, mood: str
) -> None:
    await moody.call(MoodyDatabase.be, mood)  # type: ignore[arg-type]  # one of the moods

    renamed = asyncio.ensure_future(BAR.call(Venue.rename, "Birdland"))
    await clock.advance(1.0)

    assert await renamed is None
    assert await row(moody) == ("Birdland", 0, 1)


@dataclass(frozen=True)
class Doors:
    """When they open, more exactly than it is stored."""

    doors: datetime


@dataclass
class Show(Entity[int, Doors], kind="show"):
    def initial(self) -> Doors:
        return Doors(datetime(2026, 11, 21, 20, 0, 0, 123456, tzinfo=UTC))

    async def delay(self, seconds: float) -> None:
        await self.save(Doors(self.state.doors + timedelta(seconds=seconds)))


async def test_a_time_that_is_stored_less_exactly_is_known_for_the_own(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await tree.start_supervised(entities(Show, Columns(shows, Doors)))
    for _ in range(2):
        await moody.call(MoodyDatabase.be, "stores it and loses the answer")
        delayed = asyncio.ensure_future(Show.at(7).call(Show.delay, 60))
        await clock.advance(1.0)

        # It would be stale, and the caller would ask again.
        await delayed


async def test_who_is_killed_in_the_middle_of_a_write_is_followed_by_one_that_has_read_what_came_of_it(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await BAR.call(Venue.rename, "Blue Note")
    await moody.call(MoodyDatabase.slow_down)
    renamed = asyncio.ensure_future(BAR.call(Venue.rename, "Birdland"))
    await settle()
    await crash(BAR)
    with pytest.raises(ServerDown):
        await renamed

    looked = asyncio.ensure_future(BAR.call(Venue.look))
    await settle()
    assert not looked.done()
    await moody.call(MoodyDatabase.go_on)

    assert (await looked).name == "Birdland"
    assert await BAR.call(Venue.count_down) == 1
    assert await row(moody) == ("Birdland", 1, 3)


async def test_an_entity_answers_nothing_while_it_does_not_know_its_own_state(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await BAR.call(Venue.rename, "Blue Note")
    await moody.call(MoodyDatabase.be, "stores it and loses the answer")

    renamed = asyncio.ensure_future(BAR.call(Venue.rename, "Birdland"))
    looked = asyncio.ensure_future(BAR.within(60.0).call(Venue.look))
    await settle()
    await moody.call(MoodyDatabase.fall)
    await clock.advance(20.0)

    with pytest.raises(CallTimeout):
        await renamed
    assert not looked.done()
    await moody.call(MoodyDatabase.rise)
    await clock.advance(10.0)
    assert (await looked).name == "Birdland"
    assert await row(moody) == ("Birdland", 0, 2)
