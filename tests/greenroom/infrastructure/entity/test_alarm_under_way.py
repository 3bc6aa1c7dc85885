"""Reminders whose entities take their time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa

from greenroom import Ref
from greenroom.infrastructure import Entity, Reminder, Row, Snapshots, entities, entity_reminders
from greenroom.infrastructure.entity.alarm import BATCH, Alarm
from greenroom.testing import Tree, VirtualClock
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase


@dataclass(frozen=True)
class Held:
    """What an entity was reminded of."""

    reminded: tuple[str, ...] = ()


async def stored(database: Ref[MoodyDatabase]) -> list[Row]:
    rows: list[Row] = await database.call(MoodyDatabase.select, sa.select(*entity_reminders.columns))
    return rows


@dataclass
class Sluggish(Entity[int, Held], kind="sluggish"):
    """Takes its time for a reminder, or sets another one of the same name."""

    def initial(self) -> Held:
        return Held()

    async def hold(self, evening: str, seconds: float, every: float | None = None) -> None:
        await self.save(self.state, *self.remind(evening, seconds, every=every, note="first"))

    async def look(self) -> Held:
        return self.state

    async def handle_reminder(self, reminder: Reminder) -> None:
        reminded = Held((*self.state.reminded, reminder.note))
        if reminder.note == "first" and reminder.name == "again":
            await self.save(reminded, *self.remind("again", 0.0, note="second"))
        else:
            await self.save(reminded)
        await asyncio.sleep({"slow": 25.0, "slower": 100.0, "stuck": 1000.0}.get(reminder.name, 0.0))


@pytest.fixture
async def sluggish(tree: Tree, moody: Ref[MoodyDatabase]) -> None:
    await tree.start_supervised(entities(Sluggish, Snapshots(Held)))


async def test_an_entity_that_takes_its_time_does_not_hold_up_the_reminders_of_others(
    sluggish: None, clock: VirtualClock
) -> None:
    await Sluggish.at(1).call(Sluggish.hold, "slow", 1.0)
    await Sluggish.at(2).call(Sluggish.hold, "Friday", 2.0)

    await clock.advance(2.1)

    assert (await Sluggish.at(2).call(Sluggish.look)).reminded == ("first",)


async def test_one_whose_entity_takes_longer_than_a_claim_comes_once(
    sluggish: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await Sluggish.at(1).call(Sluggish.hold, "slower", 1.0)

    await clock.advance(300.0)

    assert (await Sluggish.at(1).call(Sluggish.look)).reminded == ("first",)
    assert await stored(moody) == []


async def test_one_whose_entity_is_at_it_is_claimed_by_no_other_program(
    sluggish: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await Sluggish.at(1).call(Sluggish.hold, "slower", 1.0)

    for _ in range(9):
        await clock.advance(10.5)
        (row,) = await stored(moody)
        assert row["held_until"] > clock.now()


async def test_entities_that_are_stuck_do_not_keep_others_from_being_reminded(
    sluggish: None, clock: VirtualClock
) -> None:
    for key in range(BATCH):
        await Sluggish.at(key).call(Sluggish.hold, "stuck", 1.0)
    await Sluggish.at(BATCH).call(Sluggish.hold, "Friday", 2.0)

    await clock.advance(45.0)

    assert (await Sluggish.at(BATCH).call(Sluggish.look)).reminded == ("first",)


async def test_one_that_can_not_be_claimed_does_not_hold_up_those_beside_it(
    sluggish: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    for key in range(3):
        await Sluggish.at(key).call(Sluggish.hold, "Friday", 1.0)
    await moody.call(MoodyDatabase.be, "refuses")

    await clock.advance(1.1)
    soon = [await Sluggish.at(key).call(Sluggish.look) for key in range(3)]
    await clock.advance(10.0)

    assert [held.reminded for held in soon] == [(), ("first",), ("first",)]
    assert (await Sluggish.at(0).call(Sluggish.look)).reminded == ("first",)


async def test_one_with_a_short_period_comes_at_each_of_its_times(sluggish: None, clock: VirtualClock) -> None:
    await Sluggish.at(1).call(Sluggish.hold, "Friday", 1.0, every=2.0)

    await clock.advance(8.5)

    assert (await Sluggish.at(1).call(Sluggish.look)).reminded == ("first",) * 4


async def test_times_that_come_while_the_entity_is_at_one_are_left_out(sluggish: None, clock: VirtualClock) -> None:
    await Sluggish.at(1).call(Sluggish.hold, "slow", 1.0, every=10.0)

    await clock.advance(60.0)

    assert (await Sluggish.at(1).call(Sluggish.look)).reminded == ("first",) * 2


async def test_more_than_may_be_under_way_at_once_come_as_others_are_through(
    sluggish: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    for key in range(BATCH + 20):
        await Sluggish.at(key).call(Sluggish.hold, "slow", 1.0)

    await clock.advance(20.0)
    first = [row for row in await stored(moody) if row["held_until"] is not None]
    await clock.advance(40.0)

    assert len(first) == BATCH
    reminded = [await Sluggish.at(key).call(Sluggish.look) for key in range(BATCH + 20)]
    assert {held.reminded for held in reminded} == {("first",)}
    assert await stored(moody) == []


async def test_one_that_is_set_anew_while_it_comes_is_another_whoever_takes_it_up(
    sluggish: None, moody: Ref[MoodyDatabase], clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Sluggish.at(1).call(Sluggish.hold, "again", 1.0)
    take_back = vars(Alarm)["_take_back"]

    async def another_program_is_faster(self: Alarm, row: Row) -> None:
        (anew,) = await stored(moody)
        held = {"held_until": clock.now() + timedelta(seconds=30)}
        await moody.call(MoodyDatabase.update, entity_reminders, anew["id"], held, version=anew["version"])
        await take_back(self, row)

    with monkeypatch.context() as patch:
        patch.setattr(Alarm, "_take_back", another_program_is_faster)
        await clock.advance(1.1)

    # The other program has claimed it and ends: it comes again when its time is over.
    (left,) = await stored(moody)
    assert left["note"] == "second"
    await clock.advance(41.0)
    assert (await Sluggish.at(1).call(Sluggish.look)).reminded == ("first", "second")
