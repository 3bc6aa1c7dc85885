"""What becomes of entities when their kind is stopped, crashes or is killed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from greenroom import Ref, ServerDown, Supervisor, child
from greenroom.infrastructure import Columns, Database, Entity, EntitySettings, Memory, NotFound, entities
from greenroom.infrastructure.entity.live import Live
from greenroom.testing import Tree, VirtualClock, crash, settle
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase, plays
from tests.greenroom.infrastructure.entity.venues import Diary, Polite, Slow, Venue, venue_kind, venues

BAR = Venue.at(7)
LIVE = Ref(Live, Venue.__entity__)


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
    kind = await tree.start_supervised(entities(Slow, Columns(venues, Diary)))
    slow = asyncio.ensure_future(Slow.at(7).call(Slow.work))
    await settle()

    stopping = asyncio.ensure_future(tree.stop(kind))
    await clock.advance(2.0)

    assert await slow == "done"
    await stopping
    assert await plays(moody, 7) == 1


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


async def test_an_entity_that_is_told_to_end_while_it_stores_comes_back_with_what_it_stored(
    tree: Tree, database: Ref[Database]
) -> None:
    await tree.start_supervised(venue_kind())
    for n in range(10):
        await BAR.call(Venue.look)
        renaming = asyncio.ensure_future(BAR.call(Venue.rename, f"bar {n}"))
        while not BAR.find().working:  # noqa: ASYNC110  # no event for it
            await asyncio.sleep(0)

        BAR.exit("shutdown")
        with pytest.raises(ServerDown):
            await renaming

        seen = await BAR.call(Venue.look)
        assert await database.call(Database.get, venues, 7) == {
            "id": 7,
            "name": seen.name,
            "plays": 0,
            "version": n + 1,
        }
        assert seen.name == f"bar {n}"


@dataclass
class Hasty(Entity[int, Diary], kind="hasty"):
    """Does not wait for its changes to be stored."""

    def initial(self) -> Diary:
        return Diary(f"hasty {self.key}")

    async def rename(self, name: str) -> bool:
        try:
            async with asyncio.timeout(0):
                await self.save(Diary(name))
        except TimeoutError:
            return False
        return True

    async def look(self) -> Diary:
        return self.state


async def test_an_entity_that_did_not_wait_for_its_change_comes_back_with_what_became_of_it(
    tree: Tree, database: Ref[Database]
) -> None:
    await tree.start_supervised(entities(Hasty, Columns(venues, Diary)))
    hasty = Hasty.at(7)
    for n in range(10):
        renaming = asyncio.ensure_future(hasty.call(Hasty.rename, f"hasty {n}"))
        # One that waits behind is heard by whoever knows what is stored.
        behind, _ = await asyncio.gather(hasty.call(Hasty.look), renaming)

        seen = await hasty.call(Hasty.look)
        stored = await database.call(Database.get, venues, 7)

        assert not isinstance(stored, NotFound)
        assert seen.name == stored["name"] == f"hasty {n}"
        assert behind.name in (f"hasty {n}", "hasty 7", f"hasty {n - 1}")


async def test_a_kind_that_was_killed_waits_for_what_it_left(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    top = await tree.start_supervised(
        child(Supervisor, [entities(Slow, Columns(venues, Diary))], strategy="one_for_one", max_restarts=1)
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
