"""The levels of durability, one entity at a time, on a clock that stands still."""

from __future__ import annotations

import pytest

from greenroom import Ref, ServerDown, StartFailed, get_status, telemetry
from greenroom.infrastructure import (
    Columns,
    Conflict,
    DatabaseError,
    KeptInMemory,
    NoSuchEntity,
    NotSaved,
    SaveRefused,
    StaleState,
    entities,
)
from greenroom.testing import Tree, VirtualClock, crash, expected_crash, settle
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase, row
from tests.greenroom.infrastructure.entity.venues import Diary, Spoilt, Strict, Venue, notes, venue_kind, venues

BAR = Venue.at(7)


# Rules without a process.


async def test_rules_can_be_tested_without_a_process() -> None:
    venue = Venue.of(7, Diary("Blue Note", 3))

    assert await venue.rename("Village Vanguard") is None
    assert await venue.play() == 4
    assert venue.state == Diary("Village Vanguard", 4)
    assert not venue.is_dirty


# Immediate.


async def test_an_immediate_change_is_stored_when_it_is_answered(kind: None, moody: Ref[MoodyDatabase]) -> None:
    assert await BAR.call(Venue.rename, "Blue Note") is None

    assert await row(moody) == ("Blue Note", 0, 1)
    assert await BAR.call(Venue.standing) == (False, 1)


async def test_each_write_raises_the_version(kind: None, moody: Ref[MoodyDatabase]) -> None:
    for name in ("Blue Note", "Village Vanguard", "Birdland"):
        await BAR.call(Venue.rename, name)

    assert await row(moody) == ("Birdland", 0, 3)


async def test_a_refusal_by_the_table_is_the_answer_and_changes_nothing(kind: None, moody: Ref[MoodyDatabase]) -> None:
    await Venue.at(8).call(Venue.rename, "Blue Note")
    await BAR.call(Venue.rename, "Birdland")

    refusal = await BAR.call(Venue.rename, "Blue Note")

    assert isinstance(refusal, Conflict)
    assert refusal.covers("name")
    assert (await BAR.call(Venue.look)).name == "Birdland"
    assert await row(moody) == ("Birdland", 0, 1)


async def test_what_goes_with_a_change_is_stored_with_it_or_not_at_all(kind: None, moody: Ref[MoodyDatabase]) -> None:
    assert await BAR.call(Venue.note, "a", "opened") is None
    refusal = await BAR.call(Venue.note, "a", "closed")

    assert isinstance(refusal, Conflict)
    assert refusal.table == "notes"
    assert await row(moody) == ("opened", 0, 1)
    assert (await moody.call(MoodyDatabase.get, notes, "a"))["text"] == "opened"
    assert (await BAR.call(Venue.look)).name == "opened"


async def test_while_the_database_is_gone_an_immediate_change_is_refused_and_the_entity_lives_on(
    kind: None, moody: Ref[MoodyDatabase]
) -> None:
    await BAR.call(Venue.rename, "Blue Note")
    bar = BAR.where()
    await moody.call(MoodyDatabase.fall)

    with pytest.raises(NotSaved, match="venue 7 could not be changed: expected the database to work, got lost"):
        await BAR.call(Venue.rename, "Birdland")

    assert (await BAR.call(Venue.look)).name == "Blue Note"
    assert BAR.where() is bar
    await moody.call(MoodyDatabase.rise)
    await BAR.call(Venue.rename, "Birdland")
    assert await row(moody) == ("Birdland", 0, 2)


async def test_a_database_that_does_not_run_refuses_immediate_changes(tree: Tree, moody: Ref[MoodyDatabase]) -> None:
    await tree.start_supervised(venue_kind())
    await BAR.call(Venue.look)
    await tree.stop(moody)

    with pytest.raises(NotSaved):
        await BAR.call(Venue.rename, "Birdland")

    assert await BAR.call(Venue.look) == Diary("venue 7", 0)


# Debounced, and in memory.


