"""What becomes of an entity, and of its callers, when another program has changed its row."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from greenroom import Ref
from greenroom.infrastructure import (
    Columns,
    Conflict,
    Entity,
    Insert,
    NotFound,
    Refusal,
    Stale,
    StaleState,
    Step,
    Update,
    entities,
)
from greenroom.testing import Tree, VirtualClock, settle
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase, row
from tests.greenroom.infrastructure.entity.venues import Diary, Venue, venues

BAR = Venue.at(7)


async def meddle(database: Ref[MoodyDatabase], name: str) -> None:
    """Change the row, as another program would."""
    await database.call(MoodyDatabase.update, venues, 7, {"name": name}, version=1)


async def test_a_process_that_was_overtaken_overwrites_nothing_and_its_successor_knows_better(
    kind: None, moody: Ref[MoodyDatabase]
) -> None:
    await BAR.call(Venue.rename, "Blue Note")
    await meddle(moody, "Birdland")

    with pytest.raises(StaleState, match="expected venue 7 to be stored at version 1"):
        await BAR.call(Venue.count_down)

    assert await row(moody) == ("Birdland", 0, 2)
    assert await BAR.call(Venue.count_down) == 1
    assert await row(moody) == ("Birdland", 1, 3)


async def test_those_who_waited_behind_an_overtaken_request_are_heard_by_the_successor(
    kind: None, moody: Ref[MoodyDatabase]
) -> None:
    await BAR.call(Venue.rename, "Blue Note")
    await meddle(moody, "Birdland")

    answers = await asyncio.gather(*(BAR.call(Venue.count_down) for _ in range(3)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [StaleState, int, int]
    assert await row(moody) == ("Birdland", 2, 4)


async def test_a_debounced_write_of_an_overtaken_process_overwrites_nothing_and_is_reported(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await BAR.call(Venue.rename, "Blue Note")
    await BAR.call(Venue.play)
    await meddle(moody, "Birdland")

    await clock.advance(30.0)

    assert await row(moody) == ("Birdland", 0, 2)
    assert await BAR.call(Venue.look) == Diary("Birdland", 0)
    assert "changes of the last 30.000 s that were not saved" in caplog.text


async def test_a_new_entity_that_another_program_has_stored_first_is_not_overwritten(
    kind: None, moody: Ref[MoodyDatabase]
) -> None:
    await BAR.call(Venue.look)
    await moody.call(MoodyDatabase.insert, venues, {"id": 7, "name": "Birdland", "plays": 3, "version": 1})

    with pytest.raises(StaleState):
        await BAR.call(Venue.rename, "Blue Note")

    assert await BAR.call(Venue.look) == Diary("Birdland", 3)


@dataclass
class Twin(Entity[int, Diary], kind="twin"):
    """Changes its own row, and with it another one of the same table."""

    def initial(self) -> Diary:
        return Diary(f"twin {self.key}")

    async def change(self, step: Step) -> Refusal | None:
        return await self.save(replace(self.state, plays=self.state.plays + 1), step)

    async def look(self) -> Diary:
        return self.state


@pytest.mark.parametrize(
    ("step", "refusal"),
    [
        (Update(venues, 8, {"plays": 1}, 5), Stale),
        (Update(venues, 9, {"plays": 1}), NotFound),
        (Insert(venues, {"id": 8, "name": "another", "plays": 0, "version": 1}), Conflict),
    ],
    ids=["stale", "missing", "taken"],
)
async def test_a_refusal_about_another_row_of_the_table_is_the_answer(
    tree: Tree, moody: Ref[MoodyDatabase], step: Step, refusal: type[Refusal]
) -> None:
    await tree.start_supervised(entities(Twin, Columns(venues, Diary)))
    await moody.call(MoodyDatabase.insert, venues, {"id": 8, "name": "twin 8", "plays": 0, "version": 1})

    assert isinstance(await Twin.at(7).call(Twin.change, step), refusal)

    assert await Twin.at(7).call(Twin.look) == Diary("twin 7")
    assert await row(moody) is None


@dataclass
class Busker(Entity[int, Diary], kind="busker"):
    """Stores that it plays, and takes its time."""

    runs: list[int] = field(default_factory=list[int], init=False)

    def initial(self) -> Diary:
        return Diary(f"busker {self.key}")

    async def play(self, runs: list[int]) -> int:
        runs.append(self.key)
        await self.save(replace(self.state, plays=self.state.plays + 1))
        self.save_later(replace(self.state, name="tired"))
        await asyncio.sleep(100.0)
        return self.state.plays

    async def look(self) -> Diary:
        return self.state


async def test_a_handler_that_runs_while_its_entity_is_overtaken_is_let_finish_and_not_run_again(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await tree.start_supervised(entities(Busker, Columns(venues, Diary)))
    runs: list[int] = []
    playing = asyncio.ensure_future(Busker.at(7).within(None).call(Busker.play, runs))
    await settle()
    looking = asyncio.ensure_future(Busker.at(7).within(None).call(Busker.look))
    await meddle(moody, "Birdland")

    await clock.advance(30.0)
    assert not playing.done()
    await clock.advance(71.0)

    assert (await playing, runs) == (1, [7])
    # Whoever waited behind is heard by one that knows better.
    assert await looking == Diary("Birdland", 1)
    assert await row(moody) == ("Birdland", 1, 2)


async def test_a_debounced_change_that_an_overtaken_one_takes_along_is_reported(
    kind: None, moody: Ref[MoodyDatabase], clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await BAR.call(Venue.rename, "Blue Note")
    await BAR.call(Venue.play)
    await meddle(moody, "Birdland")
    await clock.advance(10.0)

    with pytest.raises(StaleState):
        await BAR.call(Venue.rename, "Village Vanguard")
    await settle()

    assert "changes of the last 10.000 s that were not saved" in caplog.text
    assert await BAR.call(Venue.look) == Diary("Birdland", 0)
    await clock.advance(60.0)
    assert await row(moody) == ("Birdland", 0, 2)
