"""Changes of an entity that leave rows and events in the same transaction."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from greenroom import Ref
from greenroom.infrastructure import Conflict, Database
from greenroom.infrastructure.event_store.follower import NEWS
from greenroom.testing import Tree, VirtualClock
from tests.greenroom.infrastructure.entity.moody_database import Mood, MoodyDatabase
from tests.greenroom.infrastructure.entity.venues import GIGS, Booked, Venue, gigs, venue_kind


async def test_a_change_may_add_a_row_and_append_to_the_stream_that_is_named_after_it(
    tree: Tree, database: Ref[Database]
) -> None:
    await tree.start_supervised(venue_kind())

    numbers = [await Venue.at(7).call(Venue.plan, artist) for artist in ("Nina", "Ella")]

    assert [each.event for each in await GIGS.read_stream("gig:2")] == [Booked("Ella")]
    rows = await database.call(Database.select, gigs.select().order_by(gigs.c.id))
    assert [(row["id"], row["artist"]) for row in rows] == [(numbers[0], "Nina"), (numbers[1], "Ella")]


async def test_a_row_that_is_refused_leaves_neither_a_change_nor_an_event(tree: Tree, database: Ref[Database]) -> None:
    await tree.start_supervised(venue_kind())
    await Venue.at(7).call(Venue.plan, "Nina")

    answer = await Venue.at(7).call(Venue.plan, "Nina")

    assert isinstance(answer, Conflict)
    assert answer.covers("artist")
    assert (await Venue.at(7).call(Venue.look)).plays == 1
    assert len(await GIGS.read()) == 1


async def test_whoever_follows_sees_at_once_what_an_entity_has_appended(tree: Tree, database: Ref[Database]) -> None:
    await tree.start_supervised(venue_kind())
    seen = asyncio.ensure_future(anext(replace(GIGS, poll=3600.0).follow()))
    while not NEWS.count():  # noqa: ASYNC110  # nothing tells of a listener that begins
        await asyncio.sleep(0)

    await Venue.at(7).call(Venue.plan, "Nina")

    assert (await seen).event == Booked("Nina")


@pytest.mark.parametrize("mood", ["loses it", "stores it and loses the answer"])
async def test_the_row_is_known_though_the_answer_to_the_commit_was_lost(
    tree: Tree, moody: Ref[MoodyDatabase], clock: VirtualClock, mood: Mood
) -> None:
    await tree.start_supervised(venue_kind())
    await Venue.at(7).call(Venue.plan, "Nina")
    await moody.call(MoodyDatabase.be, mood)

    answer = asyncio.ensure_future(Venue.at(7).call(Venue.plan, "Ella"))
    await clock.advance(1)

    assert await answer == 2
    assert [each.stream for each in await GIGS.read()] == ["gig:1", "gig:2"]
