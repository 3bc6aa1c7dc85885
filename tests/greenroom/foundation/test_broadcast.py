import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom import GenServer, Ref, Shutdown
from greenroom.foundation.broadcast import MOST, Audience
from greenroom.foundation.namespace import current_namespace
from greenroom.testing import Tree, crash, settle, state

OWN = -1
MOOD: ContextVar[str] = ContextVar("mood", default="calm")
Publish = Callable[[object], None]
Way = Literal["broadcast", "send", "cast", "call"]
Manner = Literal["at once", "after a while", "with a note to itself", "with a mood", "and rests for long"]


@dataclass(frozen=True)
class News:
    sender: int
    number: int
    manner: Manner = "at once"


@dataclass
class Reader(GenServer):
    heard: list[object] = field(default_factory=list[object])
    moods: list[str] = field(default_factory=list[str])
    is_moody: bool = False
    gate: asyncio.Event | None = None
    answer: Callable[[], object] | None = None

    async def handle_info(self, message: object) -> None:
        self.heard.append(message)
        self.moods.append(MOOD.get())
        if self.is_moody:
            MOOD.set("merry")
        if self.answer is not None and message == "first":
            self.answer()
        if self.gate is not None:
            await self.gate.wait()
        match message:
            case News(manner="after a while"):
                await asyncio.sleep(0)
            case News(manner="with a note to itself"):
                self.ref.send("note")
            case News(manner="with a mood"):
                MOOD.set("merry")
            case News(manner="and rests for long"):
                self.idle(3600)
            case Shutdown():
                self.stop(message)
            case Exception():
                raise message
            case _:
                pass

    async def read(self, message: object) -> int:
        await self.handle_info(message)
        return len(self.heard)


def telling(readers: Sequence[Ref[Reader]], most: int = MOST) -> Publish:
    """How to tell all of them at once, and those who do not rest by a message each."""
    audience = Audience([reader.find() for reader in readers], current_namespace(), most)

    def publish(event: object) -> None:
        for other in audience.tell(event):
            other.send(event)

    return publish


def sending(readers: Sequence[Ref[Reader]]) -> Publish:
    """How to tell each of them by a message."""

    def publish(event: object) -> None:
        for reader in readers:
            reader.send(event)

    return publish


def everyone(event: object, readers: Sequence[Ref[Reader]]) -> None:
    telling(readers)(event)


async def three(tree: Tree) -> list[Ref[Reader]]:
    return [await tree.start(Reader) for _ in range(3)]


async def test_everyone_who_rests_gets_the_message(tree: Tree) -> None:
    readers = await three(tree)

    everyone("news", readers)
    await settle()

    assert [state(reader).heard for reader in readers] == [["news"]] * 3


async def test_those_who_do_not_rest_are_answered_and_get_nothing(tree: Tree) -> None:
    idle, busy, gone = await three(tree)
    processes = [idle.find(), busy.find(), gone.find()]
    busy.send("before")
    await tree.stop(gone)

    others = Audience(processes, current_namespace()).tell("news")
    await settle()

    assert others == processes[1:]
    assert state(idle).heard == ["news"]
    assert state(busy).heard == ["before"]


async def test_a_call_right_after_a_broadcast_comes_second(tree: Tree) -> None:
    (reader,) = (await three(tree))[:1]

    everyone("news", [reader])

    assert await reader.call(Reader.read, "question") == 2
    assert state(reader).heard == ["news", "question"]


async def test_a_handler_that_suspends_holds_up_nobody_else(tree: Tree) -> None:
    readers = await three(tree)
    gate = state(readers[0]).gate = asyncio.Event()

    everyone("first", readers)
    await settle()
    everyone("second", readers)
    await settle()
    heard_meanwhile = [list(state(reader).heard) for reader in readers]
    gate.set()
    await settle()

    assert heard_meanwhile == [["first"], ["first", "second"], ["first", "second"]]
    assert [state(reader).heard for reader in readers] == [["first", "second"]] * 3


