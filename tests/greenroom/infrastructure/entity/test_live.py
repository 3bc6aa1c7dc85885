"""Which entities are in memory: who leaves when nobody asks, and who leaves first when there is no room."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from greenroom import DynamicSupervisor, Ref, Reply, telemetry
from greenroom.infrastructure import Entity, EntitySettings, Memory, entities
from greenroom.infrastructure.entity.live import Live
from greenroom.testing import Tree, VirtualClock, settle
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase, plays
from tests.greenroom.infrastructure.entity.venues import Diary, Polite, Venue, venue_kind

BAR = Venue.at(7)
LIVE = Ref(Live, Venue.__entity__)


async def live() -> int:
    return (await LIVE.call(DynamicSupervisor.count_children)).active


def alive(keys: Iterable[int]) -> list[int]:
    return [key for key in keys if Venue.at(key).alive]


# Idle entities.


async def test_an_entity_leaves_after_half_an_hour_without_a_call(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await tree.start_supervised(venue_kind())
    await BAR.call(Venue.look)

    await clock.advance(1800.0)
    assert BAR.alive
    await clock.advance(1800.0 / 8)

    assert not BAR.alive
    assert await live() == 0


async def test_an_entity_that_is_used_stays(tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    await tree.start_supervised(venue_kind(idle=80.0))
    await BAR.call(Venue.look)
    bar = BAR.where()
    assert bar is not None

    for _ in range(10):
        await clock.advance(79.0)
        # By whatever address.
        await bar.call(Venue.look)

    assert BAR.where() is bar


@dataclass
class Waiting(Entity[int, Diary], kind="waiting"):
    """Owes answers."""

    owed: list[Reply[str]] = field(default_factory=list[Reply[str]], init=False)

    def initial(self) -> Diary:
        return Diary()

    def wait(self) -> Reply[str]:
        self.owed.append(Reply())
        return self.owed[-1]

    async def pay(self) -> None:
        for reply in self.owed:
            reply.send("at last")


async def test_an_entity_that_owes_an_answer_stays(tree: Tree, clock: VirtualClock) -> None:
    await tree.start_supervised(entities(Waiting, Memory(Diary), EntitySettings(idle=80.0)))
    answer = asyncio.ensure_future(Waiting.at(7).within(None).call(Waiting.wait))
    await settle()
    process = Waiting.at(7).where()

    await clock.advance(800.0)
    assert Waiting.at(7).where() is process
    await Waiting.at(7).call(Waiting.pay)

    assert await answer == "at last"


async def test_an_entity_is_saved_before_it_leaves(tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    await tree.start_supervised(venue_kind(idle=80.0, save_interval=1000.0))
    await BAR.call(Venue.play, 3)

    await clock.advance(110.0)

    assert not BAR.alive
    assert await plays(moody, 7) == 3
    assert (await BAR.call(Venue.look)).plays == 3


async def test_an_entity_that_can_not_be_saved_does_not_leave(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await tree.start_supervised(venue_kind(idle=80.0))
    await BAR.call(Venue.play, 3)
    await moody.call(MoodyDatabase.fall)

    await clock.advance(1000.0)

    assert BAR.alive
    await moody.call(MoodyDatabase.rise)
    await clock.advance(100.0)
    assert not BAR.alive
    assert await plays(moody, 7) == 3


async def test_a_kind_may_stay_for_ever(tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    await tree.start_supervised(venue_kind(idle=None))
    await BAR.call(Venue.look)

    await clock.advance(1_000_000.0)

    assert BAR.alive


async def test_an_entity_with_a_last_word_has_it_before_it_leaves(tree: Tree, clock: VirtualClock) -> None:
    await tree.start_supervised(entities(Polite, Memory(Diary), EntitySettings(idle=80.0)))
    said = list[str]()
    await Polite.at(7).call(Polite.hello, said)

    await clock.advance(90.0)

    assert said == ["7: Shutdown(detail='retired')"]
    assert not Polite.at(7).alive
    assert await Polite.at(7).call(Polite.look) == Diary()


async def test_who_makes_room_has_its_last_word_before(tree: Tree, clock: VirtualClock) -> None:
    await tree.start_supervised(entities(Polite, Memory(Diary), EntitySettings(max_live=1)))
    said = list[str]()
    await Polite.at(7).call(Polite.hello, said)
    first = Polite.at(7).find()

    for key in (8, 7):
        await clock.advance(6.0)
        await Polite.at(key).call(Polite.hello, said)

    assert said == ["7: Shutdown(detail='retired')", "8: Shutdown(detail='retired')"]
    assert Polite.at(7).find() is not first


@dataclass
class Talker(Entity[int, Diary], kind="talker"):
    """Has a last word without end."""

    def initial(self) -> Diary:
        return Diary()

    async def look(self) -> Diary:
        return self.state

    async def terminate(self, reason: object) -> None:
        await asyncio.Event().wait()


async def test_a_last_word_without_end_is_cut_short(
    tree: Tree, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await tree.start_supervised(entities(Talker, Memory(Diary), EntitySettings(max_live=1)))
    await Talker.at(7).call(Talker.look)
    first = Talker.at(7).find()
    await clock.advance(6.0)

    other = asyncio.ensure_future(Talker.at(8).within(None).call(Talker.look))
    again = asyncio.ensure_future(Talker.at(7).within(None).call(Talker.look))
    await clock.advance(4.0)
    assert not other.done()
    await clock.advance(20.0)

    assert (await other, await again) == (Diary(), Diary())
    assert not first.alive
    assert "takes too long to leave, and is killed" in caplog.text


async def test_one_that_has_just_died_does_not_disturb_the_sweep_or_the_end(tree: Tree, clock: VirtualClock) -> None:
    kind = await tree.start_supervised(venue_kind("memory", max_live=2))
    for key in (1, 2):
        await Venue.at(key).call(Venue.look)
    live_process = LIVE.find()

    for act in (lambda: live_process.put((Live.sweep, (1000.0,), {}, None)), lambda: Venue.at(3).cast(Venue.look)):
        act()
        Venue.at(1).exit("kill")
        await settle()
        await Venue.at(1).call(Venue.look)
    assert LIVE.where() is live_process

    Venue.at(1).exit("kill")
    await tree.stop(kind)


async def test_thousands_leave_without_holding_anybody_up(tree: Tree, clock: VirtualClock) -> None:
    await tree.start_supervised(venue_kind("memory", idle=80.0))
    for key in range(3000):
        Venue.at(key).cast(Venue.look)
    await settle()
    assert await live() == 3000

    await clock.advance(90.0)

    assert await live() == 0


# Limits.


async def test_the_least_recently_used_leave_first(tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    await tree.start_supervised(venue_kind(max_live=3))
    for key in (1, 2, 3):
        await Venue.at(key).call(Venue.look)
        await clock.advance(6.0)
    await Venue.at(1).call(Venue.look)
    await clock.advance(6.0)

    await Venue.at(4).call(Venue.look)
    assert alive(range(1, 6)) == [1, 3, 4]
    await Venue.at(5).call(Venue.look)
    assert alive(range(1, 6)) == [1, 4, 5]


async def test_what_must_make_room_is_saved_before(tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    await tree.start_supervised(venue_kind(max_live=2))
    await Venue.at(1).call(Venue.play, 3)
    await Venue.at(2).call(Venue.play, 4)
    await clock.advance(6.0)

    started = asyncio.ensure_future(Venue.at(3).call(Venue.look))
    await clock.advance(1.0)

    assert await started == Diary("venue 3")
    assert await live() <= 2
    stored = {key: await plays(moody, key) for key in (1, 2)}
    assert stored.pop(1) == 3
    assert (await Venue.at(1).call(Venue.look)).plays == 3


async def test_there_are_never_more_than_the_limit(tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    await tree.start_supervised(venue_kind(max_live=5))
    most = 0

    async def visit(key: int) -> None:
        nonlocal most
        await Venue.at(key).within(None).call(Venue.play)
        most = max(most, len(alive(range(40))))

    visits = asyncio.gather(*(visit(key) for key in range(40)))
    while not visits.done():
        await clock.advance(0.5)

    await visits
    assert most <= 5
    await clock.advance(40.0)
    assert [await plays(moody, key) for key in range(40)] == [1] * 40


# Telemetry.


async def test_the_life_of_an_entity_is_told(tree: Tree, clock: VirtualClock) -> None:
    await tree.start_supervised(venue_kind("memory", idle=80.0, hibernate=8.0))
    told = list[tuple[str, object]]()
    names = ("activate", "hibernate", "retire")
    telemetry.attach_many(
        "test",
        [("greenroom", "entity", name) for name in names],
        lambda event, _, metadata: told.append((event[2], metadata["key"])),
    )

    await BAR.call(Venue.look)
    await clock.advance(90.0)

    telemetry.detach("test")
    assert told == [(name, 7) for name in names]
