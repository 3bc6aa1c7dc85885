import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

import pytest

from greenroom import GenServer, NotRunning, ProcessExit, Reply, batched, debugging, get_state
from greenroom.foundation.debugging import MessageIn, MessageOut
from greenroom.foundation.observer import SystemEvent
from greenroom.testing import Tree, VirtualClock, expected_crash, settle


@dataclass
class Bar(GenServer):
    orders: list[str] = field(default_factory=list[str], init=False)
    open_bill: Reply[int] = field(default_factory=Reply[int], init=False)

    async def order(self, drink: str, *, token: str = "") -> int:
        self.orders.append(drink)
        return len(self.orders)

    async def mix(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def bill(self) -> Reply[int]:
        return self.open_bill

    @batched
    def wash(self, glasses: list[str]) -> None:
        self.orders += glasses

    async def handle_info(self, message: object) -> None:
        pass

    async def spill(self) -> None:
        raise KeyError("spilled")


def short(event: SystemEvent) -> tuple[object, ...]:
    match event:
        case MessageIn(kind=kind, method=method, arguments=arguments):
            return ("in", kind, method, dict(arguments))
        case MessageOut(kind=kind, method=method, answer=answer):
            return ("out", kind, method, answer)


async def test_a_debug_function_sees_the_beginning_and_the_end_of_every_message(tree: Tree) -> None:
    bar = await tree.start(Bar)
    events: list[SystemEvent] = []
    debugging.install(bar, events.append)

    assert await bar.call(Bar.order, "gin") == 1
    bar.cast(Bar.order, drink="rum")
    bar.send("hello")
    await settle()

    assert [short(event) for event in events] == [
        ("in", "call", "order", {"drink": "gin"}),
        ("out", "call", "order", 1),
        ("in", "cast", "order", {"drink": "rum"}),
        ("out", "cast", "order", 2),
        ("in", "info", "handle_info", {"message": "hello"}),
        ("out", "info", "handle_info", None),
    ]
    assert all(event.ref is bar.where() for event in events)


async def test_messages_are_observed_in_the_middle_of_a_mailbox(tree: Tree, clock: VirtualClock) -> None:
    bar = await tree.start(Bar)
    events: list[SystemEvent] = []
    bar.cast(Bar.mix, 3)
    bar.cast(Bar.order, "gin")
    await settle()
    bar.cast(Bar.order, "rum")

    debugging.install(bar, events.append)
    await clock.advance(3)

    assert [short(event)[2:] for event in events if isinstance(event, MessageIn)] == [
        ("order", {"drink": "gin"}),
        ("order", {"drink": "rum"}),
    ]
    assert await bar.call(Bar.order, "rye") == 3


async def test_a_debug_function_that_is_removed_sees_no_more(tree: Tree) -> None:
    bar = await tree.start(Bar)
    one: list[SystemEvent] = []
    other: list[SystemEvent] = []
    note_one, note_other = one.append, other.append
    debugging.install(bar, note_one)
    debugging.install(bar, note_other)
    await bar.call(Bar.order, "gin")

    debugging.remove(bar, note_one)
    await bar.call(Bar.order, "rum")
    debugging.remove(bar, note_other)
    await bar.call(Bar.order, "rye")

    assert (len(one), len(other)) == (2, 4)


async def test_all_debugging_ends_at_once(tree: Tree, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "greenroom.trace")
    bar = await tree.start(Bar)
    events: list[SystemEvent] = []
    debugging.install(bar, events.append)
    debugging.trace(bar)
    debugging.log(bar)
    debugging.count(bar)

    # This one is to be seen by all of them when it comes, and they are gone when it is handled.
    bar.cast(Bar.order, "milk")
    debugging.clear(bar)
    await bar.call(Bar.order, "tea")

    assert (events, caplog.records, debugging.logged(bar), debugging.statistics(bar)) == ([], [], [], None)
    debugging.clear(bar)


@pytest.mark.parametrize("fault", [KeyError("gin"), ProcessExit("gin")])
async def test_a_debug_function_that_fails_is_removed_and_the_process_goes_on(
    tree: Tree, caplog: pytest.LogCaptureFixture, fault: BaseException
) -> None:
    bar = await tree.start(Bar)
    seen: list[SystemEvent] = []

    def fail(event: SystemEvent) -> None:
        seen.append(event)
        raise fault

    debugging.install(bar, fail)

    assert await bar.call(Bar.order, "gin") == 1
    assert await bar.call(Bar.order, "rum") == 2
    assert len(seen) == 1
    assert "failed and was removed" in caplog.text


async def test_late_answers_and_batches_are_seen_as_they_are(tree: Tree) -> None:
    bar = await tree.start(Bar)
    debugging.log(bar)
    bill = asyncio.ensure_future(bar.call(Bar.bill))
    bar.cast(Bar.wash, "glass")
    bar.cast(Bar.wash, "cup")
    await settle()

    promised = (await get_state(bar)).open_bill
    promised.send(7)

    assert await bill == 7
    events = [short(event) for event in debugging.logged(bar)]
    assert ("out", "call", "bill", promised) in events
    assert ("in", "cast", "wash", {"glasses": ["glass", "cup"]}) in events


async def test_who_watches_changes_no_answer(tree: Tree) -> None:
    class Promising(GenServer):
        def tomorrow(self) -> asyncio.Future[str]:
            return asyncio.ensure_future(asyncio.sleep(0, "rain"))

    promising = await tree.start(Promising)
    events: list[SystemEvent] = []
    debugging.install(promising, events.append)

    assert await promising.call(Promising.tomorrow) == "rain"
    assert [event.answer for event in events if isinstance(event, MessageOut)] == ["rain"]


async def test_a_crash_ends_with_its_beginning() -> None:
    bar = await Bar.start()
    events: list[SystemEvent] = []
    debugging.install(bar, events.append)

    with expected_crash(KeyError):
        bar.cast(Bar.spill)
        await bar.down()

    assert [short(event)[:3] for event in events] == [("in", "cast", "spill")]


async def test_a_trace_is_written_without_secrets(tree: Tree, caplog: pytest.LogCaptureFixture) -> None:
    bar = await tree.start(Bar)

    with caplog.at_level(logging.INFO, "greenroom.trace"):
        debugging.trace(bar)
        await bar.call(Bar.order, "gin", token="Summertime")
        debugging.trace(bar, enabled=False)
        await bar.call(Bar.order, "rum")

    lines = [record.getMessage() for record in caplog.records if record.name == "greenroom.trace"]
    assert [line.split(">")[1].split(" with")[0].split(" after")[0] for line in lines] == [
        " begins call order",
        " ends call order",
    ]
    assert "'drink': 'gin', 'token': '[redacted]'" in lines[0]


async def test_the_last_events_are_kept(tree: Tree) -> None:
    bar = await tree.start(Bar)
    assert debugging.logged(bar) == []

    debugging.log(bar, keep=3)
    for drink in ("gin", "rum"):
        await bar.call(Bar.order, drink)

    assert [short(event)[0] for event in debugging.logged(bar)] == ["out", "in", "out"]
    debugging.log(bar, keep=0)
    assert debugging.logged(bar) == []


async def test_messages_are_counted(tree: Tree, clock: VirtualClock) -> None:
    bar = await tree.start(Bar)
    assert debugging.statistics(bar) is None
    await clock.advance(10)

    debugging.count(bar)
    await bar.call(Bar.order, "gin")
    bar.cast(Bar.mix, 3)
    await settle()

    statistics = debugging.statistics(bar)
    assert statistics is not None
    assert (statistics.since, statistics.received, statistics.finished) == (10, 2, 1)
    assert statistics.seconds > 0
    await clock.advance(3)
    debugging.count(bar, enabled=False)
    assert debugging.statistics(bar) is None


async def test_nobody_is_there_to_be_watched() -> None:
    bar = await Bar.start()
    await bar.stop()

    for watch in (debugging.trace, debugging.count, debugging.log, debugging.logged, debugging.statistics):
        with pytest.raises(NotRunning):
            watch(bar)
    debugging.remove(bar, print)


async def test_a_server_may_watch_itself(tree: Tree) -> None:
    class Curious(Bar):
        async def watch(self) -> None:
            debugging.log(self.ref)

    bar = await tree.start(Curious)
    await bar.call(Curious.watch)

    await bar.call(Bar.order, "gin")

    assert len(debugging.logged(bar)) == 2


async def test_calls_by_name_and_with_a_time_limit_are_observed(tree: Tree) -> None:
    bar = await tree.start(Bar)
    debugging.log(bar)

    await bar.within(60).call(Bar.order, "gin")
    await bar.within(None).call(Bar.order, "rum")

    assert len(debugging.logged(bar)) == 4


async def test_what_makes_no_sense_is_not_installed(tree: Tree) -> None:
    bar = await tree.start(Bar)
    nonsense: Any = -1

    with pytest.raises(TypeError, match="expected a function of an event, got -1"):
        debugging.install(bar, nonsense)
    with pytest.raises(ValueError, match="expected keep to be an integer of at least 0, got -1"):
        debugging.log(bar, nonsense)