async def test_a_handler_that_suspended_gives_its_worker_back(tree: Tree) -> None:
    (reader,) = (await three(tree))[:1]
    namespace = current_namespace()
    await settle()
    workers = len(namespace.pool)

    everyone(News(1, 1, "after a while"), [reader])
    await settle()

    assert len(namespace.pool) == workers
    assert await reader.call(Reader.read, "question") == 2


async def test_a_message_that_stops_a_process_stops_it_before_the_next_one(tree: Tree) -> None:
    reader = await Reader.start()
    heard = state(reader).heard

    everyone(Shutdown("enough"), [reader])
    reader.send("too late")

    assert await reader.down() == Shutdown("enough")
    assert heard == [Shutdown("enough")]


@pytest.mark.expected_crash(reason=LookupError)
async def test_a_handler_that_raises_costs_its_own_process_only(tree: Tree) -> None:
    readers = await three(tree)
    first = [reader.find() for reader in readers]

    everyone(LookupError("no such page"), readers[:1])
    everyone("news", readers)
    await settle()

    assert first[0].alive is False
    assert [state(reader).heard for reader in readers] == [[], ["news"], ["news"]]


async def test_a_process_that_is_killed_before_its_turn_is_skipped(tree: Tree) -> None:
    readers = await three(tree)
    heard = [state(reader).heard for reader in readers]

    everyone("news", readers)
    await crash(readers[1])

    assert heard == [["news"], [], ["news"]]


async def test_what_a_handler_puts_into_the_context_stays_with_its_process(tree: Tree) -> None:
    readers = await three(tree)
    state(readers[0]).is_moody = True

    for number in range(3):
        everyone(number, readers)
        await settle()

    assert [state(reader).moods for reader in readers] == [["calm", "merry", "merry"], ["calm"] * 3, ["calm"] * 3]


async def test_it_does_so_too_when_several_events_waited(tree: Tree) -> None:
    readers = await three(tree)
    state(readers[0]).is_moody = True
    audience = Audience([reader.find() for reader in readers], current_namespace())

    for number in range(3):
        audience.tell(number)
    await settle()

    assert [state(reader).moods for reader in readers] == [["calm", "merry", "merry"], ["calm"] * 3, ["calm"] * 3]


async def test_a_task_of_the_server_can_stop_it_while_a_broadcast_waits(tree: Tree) -> None:
    reader = await Reader.start()
    server = state(reader)

    everyone("news", [reader])
    server.stop("enough")

    assert await reader.down() == "enough"


async def test_many_processes_do_not_keep_the_event_loop_from_turning() -> None:
    readers = [await Reader.start() for _ in range(3000)]

    def count() -> int:
        return sum(state(reader).heard == ["news"] for reader in readers)

    await settle()
    everyone("news", readers)
    counts: list[int] = []
    asyncio.get_running_loop().call_soon(lambda: counts.append(count()))
    await settle()

    assert 0 < counts[0] < 3000
    assert count() == 3000
    for reader in readers:
        reader.exit("shutdown")


# Many messages at once.


async def test_messages_that_follow_each_other_at_once_come_in_order(tree: Tree) -> None:
    readers = await three(tree)
    readers[1].send("before")
    publish = telling(readers)

    for number in range(2 * MOST + 3):
        publish(number)
    await settle()

    numbers = list(range(2 * MOST + 3))
    assert [state(reader).heard for reader in readers] == [numbers, ["before", *numbers], numbers]


async def test_what_a_handler_tells_the_others_comes_after_what_it_handles(tree: Tree) -> None:
    readers = await three(tree)
    processes = [reader.find() for reader in readers]
    audience = Audience(processes, current_namespace())

    def tell_the_others() -> None:
        for process in audience.tell("second"):
            if process is not processes[0]:
                process.send("second")

    state(readers[0]).answer = tell_the_others

    audience.tell("first")
    await settle()

    assert [state(reader).heard for reader in readers] == [["first"], ["first", "second"], ["first", "second"]]


async def test_a_message_in_between_keeps_its_place(tree: Tree) -> None:
    readers = await three(tree)
    publish = telling(readers)

    publish("first")
    publish("second")
    readers[1].send("between")
    publish("third")
    await settle()

    everything = ["first", "second", "third"]
    assert [state(reader).heard for reader in readers] == [
        everything,
        ["first", "second", "between", "third"],
        everything,
    ]


