from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, NewType

import pytest

from greenroom import (
    CallTimeout,
    NotAHandler,
    NotRunning,
    Ref,
    StartFailed,
    get_state,
    health_check,
    namespace,
    process_info,
)
from greenroom.infrastructure import Entity, Memory, entities
from greenroom.testing import Tree, VirtualClock, settle
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase
from tests.greenroom.infrastructure.entity.venues import Diary, Venue, home, venue_kind

BAR = Venue.at(7)

Name = NewType("Name", str)


@dataclass
class Queue(Entity[str, tuple[str, ...]], kind="queue"):
    """Keeps what it hears, in memory."""

    slow: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def initial(self) -> tuple[str, ...]:
        if self.key == "broken":
            raise ValueError("broken from the start")
        return ()

    async def heard(self) -> tuple[str, ...]:
        return self.state

    async def add(self, word: str) -> None:
        self.keep((*self.state, word))

    async def wait(self) -> None:
        await self.slow.wait()

    async def handle_info(self, message: object) -> None:
        self.keep((*self.state, f"info {message}"))


@pytest.fixture
async def queues(tree: Tree) -> None:
    await tree.start_supervised(entities(Queue, Memory(tuple[str, ...])))


async def test_the_first_call_starts_an_entity_and_the_next_finds_it(tree: Tree, queues: None) -> None:
    bar = Queue.at("bar")
    assert not bar.alive

    await bar.call(Queue.add, "hello")
    first = bar.where()
    await bar.call(Queue.add, "again")

    assert first is not None
    assert bar.where() is first
    assert await bar.call(Queue.heard) == ("hello", "again")


async def test_concurrent_first_calls_start_it_once(tree: Tree, moody: Ref[MoodyDatabase]) -> None:
    await tree.start_supervised(venue_kind())

    await asyncio.gather(*(BAR.call(Venue.look) for _ in range(100)))

    assert await BAR.call(Venue.times_asked) == 100
    assert await moody.call(MoodyDatabase.counts) == (0, 0)


async def test_many_that_start_in_one_turn_are_read_in_one_query(tree: Tree, moody: Ref[MoodyDatabase]) -> None:
    await tree.start_supervised(venue_kind("snapshots"))

    diaries = await asyncio.gather(*(Venue.at(key).call(Venue.look) for key in range(200)))

    assert diaries == [Diary(f"venue {key}") for key in range(200)]
    assert await moody.call(MoodyDatabase.counts) == (0, 1)


async def test_casts_and_messages_start_it_too_and_keep_their_order(tree: Tree, queues: None) -> None:
    bar = Queue.at("bar")
    bar.cast(Queue.add, "one")
    bar.send("two")
    bar.cast(Queue.add, "three")

    assert await bar.call(Queue.heard) == ("one", "info two", "three")
    bar.cast(Queue.add, "four")
    bar.send("five")
    assert await bar.call(Queue.heard) == ("one", "info two", "three", "four", "info five")


async def test_a_first_call_that_is_cancelled_leaves_the_others_their_answers(
    tree: Tree, moody: Ref[MoodyDatabase]
) -> None:
    await tree.start_supervised(venue_kind())
    first, second = (asyncio.ensure_future(BAR.call(Venue.look)) for _ in range(2))
    await asyncio.sleep(0)

    first.cancel()

    assert await second == Diary("venue 7")


async def test_the_same_key_of_another_kind_is_another_entity(tree: Tree, moody: Ref[MoodyDatabase]) -> None:
    await tree.start_supervised(venue_kind())
    await tree.start_supervised(entities(Numbered, Memory(Diary)))

    await BAR.call(Venue.whisper, "Blue Note")

    assert await Numbered.at(7).call(Numbered.look) == Diary("number 7")
    assert await BAR.call(Venue.look) == Diary("Blue Note")


@dataclass
class Numbered(Entity[int, Diary]):
    """Has no name of its own for its kind."""

    def initial(self) -> Diary:
        return Diary(f"number {self.key}")

    async def look(self) -> Diary:
        return self.state


def test_a_kind_is_named_for_its_class_unless_it_says_otherwise() -> None:
    assert (Numbered.kind, Venue.kind) == ("numbered", "venue")


