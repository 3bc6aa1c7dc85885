"""Reminders, on a clock that stands still."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from greenroom import OutsideProcess, Ref, child, namespace
from greenroom.infrastructure import (
    DatabaseUrl,
    Entity,
    EntitySettings,
    Insert,
    Reminder,
    Returning,
    Row,
    Snapshots,
    entities,
    entity_reminders,
    entity_snapshots,
)
from greenroom.infrastructure.entity.alarm import Alarm
from greenroom.testing import Tree, VirtualClock, crash, expected_crash, settle
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase
from tests.greenroom.infrastructure.entity.venues import Diary, Strict, gigs


@dataclass(frozen=True)
class Held:
    """What a hall holds, and what it was reminded of."""

    holds: tuple[str, ...] = ()
    reminded: tuple[str, ...] = ()


@dataclass
class Hall(Entity[int, Held], kind="hall"):
    """Holds evenings, and lets them go when a reminder says so."""

    fails: bool = field(default=False, init=False)

    def initial(self) -> Held:
        return Held()

    async def hold(self, evening: str, seconds: float, every: float | None = None) -> None:
        held = replace(self.state, holds=(*self.state.holds, evening))
        await self.save(held, *self.remind(evening, seconds, every=every, note=f"let go of {evening}"))

    async def confirm(self, evening: str) -> None:
        await self.save(self.state, self.forget(evening))

    async def look(self) -> Held:
        return self.state

    async def fail_next(self) -> None:
        self.fails = True

    async def handle_reminder(self, reminder: Reminder) -> None:
        if self.fails:
            raise ValueError("a mistake")
        holds = tuple(held for held in self.state.holds if held != reminder.name)
        await self.save(Held(holds, (*self.state.reminded, reminder.note)))


HALL = Hall.at(7)
HALLS = entities(Hall, Snapshots(Held), EntitySettings(idle=300.0))


async def stored(database: Ref[MoodyDatabase]) -> list[Row]:
    rows: list[Row] = await database.call(MoodyDatabase.select, sa.select(*entity_reminders.columns))
    return rows


@pytest.fixture
async def halls(tree: Tree, moody: Ref[MoodyDatabase]) -> None:
    await tree.start_supervised(HALLS)


async def test_a_reminder_comes_when_it_is_due(halls: None, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    await HALL.call(Hall.hold, "Friday", 60.0)

    await clock.advance(59.9)
    assert await HALL.call(Hall.look) == Held(("Friday",))
    await clock.advance(0.2)

    assert await HALL.call(Hall.look) == Held((), ("let go of Friday",))
    assert await stored(moody) == []


async def test_one_that_is_due_before_it_is_stored_comes_as_soon_as_it_is(
    halls: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await HALL.call(Hall.look)
    await moody.call(MoodyDatabase.be, "loses it")
    holding = asyncio.ensure_future(HALL.call(Hall.hold, "Friday", 0.01))
    await clock.advance(1.0)
    await holding

    assert await HALL.call(Hall.look) == Held((), ("let go of Friday",))


async def test_it_starts_the_entity_that_it_is_for(halls: None, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    await HALL.call(Hall.hold, "Friday", 3600.0)
    await clock.advance(1800.0)
    assert not HALL.alive

    await clock.advance(1801.0)

    assert await HALL.call(Hall.look) == Held((), ("let go of Friday",))


async def test_it_can_be_set_with_the_row_of_an_entity_that_is_only_being_made(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await tree.start_supervised(HALLS)
    made = Returning(Insert(gigs, {"venue": 1, "artist": "Nina"}))

    await moody.call(
        MoodyDatabase.transact,
        made,
        lambda _: Hall.first_reminder(made.row["id"], "open", clock.now() + timedelta(seconds=60), note="doors"),
    )
    await clock.advance(70.0)

    assert await Hall.at(made.row["id"]).call(Hall.look) == Held((), ("doors",))
    assert await stored(moody) == []


async def test_it_survives_a_restart_of_everything(tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    halls = await tree.start_supervised(HALLS)
    await HALL.call(Hall.hold, "Friday", 60.0)
    await tree.stop(halls)
    await clock.advance(600.0)

    await tree.start_supervised(HALLS)
    await clock.advance(1.0)

    assert await HALL.call(Hall.look) == Held((), ("let go of Friday",))


async def test_an_entity_whose_row_another_program_has_changed_is_reminded_all_the_same(
    halls: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await HALL.call(Hall.hold, "Friday", 60.0)
    await moody.call(MoodyDatabase.update, entity_snapshots, "hall/7", {"kind": "hall"})

    await clock.advance(60.1)

    assert await HALL.call(Hall.look) == Held((), ("let go of Friday",))
    assert await stored(moody) == []


async def test_it_is_set_with_the_change_or_not_at_all(
    halls: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await HALL.call(Hall.look)
    await moody.call(MoodyDatabase.be, "refuses")

    with pytest.raises(Exception, match="could not be changed"):
        await HALL.call(Hall.hold, "Friday", 60.0)

    assert await stored(moody) == []
    assert await HALL.call(Hall.look) == Held()


async def test_it_can_be_taken_back_and_set_anew(halls: None, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    await HALL.call(Hall.hold, "Friday", 60.0)
    await HALL.call(Hall.hold, "Saturday", 60.0)
    await HALL.call(Hall.confirm, "Friday")
    await HALL.call(Hall.hold, "Saturday", 120.0)

    await clock.advance(100.0)
    assert (await HALL.call(Hall.look)).reminded == ()
    await clock.advance(21.0)

    assert (await HALL.call(Hall.look)).reminded == ("let go of Saturday",)


async def test_with_a_period_it_comes_again_and_again(
    halls: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await HALL.call(Hall.hold, "Friday", 10.0, every=60.0)

    await clock.advance(191.0)

    assert (await HALL.call(Hall.look)).reminded == ("let go of Friday",) * 4
    assert len(await stored(moody)) == 1


async def test_times_that_were_missed_come_once(tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    halls = await tree.start_supervised(HALLS)
    await HALL.call(Hall.hold, "Friday", 10.0, every=60.0)
    await tree.stop(halls)
    await clock.advance(600.0)

    await tree.start_supervised(HALLS)
    await clock.advance(9.0)

    assert (await HALL.call(Hall.look)).reminded == ("let go of Friday",)
    (left,) = await stored(moody)
    assert left["due"] - clock.now() == timedelta(seconds=1.0)


async def test_it_is_repeated_until_the_entity_is_through_with_it(
    halls: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await HALL.call(Hall.hold, "Friday", 60.0)
    await HALL.call(Hall.fail_next)

    with expected_crash(ValueError):
        await clock.advance(61.0)
    assert await HALL.call(Hall.look) == Held(("Friday",))
    await clock.advance(41.0)

    assert await HALL.call(Hall.look) == Held((), ("let go of Friday",))


@dataclass
class Doorman(Entity[int, Held], kind="doorman"):
    """Sets the reminder that it is told of anew, as long as there is an evening left."""

    def initial(self) -> Held:
        return Held(("Friday", "Saturday", "Sunday"))

    async def open(self) -> None:
        await self.save(self.state, *self.remind("doors", 60.0))

    async def look(self) -> Held:
        return self.state

    async def handle_reminder(self, reminder: Reminder) -> None:
        evening, *left = self.state.holds
        again = self.remind("doors", 60.0) if left else ()
        await self.save(Held(tuple(left), (*self.state.reminded, evening)), *again)


async def test_it_may_be_set_anew_by_the_one_who_is_told_of_it(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await tree.start_supervised(entities(Doorman, Snapshots(Held)))
    await Doorman.at(7).call(Doorman.open)

    await clock.advance(200.0)

    assert await Doorman.at(7).call(Doorman.look) == Held((), ("Friday", "Saturday", "Sunday"))
    assert await stored(moody) == []


async def test_while_the_database_is_gone_it_waits(halls: None, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    await HALL.call(Hall.hold, "Friday", 60.0)
    await moody.call(MoodyDatabase.fall)
    await clock.advance(100.0)

    await moody.call(MoodyDatabase.rise)
    await clock.advance(10.0)

    assert await HALL.call(Hall.look) == Held((), ("let go of Friday",))


async def test_two_programs_deliver_it_once(tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    # Two programs are two sets of names: the database is known in both.
    await tree.start_supervised(HALLS)
    await HALL.call(Hall.hold, "Friday", 60.0)
    database = moody.where()
    assert database is not None
    with namespace("test:another program"):
        url = DatabaseUrl.parse(database.find().server.url.address)
        other = await child(MoodyDatabase, url).named("database").start()
        others = await HALLS.start()

        await clock.advance(100.0)
        await HALL.call(Hall.look)
        elsewhere = await HALL.call(Hall.look)
        await others.stop()
        await other.stop()

    assert elsewhere.reminded == ("let go of Friday",)
    assert await stored(moody) == []


async def test_a_reminder_of_an_entity_that_is_gone_is_dropped(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await tree.start_supervised(entities(Strict, Snapshots(Diary)))
    values = {
        "id": "x", "kind": "strict", "key": "7", "name": "Friday", "note": "", "due": clock.now(), "every": None,
        "held_until": None, "version": 1,
    }  # fmt: skip
    await moody.call(MoodyDatabase.insert, entity_reminders, values)

    await clock.advance(11.0)

    assert await stored(moody) == []
    assert "expected a strict with the key 7, got none: its reminder 'Friday' is dropped" in caplog.text


async def test_the_alarm_may_crash(halls: None, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    await HALL.call(Hall.hold, "Friday", 60.0)

    await crash(Ref(Alarm, f"{Hall.__entity__}/alarm"))
    await clock.advance(61.0)

    assert (await HALL.call(Hall.look)).reminded == ("let go of Friday",)


async def test_what_is_stored_after_the_end_of_the_alarm_sets_no_timer(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    kind = await tree.start_supervised(HALLS)
    await HALL.call(Hall.look)
    await moody.call(MoodyDatabase.be, "loses it")
    holding = asyncio.ensure_future(HALL.call(Hall.hold, "Friday", 60.0))
    await settle()

    # The alarm is the first to end, and the hall waits until it knows what became of the write.
    stopping = asyncio.ensure_future(tree.stop(kind))
    await clock.advance(1.0)

    await asyncio.gather(holding, stopping)
    assert len(await stored(moody)) == 1
    # A timer that is there when all processes are gone is an error of the test.


async def test_many_reminders_at_one_time_are_all_delivered(
    halls: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    for key in range(250):
        await Hall.at(key).call(Hall.hold, "Friday", 60.0)

    await clock.advance(61.0)
    await settle()

    reminded = await asyncio.gather(*(Hall.at(key).call(Hall.look) for key in range(250)))
    assert {held.reminded for held in reminded} == {("let go of Friday",)}


def test_an_entity_without_a_process_can_not_be_reminded() -> None:
    with pytest.raises(OutsideProcess):
        Hall.of(7, Held()).remind("Friday", 10.0)
