"""What an entity publishes reaches processes and iterators once it is certain, and never if it comes to nothing."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import pytest

from greenroom import Ref, ServerDown
from greenroom.infrastructure import Conflict, NotSaved, StaleState
from greenroom.testing import VirtualClock, expected_crash, settle
from tests.greenroom.infrastructure.entity.loud import Loud, Played, Rename, Renamed, Sign, Unwelcome, topic_of
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase
from tests.greenroom.infrastructure.entity.venues import venues


async def test_a_change_is_told_to_processes_and_iterators(sign: Ref[Sign]) -> None:
    async with topic_of(7).listen() as heard:
        await Loud.at(7).call(Loud.rename, "Blue Note")

        assert await anext(heard) == Renamed("Blue Note")
    assert await sign.call(Sign.show) == [Renamed("Blue Note")]


async def test_whoever_has_the_answer_finds_that_all_were_told_and_whoever_was_told_finds_the_change(
    sign: Ref[Sign],
) -> None:
    seen: list[str] = []

    async def follow() -> None:
        async with topic_of(7).listen() as heard:
            ready.set()
            await anext(heard)
            seen.append((await Loud.at(7).call(Loud.look)).name)

    ready = asyncio.Event()
    following = asyncio.ensure_future(follow())
    await ready.wait()
    await Loud.at(7).call(Loud.rename, "Blue Note")
    told = await sign.call(Sign.show)
    await following

    assert told == [Renamed("Blue Note")]
    assert seen == ["Blue Note"]


@pytest.mark.parametrize("rename", [Loud.rename, Loud.rename_then_tell], ids=["before", "after"])
async def test_nothing_is_told_of_what_is_refused_or_can_not_be_stored(
    sign: Ref[Sign], moody: Ref[MoodyDatabase], rename: Rename
) -> None:
    await Loud.at(8).call(Loud.rename, "Blue Note")
    await moody.call(MoodyDatabase.be, "well", "refuses")

    assert isinstance(await Loud.at(7).call(rename, "Blue Note"), Conflict)
    with pytest.raises(NotSaved):
        await Loud.at(7).call(rename, "Birdland")

    assert await sign.call(Sign.show) == []


async def test_nothing_is_told_of_a_change_that_was_overtaken(sign: Ref[Sign], moody: Ref[MoodyDatabase]) -> None:
    await Loud.at(7).call(Loud.rename, "Blue Note")
    await moody.call(MoodyDatabase.update, venues, 7, {"name": "Birdland"}, version=1)

    with pytest.raises(StaleState):
        await Loud.at(7).call(Loud.rename, "Village Vanguard")

    assert await sign.call(Sign.show) == [Renamed("Blue Note")]


async def test_a_handler_that_makes_do_without_its_change_has_told_nothing_of_it(
    sign: Ref[Sign], moody: Ref[MoodyDatabase]
) -> None:
    await moody.call(MoodyDatabase.be, "refuses")

    assert not await Loud.at(7).call(Loud.rename_or_keep_quiet, "Blue Note")

    assert await sign.call(Sign.show) == []


@pytest.mark.parametrize("error", [Unwelcome(), ValueError("a mistake")], ids=["rejected", "crashed"])
async def test_a_change_that_is_stored_is_told_even_if_its_handler_fails_later(
    sign: Ref[Sign], error: Exception
) -> None:
    crashing = expected_crash(ValueError) if isinstance(error, ValueError) else nullcontext()
    with crashing, pytest.raises((Unwelcome, ServerDown)):
        await Loud.at(7).call(Loud.rename_and, "Blue Note", error)

    assert await sign.call(Sign.show) == [Renamed("Blue Note")]
    assert (await Loud.at(7).call(Loud.look)).name == "Blue Note"


async def test_a_change_whose_outcome_is_not_known_yet_is_told_when_it_is(
    sign: Ref[Sign], moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await Loud.at(7).call(Loud.rename, "Birdland")
    await moody.call(MoodyDatabase.be, "stores it and loses the answer")
    renaming = asyncio.ensure_future(Loud.at(7).call(Loud.rename, "Blue Note"))
    await settle()
    await moody.call(MoodyDatabase.fall)
    await clock.advance(1)
    before = await sign.call(Sign.show)

    await moody.call(MoodyDatabase.rise)
    await clock.advance(5)

    assert before == [Renamed("Birdland")]
    assert await renaming is None
    assert await sign.call(Sign.show) == [Renamed("Birdland"), Renamed("Blue Note")]


async def test_a_change_that_is_written_later_is_told_at_once(sign: Ref[Sign], moody: Ref[MoodyDatabase]) -> None:
    await Loud.at(7).call(Loud.play)
    Loud.at(7).cast(Loud.play)
    Loud.at(7).send("play")
    await Loud.at(7).call(Loud.play)

    assert await sign.call(Sign.show) == [Played(1), Played(2), Played(3), Played(4)]
    assert await moody.call(MoodyDatabase.counts) == (0, 0)
