from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

import pytest

from greenroom import Ref, telemetry
from greenroom.infrastructure import Entity, SaveRefused, Snapshots, entities
from greenroom.infrastructure.entity.saver import Saver
from greenroom.infrastructure.entity.store import Store
from greenroom.testing import Tree, VirtualClock, crash, expected_crash, settle
from tests.greenroom.infrastructure.entity.moody_database import Mood, MoodyDatabase, plays, row
from tests.greenroom.infrastructure.entity.venues import Diary, Venue, venue_kind

BAR = Venue.at(7)
SAVER = Ref(Saver, f"{Venue.__entity__}/saver")


async def test_many_are_written_in_one_transaction(kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    for key in range(400):
        await Venue.at(key).call(Venue.play, key)

    await clock.advance(31.0)

    assert [await plays(moody, key) for key in range(400)] == list(range(400))
    assert (await moody.call(MoodyDatabase.counts))[0] == 1


@pytest.mark.expected_crash(reason=SaveRefused)
async def test_a_refused_state_leaves_its_neighbours_alone(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    for key in range(20):
        await Venue.at(key).call(Venue.play, 5000 if key == 13 else key)

    await clock.advance(30.0)

    assert [await plays(moody, key) for key in range(20) if key != 13] == [key for key in range(20) if key != 13]
    assert await plays(moody, 13) is None
    # One for all, one without it; it is not asked for again.
    assert (await moody.call(MoodyDatabase.counts))[0] == 2


@dataclass
class Reckless(Entity[int, Diary], kind="reckless"):
    """Takes any name, also one that nobody can store."""

    def initial(self) -> Diary:
        return Diary()

    async def rename(self, name: str) -> None:
        self.save_later(Diary(name))

    async def look(self) -> Diary:
        return self.state


async def test_a_state_that_can_not_be_packed_costs_its_entity_alone(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await tree.start_supervised(entities(Reckless, Snapshots(Diary)))
    saver = Ref(Saver, f"{Reckless.__entity__}/saver")
    process = saver.where()
    for key, name in enumerate(("Nina", "\ud800", "Mary")):
        await Reckless.at(key).call(Reckless.rename, name)

    with expected_crash(SaveRefused):
        await clock.advance(30.0)

    assert saver.where() is process
    assert [Reckless.at(key).find() is not None for key in range(3)] == [True, False, True]
    assert [Reckless.at(key).find().server.is_dirty for key in (0, 2)] == [False, False]
    assert await Reckless.at(1).call(Reckless.look) == Diary()


@pytest.mark.parametrize("guilty", [0, 1, 2])
async def test_a_failure_that_may_be_the_fault_of_one_does_not_hold_up_the_others(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock, guilty: int
) -> None:
    for key in range(3):
        await Venue.at(key).call(Venue.play)
    singly: list[Mood] = ["well"] * 3
    singly[guilty] = "calls it wrong"
    await moody.call(MoodyDatabase.be, "calls it wrong", *singly)

    await clock.advance(30.0)
    before = [await plays(moody, key) for key in range(3)]
    await clock.advance(1.0)

    assert before == [None if key == guilty else 1 for key in range(3)]
    assert [await plays(moody, key) for key in range(3)] == [1, 1, 1]


async def test_a_steady_stream_of_changes_is_written_within_twice_the_interval(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    oldest = 0.0
    for second in range(200):
        await BAR.call(Venue.play)
        await clock.advance(1.0)
        stored = await plays(moody, 7) or 0
        oldest = max(oldest, second + 1 - stored)

    assert 30.0 < oldest <= 60.0
    assert (await moody.call(MoodyDatabase.counts))[0] <= 4


async def test_a_change_during_a_write_is_written_with_the_next(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await BAR.call(Venue.play)
    await clock.advance(30.0)
    await BAR.call(Venue.play)
    await clock.advance(30.0)

    assert await plays(moody, 7) == 2
    assert await BAR.call(Venue.standing) == (False, 2)


async def test_a_failed_write_is_reported_and_repeated_with_longer_and_longer_pauses(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    pauses = list[float]()
    event = ("greenroom", "entity", "save_failed")
    telemetry.attach("test", event, lambda _, measurements, __: pauses.append(measurements["pause"]))
    await BAR.call(Venue.play)
    await moody.call(MoodyDatabase.fall)

    await clock.advance(50.0)

    telemetry.detach("test")
    assert pauses == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    assert "1 entities of kind venue are not saved, next try in 0.5 s: expected the database to work" in caplog.text
    assert await BAR.call(Venue.play) == 2
    assert await BAR.call(Venue.standing) == (True, 0)
    await moody.call(MoodyDatabase.rise)
    await clock.advance(5.0)
    assert await plays(moody, 7) == 2
    assert "entities of kind venue are saved again" in caplog.text


@pytest.mark.parametrize("mood", ["loses it", "stores it and loses the answer"])
async def test_a_write_whose_outcome_is_unknown_is_stored_once(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock, mood: str
) -> None:
    for key in range(5):
        await Venue.at(key).call(Venue.play, key)
    await moody.call(MoodyDatabase.be, mood)  # type: ignore[arg-type]  # one of the moods

    await clock.advance(31.0)

    assert [await plays(moody, key) for key in range(5)] == list(range(5))
    assert await Venue.at(3).call(Venue.count_down) == 4
    assert await Venue.at(3).call(Venue.standing) == (False, 2)


async def test_a_write_with_its_time_in_the_row_is_known_again_when_its_outcome_was_not(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    milliseconds = count()

    def now(_: object) -> datetime:
        return clock.now() + timedelta(milliseconds=next(milliseconds))

    monkeypatch.setattr(Store, "now", now)
    await tree.start_supervised(venue_kind("snapshots"))
    await BAR.call(Venue.play)
    await moody.call(MoodyDatabase.be, "stores it and loses the answer")
    await clock.advance(30.0)
    process = BAR.where()

    await BAR.call(Venue.play)
    await clock.advance(61.0)

    assert BAR.where() is process
    assert await BAR.call(Venue.standing) == (False, 2)
    assert (await BAR.call(Venue.look)).plays == 2


async def test_an_immediate_change_waits_for_a_write_that_is_under_way(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await BAR.call(Venue.play)
    await moody.call(MoodyDatabase.be, "loses it", "refuses")
    await clock.advance(30.0)

    renamed = asyncio.ensure_future(BAR.call(Venue.rename, "Blue Note"))
    await clock.advance(1.0)

    assert await renamed is None
    assert await BAR.call(Venue.look) == Diary("Blue Note", 1)
    assert await BAR.call(Venue.standing) == (False, 2)


@pytest.mark.parametrize("mood", ["loses it", "stores it and loses the answer"])
async def test_an_immediate_change_finds_out_first_what_became_of_a_write_whose_writer_has_ended(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock, mood: Mood
) -> None:
    await BAR.call(Venue.play)
    process = BAR.where()
    # The writer asks again, and does not live to hear what comes of that.
    await moody.call(MoodyDatabase.be, mood, "refuses")
    await clock.advance(30.0)
    await crash(SAVER)

    assert await BAR.call(Venue.rename, "Blue Note") is None

    assert await row(moody) == ("Blue Note", 1, 2)
    assert BAR.where() is process


async def test_a_crowded_backlog_is_written_without_waiting(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await tree.start_supervised(venue_kind(max_unsaved=100))

    for key in range(300):
        await Venue.at(key).call(Venue.play, key)
        await settle()

    await clock.advance(30.0)
    assert [await plays(moody, key) for key in range(300)] == list(range(300))


@pytest.mark.parametrize("error", [None, ValueError("a mistake")])
async def test_the_writer_may_crash_and_nothing_is_forgotten(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock, error: Exception | None
) -> None:
    await BAR.call(Venue.play)
    await crash(SAVER, error)
    await BAR.call(Venue.play)
    await Venue.at(8).call(Venue.play)

    await clock.advance(60.0)

    assert (await plays(moody, 7), await plays(moody, 8)) == (2, 1)


async def test_the_writer_may_crash_in_the_middle_of_a_write(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await BAR.call(Venue.play)
    await moody.call(MoodyDatabase.be, "stores it and loses the answer", "refuses")
    await clock.advance(30.0)

    await crash(SAVER)
    await BAR.call(Venue.play)
    await clock.advance(60.0)

    assert await plays(moody, 7) == 2