async def test_a_debounced_change_is_answered_at_once_and_stored_later(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    assert await BAR.call(Venue.play) == 1
    assert await BAR.call(Venue.standing) == (True, 0)
    assert await row(moody) is None

    await clock.advance(30.0)

    assert await row(moody) == ("venue 7", 1, 1)
    assert await BAR.call(Venue.standing) == (False, 1)


async def test_an_immediate_change_takes_debounced_ones_with_it(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await BAR.call(Venue.play)

    await BAR.call(Venue.rename, "Blue Note")

    assert await row(moody) == ("Blue Note", 1, 1)
    assert await BAR.call(Venue.standing) == (False, 1)
    await clock.advance(60.0)
    assert await row(moody) == ("Blue Note", 1, 1)


async def test_a_refused_immediate_change_leaves_a_debounced_one_waiting(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await Venue.at(8).call(Venue.rename, "Blue Note")
    await BAR.call(Venue.play)

    assert isinstance(await BAR.call(Venue.rename, "Blue Note"), Conflict)

    assert await BAR.call(Venue.standing) == (True, 0)
    await clock.advance(30.0)
    assert await row(moody) == ("venue 7", 1, 1)


async def test_a_change_in_memory_is_not_stored(kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock) -> None:
    await BAR.call(Venue.whisper, "Secret")
    await clock.advance(120.0)

    assert (await BAR.call(Venue.look)).name == "Secret"
    assert await row(moody) is None


async def test_what_was_kept_in_memory_can_be_marked_to_be_stored(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await BAR.call(Venue.whisper, "Secret")
    await BAR.call(Venue.touch)
    await clock.advance(30.0)

    assert await row(moody) == ("Secret", 0, 1)


async def test_what_is_dirty_can_be_stored_at_once(kind: None, moody: Ref[MoodyDatabase]) -> None:
    await BAR.call(Venue.play)
    assert await BAR.call(Venue.persist_if_dirty) is None
    assert await BAR.call(Venue.persist_if_dirty) is None

    assert await row(moody) == ("venue 7", 1, 1)


async def test_an_entity_knows_when_it_was_stored_last(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    venue = Venue.of(7, Diary())
    assert venue.last_persisted is None
    await clock.advance(12.5)
    await BAR.call(Venue.rename, "Blue Note")

    bar = BAR.find().server

    assert bar.last_persisted == clock.now()


async def test_too_many_unsaved_entities_are_refused_and_change_nothing(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await tree.start_supervised(venue_kind(max_unsaved=3))
    for key in (1, 2, 3, 4):
        await Venue.at(key).call(Venue.look)
    await moody.call(MoodyDatabase.fall)
    for key in (1, 2, 3):
        await Venue.at(key).call(Venue.play)

    with pytest.raises(NotSaved, match="3 others wait to be written"):
        await Venue.at(4).call(Venue.play)

    assert (await Venue.at(4).call(Venue.look)).plays == 0
    assert await Venue.at(3).call(Venue.play) == 2
    await moody.call(MoodyDatabase.rise)
    await clock.advance(10.0)
    assert await Venue.at(4).call(Venue.play) == 1


async def test_a_debounced_state_that_the_table_forbids_ends_the_process_loudly(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await BAR.call(Venue.rename, "Blue Note")
    await BAR.call(Venue.play, 5000)

    with expected_crash(SaveRefused) as crashes:
        await clock.advance(30.0)

    assert len(crashes) == 1
    assert "changes of the last 30.000 s that were not saved" in caplog.text
    assert await BAR.call(Venue.look) == Diary("Blue Note", 0)


# Crashes.


async def test_after_a_kill_the_last_stored_state_is_there_again(
    kind: None, moody: Ref[MoodyDatabase], caplog: pytest.LogCaptureFixture
) -> None:
    await BAR.call(Venue.rename, "Blue Note")
    await BAR.call(Venue.play)

    await crash(BAR)

    assert await BAR.call(Venue.look) == Diary("Blue Note", 0)
    assert "venue 7 ended (killed) with changes" in caplog.text


@pytest.mark.expected_crash(reason=Spoilt)
async def test_a_handler_that_fails_costs_what_was_not_stored_and_says_so(
    kind: None, moody: Ref[MoodyDatabase], caplog: pytest.LogCaptureFixture
) -> None:
    lost = list[object]()
    telemetry.attach("test", ("greenroom", "entity", "lost"), lambda _, __, metadata: lost.append(metadata["state"]))
    await BAR.call(Venue.rename, "Blue Note")

    with pytest.raises(ServerDown):
        await BAR.call(Venue.spoil)
    await settle()

    telemetry.detach("test")
    assert await BAR.call(Venue.look) == Diary("Blue Note", 0)
    assert lost == [Diary("Blue Note", 1)]
    assert "venue 7 ended (Spoilt) with changes of the last 0.000 s that were not saved" in caplog.text


async def test_stopped_in_good_order_an_entity_stores_what_is_not_stored(kind: None, moody: Ref[MoodyDatabase]) -> None:
    await BAR.call(Venue.play)

    await BAR.stop()

    assert await row(moody) == ("venue 7", 1, 1)


# Coming and going of rows.


async def test_an_erased_entity_leaves_and_nothing_of_it_is_stored(kind: None, moody: Ref[MoodyDatabase]) -> None:
    await BAR.call(Venue.rename, "Blue Note")
    await BAR.call(Venue.play)

    assert await BAR.call(Venue.close) is None

    assert await row(moody) is None
    assert await BAR.call(Venue.look) == Diary("venue 7", 0)


@pytest.mark.parametrize("later", [False, True])
async def test_what_is_saved_after_everything_was_erased_is_stored_anew(
    kind: None, moody: Ref[MoodyDatabase], later: bool
) -> None:
    await BAR.call(Venue.rename, "Blue Note")
    await BAR.call(Venue.play)

    await BAR.call(Venue.begin_anew, later=later)

    assert await row(moody) == ("anew", 0, 1)
    assert await BAR.call(Venue.look) == Diary("anew")


async def test_an_entity_that_was_never_stored_can_be_erased(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await BAR.call(Venue.play)

    assert await BAR.call(Venue.close) is None

    await clock.advance(60.0)
    assert await row(moody) is None
    assert await BAR.call(Venue.look) == Diary("venue 7")


async def test_an_entity_that_another_program_has_stored_first_is_not_erased(
    kind: None, moody: Ref[MoodyDatabase]
) -> None:
    await BAR.call(Venue.look)
    await moody.call(MoodyDatabase.insert, venues, {"id": 7, "name": "Blue Note", "plays": 1, "version": 1})

    with pytest.raises(StaleState):
        await BAR.call(Venue.close)

    assert await BAR.call(Venue.look) == Diary("Blue Note", 1)


async def test_a_row_whose_version_counts_no_write_is_refused_before_its_changes_are(
    kind: None, moody: Ref[MoodyDatabase]
) -> None:
    await moody.call(MoodyDatabase.insert, venues, {"id": 7, "name": "Blue Note", "plays": 1, "version": 0})

    with pytest.raises(StartFailed, match="expected the rows of venues to have versions from 1 on, got 0 for 7"):
        await BAR.call(Venue.look)


async def test_an_entity_without_a_row_or_an_initial_state_is_no_entity(tree: Tree, moody: Ref[MoodyDatabase]) -> None:
    await tree.start_supervised(entities(Strict, Columns(venues, Diary)))

    with pytest.raises(NoSuchEntity, match="expected a strict with the key 7, got none"):
        await Strict.at(7).call(Strict.look)
    await moody.call(MoodyDatabase.insert, venues, {"id": 7, "name": "Blue Note", "plays": 3, "version": 1})

    assert await Strict.at(7).call(Strict.look) == Diary("Blue Note", 3)


@pytest.mark.expected_crash(reason=KeptInMemory)
async def test_a_kind_in_memory_can_not_be_stored(tree: Tree, clock: VirtualClock) -> None:
    await tree.start_supervised(venue_kind("memory"))
    await BAR.call(Venue.whisper, "Secret")
    assert (await BAR.call(Venue.look)).name == "Secret"

    for method in (Venue.play, Venue.count_down):
        with pytest.raises(ServerDown) as caught:
            await BAR.call(method)
        assert isinstance(caught.value.reason, KeptInMemory)


async def test_an_entity_that_can_not_be_read_is_not_started(kind: None, moody: Ref[MoodyDatabase]) -> None:
    await moody.call(MoodyDatabase.fall)

    with pytest.raises(DatabaseError, match="got lost"):
        await BAR.call(Venue.look)

    await moody.call(MoodyDatabase.rise)
    assert await BAR.call(Venue.look) == Diary("venue 7", 0)


# What is shown.


async def test_the_status_shows_the_state_and_nothing_of_the_runtime(kind: None) -> None:
    await BAR.call(Venue.rename, "Blue Note")

    shown = str((await get_status(BAR)).state)

    assert f"'state': {Diary('Blue Note', 0)}" in shown
    assert "__" not in shown