async def test_a_handler_that_suspends_between_two_messages_goes_on_with_the_second(tree: Tree) -> None:
    readers = await three(tree)
    gate = state(readers[1]).gate = asyncio.Event()
    publish = telling(readers)

    publish("first")
    publish("second")
    await settle()
    heard_meanwhile = list(state(readers[1]).heard)
    gate.set()
    await settle()

    assert heard_meanwhile == ["first"]
    assert [state(reader).heard for reader in readers] == [["first", "second"]] * 3


async def test_a_process_that_stops_at_one_of_many_messages_does_not_get_the_next(tree: Tree) -> None:
    readers = [await Reader.start() for _ in range(2)]
    heard = [state(reader).heard for reader in readers]
    publish = telling(readers)

    publish("first")
    publish(Shutdown("enough"))
    publish("too late")

    assert await asyncio.gather(*(reader.down() for reader in readers)) == [Shutdown("enough")] * 2
    assert heard == [["first", Shutdown("enough")]] * 2


@pytest.mark.expected_crash(reason=LookupError)
async def test_a_handler_that_raises_at_one_of_many_messages_loses_the_next(tree: Tree) -> None:
    readers = await three(tree)
    first = [reader.find() for reader in readers]
    publish = telling(readers)

    publish("first")
    publish(LookupError("no such page"))
    publish("lost")
    await settle()

    assert [process.alive for process in first] == [False] * 3
    assert [state(reader).heard for reader in readers] == [[]] * 3


async def test_what_waits_in_a_shared_queue_is_counted_for_each(tree: Tree) -> None:
    readers = await three(tree)
    publish = telling(readers)

    publish("first")
    publish("second")

    assert [reader.find().waiting for reader in readers] == [2, 2, 2]


# Against the plain way.


@dataclass
class Writer(GenServer):
    number: int
    readers: list[Ref[Reader]]
    publish: Publish

    async def write(self, script: list[tuple[Way, int, Manner]]) -> None:
        for number, (way, reader, manner) in enumerate(script):
            news = News(self.number, number, manner)
            match way:
                case "broadcast":
                    self.publish(news)
                case "send":
                    self.readers[reader].send(news)
                case "cast":
                    self.readers[reader].cast(Reader.read, news)
                case "call":
                    await self.readers[reader].call(Reader.read, news)


WAYS: list[Way] = ["broadcast", "send", "cast", "call"]
MANNERS: list[Manner] = [
    "at once",
    "after a while",
    "with a note to itself",
    "with a mood",
    "and rests for long",
]
SCRIPTS = st.lists(
    st.lists(st.tuples(st.sampled_from(WAYS), st.integers(0, 2), st.sampled_from(MANNERS)), max_size=12),
    min_size=1,
    max_size=3,
)


async def performed(
    scripts: list[list[tuple[Way, int, Manner]]], publishing: Callable[[Sequence[Ref[Reader]]], Publish]
) -> list[dict[int, list[object]]]:
    """What each reader heard from each writer, in order."""
    readers = [await Reader.start() for _ in range(3)]
    publish = publishing(readers)
    writers = [await Writer.start(number, readers, publish) for number in range(len(scripts))]
    for writer, script in zip(writers, scripts, strict=True):
        writer.cast(Writer.write, script)
    await settle()
    heard = [_by_sender(state(reader).heard) for reader in readers]
    everyone_else: list[Ref[Any]] = [*readers, *writers]
    for ref in everyone_else:
        ref.exit("shutdown")
    return heard


def _by_sender(messages: list[object]) -> dict[int, list[object]]:
    found = defaultdict[int, list[object]](list)
    for message in messages:
        found[message.sender if isinstance(message, News) else OWN].append(message)
    return dict(found)


@given(SCRIPTS, st.integers(1, 5))
async def test_each_reader_hears_the_same_from_each_writer_as_by_plain_sends(
    scripts: list[list[tuple[Way, int, Manner]]], most: int
) -> None:
    def telling_some(readers: Sequence[Ref[Reader]]) -> Publish:
        return telling(readers, most)

    assert await performed(scripts, telling_some) == await performed(scripts, sending)