def test_the_name_of_a_kind_has_no_slash() -> None:
    with pytest.raises(ValueError, match="expected a kind without a slash, got 'a/b'"):

        class Odd(Entity[int, Diary], kind="a/b"):  # pyright: ignore[reportUnusedClass]  # it must not be made
            pass


async def test_namespaces_have_entities_of_their_own(tree: Tree, queues: None) -> None:
    bar = Queue.at("bar")
    await bar.call(Queue.add, "here")

    with namespace("test:elsewhere"), pytest.raises(NotRunning):
        await bar.call(Queue.heard)


async def test_a_kind_that_does_not_run_answers_that_nothing_was_delivered(tree: Tree) -> None:
    Queue.at("bar").cast(Queue.add, "lost")
    Queue.at("bar").send("lost")

    with pytest.raises(NotRunning, match="expected <Queue 'bar'> to be running to answer heard") as caught:
        await Queue.at("bar").call(Queue.heard)

    assert caught.value.__notes__ == ["No entities(Queue, ...) runs here: it has to be a child in the tree."]


async def test_a_deadline_counts_the_start_as_well(tree: Tree, queues: None, clock: VirtualClock) -> None:
    waiting = asyncio.ensure_future(Queue.at("bar").within(2.0).call(Queue.wait))
    await clock.advance(1.9)
    assert not waiting.done()
    await clock.advance(0.2)

    with pytest.raises(CallTimeout):
        await waiting


async def test_what_is_no_handler_is_not_called(tree: Tree, queues: None) -> None:
    with pytest.raises(NotAHandler):
        await Queue.at("bar").call(Queue.erase)
    with pytest.raises(NotAHandler):
        Queue.at("club").cast(Queue.mark_dirty)


async def test_an_entity_that_does_not_start_says_why_to_all_and_is_tried_anew(tree: Tree, queues: None) -> None:
    broken = Queue.at("broken")
    broken.cast(Queue.add, "lost")

    answers = await asyncio.gather(*(broken.call(Queue.heard) for _ in range(3)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [StartFailed] * 3
    with pytest.raises(StartFailed, match="broken from the start"):
        await broken.call(Queue.heard)


@pytest.mark.parametrize("key", ["7", 7.5, None])
async def test_a_key_of_another_type_is_refused_and_starts_nothing(
    kind: None, moody: Ref[MoodyDatabase], key: Any
) -> None:
    # As from somebody's JSON; on SQLite "7" is 7 where the column is a number.
    strange = Venue.at(key)
    message = f"expected the key of a Venue to be of type int, got {key!r}"

    with pytest.raises(TypeError, match=message):
        await strange.call(Venue.look)
    with pytest.raises(TypeError, match=message):
        strange.cast(Venue.play)
    with pytest.raises(TypeError, match=message):
        strange.send("hello")

    assert not strange.alive


async def test_keys_are_of_the_type_that_a_class_or_its_base_says() -> None:
    class Hall(Venue):
        pass

    class Named(Entity[Name, Diary]):
        pass

    class Either(Entity[int | str, Diary]):
        pass

    class Whatever(Entity[Any, Diary]):
        pass

    assert [each.__keys__ for each in (Venue, Hall, Named, Either, Whatever)] == [int, int, str, object, object]


async def test_to_look_at_an_entity_does_not_start_it(kind: None) -> None:
    assert await health_check(BAR) == "service_unavailable"
    assert process_info(BAR) is None
    with pytest.raises(NotRunning):
        await get_state(BAR)
    assert await BAR.down() == "noproc"

    await BAR.call(Venue.look)

    assert await health_check(BAR) == "healthy"


async def test_an_address_is_a_value(tree: Tree) -> None:
    assert Venue.at(7) == BAR
    assert {Venue.at(7): "bar"}[BAR] == "bar"
    assert Venue.at(8) != BAR
    assert repr(BAR) == "<Venue 7>"


async def test_a_stopped_entity_comes_back_with_the_next_call(tree: Tree, queues: None) -> None:
    bar = Queue.at("bar")
    await bar.call(Queue.add, "hello")

    await bar.stop()
    await settle()

    assert not bar.alive
    assert await bar.call(Queue.heard) == ()


def test_a_home_is_a_home_of_states() -> None:
    assert home("columns").codec.unpack(home("snapshots").codec.pack(Diary("Blue Note", 3))) == Diary("Blue Note", 3)
