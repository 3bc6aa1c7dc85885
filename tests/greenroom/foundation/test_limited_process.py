import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from greenroom import (
    CallTimeout,
    Deadlock,
    Down,
    DynamicSupervisor,
    GenServer,
    MailboxFull,
    MailboxLimit,
    NotAHandler,
    NotRunning,
    Ref,
    ServerDown,
    WhenFull,
    child,
    process_info,
    telemetry,
)
from greenroom.testing import Tree, VirtualClock, crash, settle
from tests.greenroom.foundation.one_for_one import OneForOne

Event = tuple[Mapping[str, float], Mapping[str, object]]


@dataclass
class Bar(GenServer):
    served: list[object] = field(default_factory=list[object], init=False)
    gate: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def order(self, drink: str) -> str:
        self.served.append(drink)
        return drink

    async def clean(self) -> None:
        await self.gate.wait()

    async def pour(self, drink: str) -> str:
        await asyncio.sleep(1)
        self.served.append(drink)
        return drink

    async def watch(self, other: Ref[Any]) -> None:
        self.monitor(other)

    async def ask(self, other: Ref["Bar"], first: Ref["Bar"] | None = None) -> object:
        if first is not None:
            first.cast(Bar.order, "in the way")
        try:
            return await other.call(Bar.ask, first or other)
        except Deadlock as error:
            return error

    async def handle_info(self, message: object) -> None:
        self.served.append(message)


class Busy:
    """A bar that is being cleaned, whose mailbox has a limit."""

    def __init__(self, ref: Ref[Bar]) -> None:
        self.ref = ref
        self.calls: list[asyncio.Future[str]] = []

    @property
    def bar(self) -> Bar:
        server: Bar = self.ref.find().server
        return server

    async def call(self, *drinks: str) -> None:
        for drink in drinks:
            self.calls.append(asyncio.ensure_future(self.ref.call(Bar.order, drink)))
            await settle()

    async def reopen(self) -> list[object]:
        """Let it work again; answers what it served, and what became of the calls."""
        bar = self.bar
        bar.gate.set()
        await settle()
        assert all(call.done() for call in self.calls)
        return bar.served

    def refused(self) -> list[bool]:
        return [isinstance(call.exception(), MailboxFull) for call in self.calls if call.done()]


async def busy(tree: Tree, limit: int, when_full: WhenFull) -> Busy:
    ref = await tree.start_supervised(child(Bar).mailbox(limit, when_full).restart("temporary"))
    ref.cast(Bar.clean)
    await settle()
    return Busy(ref)


async def test_a_process_that_keeps_up_has_no_limit_to_feel(tree: Tree) -> None:
    bar = await tree.start_supervised(child(Bar).mailbox(1))

    for drink in ("gin", "rum"):
        assert await bar.call(Bar.order, drink) == drink
        bar.cast(Bar.order, drink)
        await settle()

    assert bar.find().server.served == ["gin", "gin", "rum", "rum"]


async def test_a_full_mailbox_refuses(tree: Tree) -> None:
    full = await busy(tree, 2, "refuse")

    await full.call("gin", "rum", "rye")
    full.ref.cast(Bar.order, "ale")
    full.ref.send("hello")

    assert full.refused() == [True]
    assert await full.reopen() == ["gin", "rum"]
    assert full.refused() == [False, False, True]
    with pytest.raises(MailboxFull, match="has 2 messages waiting and refuses order"):
        await full.calls[2]


async def test_a_full_mailbox_drops_what_has_waited_longest(tree: Tree) -> None:
    full = await busy(tree, 2, "drop_oldest")

    await full.call("gin")
    full.ref.cast(Bar.order, "rum")
    await full.call("rye")
    full.ref.send("hello")

    assert await full.reopen() == ["rye", "hello"]
    assert full.refused() == [True, False]


async def test_messages_that_a_turn_has_taken_already_are_dropped_first(tree: Tree) -> None:
    bar = await tree.start_supervised(child(Bar).mailbox(3, "drop_oldest"))
    server: Bar = bar.find().server
    bar.cast(Bar.clean)
    for drink in ("gin", "rum"):
        bar.cast(Bar.order, drink)
    await settle()

    for drink in ("rye", "ale"):
        bar.cast(Bar.order, drink)
    server.gate.set()
    await settle()

    assert server.served == ["rum", "rye", "ale"]


async def test_a_full_mailbox_lets_calls_wait_in_the_order_they_came(tree: Tree) -> None:
    full = await busy(tree, 1, "block")

    await full.call("gin", "rum", "rye")
    full.ref.cast(Bar.order, "ale")

    assert await full.reopen() == ["gin", "rum", "rye"]
    assert full.refused() == [False, False, False]


async def test_a_blocked_call_gets_in_as_soon_as_a_message_is_through(tree: Tree, clock: VirtualClock) -> None:
    bar = await tree.start_supervised(child(Bar).mailbox(2, "block"))
    for drink in ("gin", "rum"):
        bar.cast(Bar.pour, drink)
    await settle()
    bar.cast(Bar.pour, "rye")

    call = asyncio.ensure_future(bar.call(Bar.pour, "ale"))
    await clock.advance(1.5)
    bar.cast(Bar.pour, "late")
    await clock.advance(2.5)

    assert await call == "ale"
    assert bar.find().server.served == ["gin", "rum", "rye", "ale"]


async def test_a_blocked_call_has_its_deadline(tree: Tree, clock: VirtualClock) -> None:
    full = await busy(tree, 1, "block")
    await full.call("gin", "rum")

    await clock.advance(5)

    with pytest.raises(CallTimeout, match="to answer order within 5 s"):
        await full.calls[1]
    with pytest.raises(CallTimeout):
        await full.calls[0]
    assert await full.reopen() == ["gin"]


