"""When in a handler's life, or a process's, what it has published is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from greenroom import Ref, ServerDown, StartFailed, Topic, namespace
from greenroom.infrastructure import Columns, Entity, entities
from greenroom.testing import Tree, VirtualClock, expected_crash, settle
from tests.greenroom.infrastructure.entity.loud import Loud, Played, Renamed, Sign, Unwelcome, topic_of
from tests.greenroom.infrastructure.entity.venues import Diary, venues


@dataclass
class Farewell(Entity[int, Diary], kind="farewell"):
    """Has a last word."""

    def initial(self) -> Diary:
        return Diary()

    async def leave(self) -> str:
        self.publish(topic_of(self.key), Played(1))
        self.stop()
        return "left"

    async def terminate(self, reason: object) -> None:
        self.publish(topic_of(self.key), Renamed("closed"))


@dataclass
class Opening(Entity[int, Diary], kind="opening"):
    """Tells that it is there, unless it can not start, and once more after a while."""

    def initial(self) -> Diary:
        return Diary()

    async def init(self) -> None:
        self.publish(topic_of(7), Played(self.key))
        await asyncio.sleep(0)
        if self.key > 1:
            raise ValueError("a mistake")
        self.after(1.0, Opening.tell)

    async def look(self) -> Diary:
        return self.state

    async def tell(self) -> None:
        self.publish(topic_of(7), Renamed("later"))


async def test_a_handler_that_waits_has_told_nothing_before_it_is_through(sign: Ref[Sign]) -> None:
    waiting = asyncio.ensure_future(Loud.at(7).call(Loud.tell_and_wait))
    await settle()
    before = await sign.call(Sign.show)

    Loud.at(7).find().server.gate.set()

    assert await waiting == "told"
    assert before == []
    assert await sign.call(Sign.show) == [Played(1), Played(2)]


async def test_a_handler_that_is_killed_has_told_nothing(sign: Ref[Sign]) -> None:
    waiting = asyncio.ensure_future(Loud.at(7).call(Loud.tell_and_wait))
    await settle()

    Loud.at(7).exit("kill")

    with pytest.raises(ServerDown):
        await waiting
    assert await sign.call(Sign.show) == []


async def test_a_handler_whose_answer_comes_later_has_told_when_it_returns(sign: Ref[Sign]) -> None:
    asking = asyncio.ensure_future(Loud.at(7).call(Loud.tell_and_answer_later))
    await settle()

    assert await sign.call(Sign.show) == [Played(1)]
    Loud.at(7).find().server.later.fail(Unwelcome())
    with pytest.raises(Unwelcome):
        await asking
    assert await sign.call(Sign.show) == [Played(1)]


async def test_the_last_handler_tells_before_the_last_word(tree: Tree, sign: Ref[Sign]) -> None:
    await tree.start_supervised(entities(Farewell, Columns(venues, Diary)))

    assert await Farewell.at(7).call(Farewell.leave) == "left"
    assert await Loud.at(7).call(Loud.tell_and_stop) == "stopped"

    assert await sign.call(Sign.show) == [Played(1), Renamed("closed"), Played(1)]


@pytest.mark.parametrize("fail", [False, True], ids=["succeeds", "fails"])
async def test_what_comes_next_is_told_by_itself(sign: Ref[Sign], *, fail: bool) -> None:
    await Loud.at(7).call(Loud.tell_and_go_on, fail=fail)
    before = await sign.call(Sign.show)
    await Loud.at(7).call(Loud.look)

    assert before == [Played(1)]
    assert await sign.call(Sign.show) == ([Played(1)] if fail else [Played(1), Played(2)])


async def test_a_reminder_is_told_once_it_is_through(sign: Ref[Sign], clock: VirtualClock) -> None:
    await Loud.at(7).call(Loud.set_reminder)

    await clock.advance(11)
    before = await sign.call(Sign.show)
    await clock.advance(60)

    assert before == []
    assert await sign.call(Sign.show) == [Played(2)]


async def test_what_is_published_at_the_start_is_told_once_that_has_succeeded(
    tree: Tree, sign: Ref[Sign], clock: VirtualClock
) -> None:
    await tree.start_supervised(entities(Opening, Columns(venues, Diary)))

    await Opening.at(1).call(Opening.look)
    with pytest.raises(StartFailed):
        await Opening.at(2).call(Opening.look)
    before = await sign.call(Sign.show)
    await clock.advance(1.0)

    assert before == [Played(1)]
    assert await sign.call(Sign.show) == [Played(1), Renamed("later")]


async def test_an_entity_that_has_subscribed_hears_itself(sign: Ref[Sign]) -> None:
    await Loud.at(7).call(Loud.listen_and_tell)
    await settle()

    # What it hears is a message, with which it plays.
    assert await sign.call(Sign.show) == [Renamed("to all"), Played(1)]


@pytest.mark.parametrize("is_busy", [False, True], ids=["inline", "queued"])
async def test_a_topic_that_can_not_be_one_ends_the_process_and_nothing_else(sign: Ref[Sign], *, is_busy: bool) -> None:
    await Loud.at(7).call(Loud.look)
    nonsense: Any = Topic(["a list"])  # type: ignore[arg-type]

    with expected_crash(TypeError):
        if is_busy:
            Loud.at(7).cast(Loud.look)
        await asyncio.wait([asyncio.ensure_future(Loud.at(7).call(Loud.tell_on, nonsense))])
        await settle()

    await Loud.at(7).call(Loud.play)
    assert await sign.call(Sign.show) == [Played(1)]


async def test_what_no_handler_is_responsible_for_is_told_at_once(sign: Ref[Sign]) -> None:
    await Loud.at(7).call(Loud.tell_by_a_task_of_its_own)
    await settle()

    assert await sign.call(Sign.show) == [Played(1)]


async def test_an_entity_without_a_process_tells_at_once() -> None:
    async with topic_of(7).listen() as heard:
        await Loud.of(7, Diary()).rename("Blue Note")

        assert await anext(heard) == Renamed("Blue Note")


async def test_an_entity_is_heard_in_its_own_namespace_whoever_calls_it(sign: Ref[Sign]) -> None:
    await Loud.at(7).call(Loud.look)
    process = Loud.at(7).find()

    with namespace("tenant:other"):
        async with topic_of(7).listen() as heard:
            await process.call(Loud.play)
            topic_of(7).publish(Played(100))

            assert await anext(heard) == Played(100)

    assert await sign.call(Sign.show) == [Played(1)]
