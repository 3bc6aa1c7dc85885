from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from greenroom import DynamicSupervisor, Ref, Supervisor, child, telemetry
from greenroom.foundation.process import Process
from greenroom.infrastructure import Entity, EntitySettings, Memory, NotFound, Row, entities
from greenroom.infrastructure.entity.dormant import Dormant
from greenroom.infrastructure.entity.live import Live
from greenroom.testing import Tree, VirtualClock, crash, settle
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase
from tests.greenroom.infrastructure.entity.venues import Diary, Venue, venue_kind, venues

BAR = Venue.at(7)
LIVE = Ref(Live, Venue.__entity__)


async def plays(database: Ref[MoodyDatabase], key: int) -> int | None:
    """What is stored of a venue's plays."""
    found: Row | NotFound = await database.call(MoodyDatabase.get, venues, key)
    return None if isinstance(found, NotFound) else found["plays"]


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


@dataclass
class Polite(Entity[int, Diary], kind="polite"):
    """Says good-bye."""

    said: list[str] = field(default_factory=list[str], init=False)

    def initial(self) -> Diary:
        return Diary()

    async def hello(self, said: list[str]) -> None:
        self.said = said

    async def look(self) -> Diary:
        return self.state

    async def terminate(self, reason: object) -> None:
        self.said.append(f"{self.key}: {reason}")
        await asyncio.sleep(0)
        await super().terminate(reason)


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


async def test_the_last_word_comes_at_shutdown_too(tree: Tree, clock: VirtualClock) -> None:
    kind = await tree.start_supervised(entities(Polite, Memory(Diary), EntitySettings(hibernate=8.0)))
    said = list[str]()
    for key in (7, 8):
        await Polite.at(key).call(Polite.hello, said)
    await clock.advance(12.0)

    stopping = asyncio.ensure_future(tree.stop(kind))
    await clock.advance(2.0)

    await stopping
    assert said == ["7: shutdown", "8: shutdown"]


async def test_one_that_has_just_died_does_not_disturb_the_sweep_or_the_end(tree: Tree, clock: VirtualClock) -> None:
    kind = await tree.start_supervised(venue_kind("memory", max_live=2))
    for key in (1, 2):
        await Venue.at(key).call(Venue.look)
    live_process = process_of(LIVE)

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


# Hibernation.


def process_of(ref: Ref[Any]) -> Process[Any]:
    found = ref.where()
    assert isinstance(found, Process)
    return found


