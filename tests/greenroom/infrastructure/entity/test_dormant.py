"""Entities that hibernate: packed until the next message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from greenroom import Monitor, Ref, Rejected, Supervisor, child, get_state, get_status
from greenroom.foundation.process import Process
from greenroom.infrastructure import Entity, EntitySettings, Memory, entities
from greenroom.infrastructure.entity.dormant import Dormant
from greenroom.testing import Tree, VirtualClock, settle
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase, plays
from tests.greenroom.infrastructure.entity.venues import Diary, Polite, Venue, venue_kind

BAR = Venue.at(7)


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


async def test_messages_that_come_together_wake_it_once_and_undo_nothing(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await tree.start_supervised(venue_kind(hibernate=8.0))
    await BAR.call(Venue.count_down)
    await clock.advance(10.0)
    assert isinstance(process_of(BAR).server, Dormant)

    for _ in range(3):
        BAR.cast(Venue.count_down)
    await settle()

    assert await BAR.call(Venue.look) == Diary("venue 7", 4)
    assert await plays(moody, 7) == 4


async def test_whoever_looks_at_it_sees_the_entity(tree: Tree, clock: VirtualClock) -> None:
    await tree.start_supervised(venue_kind("memory", hibernate=8.0))
    await BAR.call(Venue.whisper, "Secret")
    await clock.advance(10.0)

    seen = await get_state(BAR)
    await clock.advance(20.0)
    status = await get_status(BAR)

    assert isinstance(seen, Venue)
    assert seen.state == Diary("Secret")
    assert status.info.server is Venue
    await clock.advance(20.0)
    assert isinstance(process_of(BAR).server, Dormant)


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


@dataclass(frozen=True)
class Loose:
    """A state that may hold what nobody can pack."""

    value: object = None


@dataclass
class Guest(Entity[int, Loose], kind="guest"):
    """Keeps what it is given, watches what it is told to, and turns down what it does not like."""

    watched: Monitor | None = field(default=None, init=False)

    def initial(self) -> Loose:
        return Loose()

    async def take(self, value: object) -> None:
        self.keep(Loose(value))

    async def turn_down(self) -> None:
        raise Rejected("no")

    async def watch(self, ref: Ref[Any]) -> None:
        self.watched = self.monitor(ref)

    async def look_away(self) -> None:
        assert self.watched is not None
        self.demonitor(self.watched)

    async def handle_info(self, message: object) -> None:
        self.watched = None


async def test_what_an_entity_was_tied_to_once_does_not_keep_it_awake(tree: Tree, clock: VirtualClock) -> None:
    await tree.start_supervised(entities(Guest, Memory(Loose), EntitySettings(hibernate=8.0)))
    other = await tree.start_supervised(child(Supervisor, [], strategy="one_for_one").named("other"))
    with pytest.raises(Rejected):
        await Guest.at(1).call(Guest.turn_down)
    await Guest.at(2).call(Guest.watch, other)

    await clock.advance(10.0)
    assert isinstance(process_of(Guest.at(1)).server, Dormant)
    assert isinstance(process_of(Guest.at(2)).server, Guest)

    await Guest.at(2).call(Guest.look_away)
    await clock.advance(10.0)
    assert isinstance(process_of(Guest.at(2)).server, Dormant)


async def test_an_entity_that_can_not_be_packed_stays_awake_and_costs_nobody_else(
    tree: Tree, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await tree.start_supervised(entities(Guest, Memory(Loose), EntitySettings(hibernate=8.0, idle=80.0)))
    await Guest.at(1).call(Guest.take, object())
    await Guest.at(2).call(Guest.take, 7)

    await clock.advance(40.0)

    assert isinstance(process_of(Guest.at(1)).server, Guest)
    assert isinstance(process_of(Guest.at(2)).server, Dormant)
    assert caplog.text.count("guest 1 can not be packed, and stays awake: TypeError") == 1
    await clock.advance(50.0)
    assert not Guest.at(1).alive


def process_of(ref: Ref[Any]) -> Process[Any]:
    found = ref.where()
    assert isinstance(found, Process)
    return found