async def test_the_time_without_room_counts(tree: Tree, clock: VirtualClock) -> None:
    bar = await tree.start_supervised(child(Bar).mailbox(1, "block"))
    for _ in range(4):
        bar.cast(Bar.pour, "gin")
        await settle()
    call = asyncio.ensure_future(bar.within(1.5).call(Bar.pour, "rum"))

    await clock.advance(1.5)

    with pytest.raises(CallTimeout):
        await call
    await clock.advance(5)


async def test_room_is_passed_on_by_a_call_that_gave_up(tree: Tree) -> None:
    full = await busy(tree, 1, "block")
    await full.call("gin", "rum", "rye")

    full.calls[1].cancel()
    full.bar.gate.set()
    await settle()

    assert full.bar.served == ["gin", "rye"]
    assert full.calls[1].cancelled()


async def test_the_end_of_a_full_process_ends_the_wait(tree: Tree) -> None:
    full = await busy(tree, 1, "block")
    await full.call("gin", "rum")

    full.ref.exit("kill")
    await settle()

    assert isinstance(full.calls[0].exception(), ServerDown)
    assert isinstance(full.calls[1].exception(), NotRunning)


async def test_what_a_process_must_hear_gets_in(tree: Tree) -> None:
    full = await busy(tree, 1, "drop_oldest")
    other = await Bar.start()
    full.bar.gate.set()
    await full.ref.call(Bar.watch, other)
    full.bar.gate.clear()
    full.ref.cast(Bar.clean)
    await settle()
    full.ref.send("hello")

    await other.stop()
    full.ref.send("more")
    served = await full.reopen()

    assert [type(message) for message in served] == [Down, str]
    assert served[1] == "more"


async def test_nothing_to_drop_is_a_reason_to_refuse(tree: Tree) -> None:
    full = await busy(tree, 1, "drop_oldest")
    other = await Bar.start()
    full.bar.gate.set()
    await full.ref.call(Bar.watch, other)
    full.bar.gate.clear()
    full.ref.cast(Bar.clean)
    await settle()
    await other.stop()

    await full.call("gin")

    assert full.refused() == [True]
    await full.reopen()


async def test_a_circle_of_calls_is_found_before_it_waits_for_room(tree: Tree) -> None:
    full = await tree.start_supervised(child(Bar).mailbox(1, "block"))
    other = await tree.start(Bar)

    assert isinstance(await full.call(Bar.ask, other, full), Deadlock)


async def test_room_that_a_blocked_call_does_not_use_is_left_to_the_next(tree: Tree) -> None:
    full = await busy(tree, 1, "block")
    await full.call("gin")
    nonsense = asyncio.ensure_future(full.ref.call(unknown))
    await settle()
    await full.call("rum")

    full.bar.gate.set()
    await settle()

    assert isinstance(nonsense.exception(), NotAHandler)
    assert full.bar.served == ["gin", "rum"]


async def unknown(bar: Bar) -> None:
    """No handler."""


async def test_a_class_may_limit_its_mailbox() -> None:
    class Small(Bar, mailbox=MailboxLimit(1)):
        pass

    for started in (Small.start(), child(Small).start()):
        full = Busy(await started)
        full.ref.cast(Bar.clean)
        await settle()
        await full.call("gin", "rum")
        assert full.refused() == [True]
        await full.reopen()
        await full.ref.stop()


@pytest.mark.parametrize("kind", [OneForOne, DynamicSupervisor])
async def test_the_limit_of_a_child_holds_after_a_restart(kind: Any, tree: Tree) -> None:
    supervisor = await tree.start(kind)
    await supervisor.call(kind.start_child, child(Bar).named("bar").mailbox(1))

    await crash(Ref(Bar, "bar"))
    full = Busy(Ref(Bar, "bar"))
    full.ref.cast(Bar.clean)
    await settle()
    await full.call("gin", "rum")

    assert full.refused() == [True]
    await full.reopen()


@pytest.mark.parametrize(("messages", "when_full"), [(0, "refuse"), (-1, "block"), (1.5, "refuse"), (1, "panic")])
def test_a_limit_that_makes_no_sense_is_refused(messages: Any, when_full: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        child(Bar).mailbox(messages, when_full)


def heard(word: str) -> list[Event]:
    events: list[Event] = []

    def note(_: object, measurements: Mapping[str, float], metadata: Mapping[str, object]) -> None:
        events.append((measurements, metadata))

    telemetry.attach(word, ("greenroom", "mailbox", word), note)
    return events


def is_about(event: Event, ref: Ref[Bar]) -> bool:
    _, facts = event
    process = process_info(ref)
    return process is not None and (facts["process"], facts["server"], facts["name"]) == (
        process.ref,
        "Bar",
        process.name,
    )


async def test_telemetry_tells_of_a_full_mailbox(tree: Tree) -> None:
    events = heard("full")
    full = await busy(tree, 1, "refuse")

    await full.call("gin", "rum")
    full.ref.cast(Bar.order, "rye")
    telemetry.detach("full")

    assert [(dict(numbers), facts["kind"]) for numbers, facts in events] == [
        ({"messages": 1, "limit": 1}, "call"),
        ({"messages": 1, "limit": 1}, "cast"),
    ]
    assert is_about(events[0], full.ref)
    await full.reopen()
    assert full.refused() == [False, True]


async def test_telemetry_tells_of_a_mailbox_that_has_grown(tree: Tree) -> None:
    events = heard("grown")
    bar = await tree.start(Bar)

    for number in range(1500):
        bar.send(number)
    await settle()
    telemetry.detach("grown")

    assert [dict(numbers) for numbers, _ in events] == [{"messages": 1500}]
    assert is_about(events[0], bar)