async def test_an_entity_hibernates_and_wakes_with_the_next_message(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await tree.start_supervised(venue_kind(hibernate=8.0))
    await BAR.call(Venue.rename, "Blue Note")
    await BAR.call(Venue.look)

    await clock.advance(10.0)

    bar = process_of(BAR)
    assert isinstance(bar.server, Dormant)
    assert await BAR.call(Venue.look) == Diary("Blue Note")
    assert isinstance(bar.server, Venue)
    assert await BAR.call(Venue.times_asked) == 2


async def test_messages_of_all_kinds_wake_it(tree: Tree, clock: VirtualClock) -> None:
    await tree.start_supervised(venue_kind("memory", hibernate=8.0))
    await BAR.call(Venue.whisper, "Secret")
    bar = process_of(BAR)

    ways: list[Callable[[], object]] = [
        lambda: BAR.cast(Venue.whisper, "Louder"),
        lambda: BAR.send("anything"),
        lambda: bar.cast(Venue.look),
    ]
    for wake in ways:
        await clock.advance(10.0)
        assert isinstance(bar.server, Dormant)
        wake()
        wake()
        await settle()
        assert isinstance(bar.server, Venue)

    assert await BAR.call(Venue.look) == Diary("Louder")


async def test_an_entity_is_saved_before_it_hibernates(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await tree.start_supervised(venue_kind(hibernate=8.0))
    await BAR.call(Venue.play)

    await clock.advance(20.0)
    assert isinstance(process_of(BAR).server, Venue)
    await clock.advance(20.0)

    assert isinstance(process_of(BAR).server, Dormant)
    assert await plays(moody, 7) == 1


async def test_a_hibernating_entity_leaves_when_it_is_idle(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await tree.start_supervised(venue_kind(hibernate=8.0, idle=80.0))
    await BAR.call(Venue.look)

    await clock.advance(90.0)

    assert not BAR.alive


async def test_a_hibernating_entity_can_be_stopped(tree: Tree, clock: VirtualClock) -> None:
    await tree.start_supervised(entities(Polite, Memory(Diary), EntitySettings(hibernate=8.0)))
    said = list[str]()
    await Polite.at(7).call(Polite.hello, said)
    await clock.advance(10.0)

    await Polite.at(7).stop()

    assert said == ["7: normal"]


# The end of all.


async def test_everything_is_saved_at_shutdown(tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    kind = await tree.start_supervised(venue_kind())
    for key in range(50):
        await Venue.at(key).call(Venue.play, key)

    await tree.stop(kind)

    assert [await plays(moody, key) for key in range(50)] == list(range(50))
    assert (await moody.call(MoodyDatabase.counts))[0] == 1


async def test_a_handler_that_runs_at_shutdown_is_let_finish_and_what_it_changed_is_saved(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    kind = await tree.start_supervised(entities(Slow, Memory(Diary)))
    slow = asyncio.ensure_future(Slow.at(7).call(Slow.work))
    await settle()

    stopping = asyncio.ensure_future(tree.stop(kind))
    await clock.advance(2.0)

    assert await slow == "done"
    await stopping


@dataclass
class Slow(Entity[int, Diary], kind="slow"):
    """Takes its time."""

    def initial(self) -> Diary:
        return Diary()

    async def work(self) -> str:
        await asyncio.sleep(1.0)
        return "done"


async def test_what_can_not_be_saved_in_time_is_reported(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    kind = await tree.start_supervised(venue_kind(stop=10.0))
    await BAR.call(Venue.play)
    await moody.call(MoodyDatabase.fall)

    stopping = asyncio.ensure_future(tree.stop(kind))
    await clock.advance(9.0)
    assert not stopping.done()
    await clock.advance(3.0)

    await stopping
    assert "venue 7 ended (out of time) with changes" in caplog.text


async def test_a_database_that_comes_back_during_the_shutdown_gets_everything(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    kind = await tree.start_supervised(venue_kind())
    await BAR.call(Venue.play, 3)
    await moody.call(MoodyDatabase.fall)

    stopping = asyncio.ensure_future(tree.stop(kind))
    await clock.advance(5.0)
    await moody.call(MoodyDatabase.rise)
    await clock.advance(5.0)

    await stopping
    assert await plays(moody, 7) == 3


async def test_a_crash_of_the_supervisor_saves_everything_before_it_starts_anew(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await tree.start_supervised(venue_kind())
    await BAR.call(Venue.play, 3)

    await crash(LIVE, ValueError("a mistake"))
    await settle()

    assert await plays(moody, 7) == 3
    assert (await BAR.call(Venue.look)).plays == 3


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


# A kind whose supervisor is killed.


async def test_a_kind_that_was_killed_waits_for_what_it_left(tree: Tree, clock: VirtualClock) -> None:
    top = await tree.start_supervised(
        child(Supervisor, [entities(Slow, Memory(Diary))], strategy="one_for_one", max_restarts=1)
    )
    working = asyncio.ensure_future(Slow.at(7).call(Slow.work))
    await settle()

    # Those who are left hold the names of their successors, and to fail at that would count as another restart.
    Ref(Supervisor, f"{Slow.__entity__}/tree").exit("kill")
    await clock.advance(2.0)

    assert top.alive
    await asyncio.wait([working])
    again = asyncio.ensure_future(Slow.at(7).call(Slow.work))
    await clock.advance(2.0)
    assert await again == "done"
