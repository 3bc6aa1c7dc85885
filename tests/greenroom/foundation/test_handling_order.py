"""What comes after what in one process: messages, continuations, timers, idle time-outs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from greenroom import GenServer, Ref, Reply, Timeout, Timer, child, health_check, resume, suspend
from greenroom.testing import Probe, Tree, VirtualClock, expected_crash, settle, state


@dataclass
class Clerk(GenServer):
    """Writes down what it does, in the order in which it does it."""

    log: list[object] = field(default_factory=list[object])
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    timers: list[Timer] = field(default_factory=list[Timer])
    promise: Reply[str] = field(default_factory=Reply[str])

    async def note(self, word: object) -> object:
        self.log.append(word)
        return word

    async def wait(self) -> None:
        await self.gate.wait()
        self.log.append("waited")

    async def handle_info(self, message: object) -> None:
        self.log.append(message)

    async def note_and_go_on(self, *words: str) -> str:
        self.log.append("begun")
        for word in words:
            self.next(Clerk.note, word)
        return "answered"

    async def go_on_and_on(self, steps: int) -> None:
        self.log.append(steps)
        if steps:
            self.next(Clerk.go_on_and_on, steps - 1)

    async def go_on_slowly(self) -> str:
        self.next(Clerk.wait)
        self.next(Clerk.note, "after the wait")
        return "answered"

    async def go_on_then_stop(self) -> str:
        self.next(Clerk.note, "never")
        self.stop()
        return "answered"

    async def note_later(self, seconds: float, word: str) -> None:
        self.timers.append(self.after(seconds, Clerk.note, word))

    async def hear_later(self, seconds: float, message: object) -> None:
        self.timers.append(self.send_after(seconds, message))

    async def cancel(self) -> float | None:
        return self.timers.pop().cancel()

    async def rest(self, seconds: float) -> None:
        self.idle(seconds)

    async def wait_and_rest(self, seconds: float) -> None:
        await self.gate.wait()
        self.idle(seconds)

    async def rest_and_go_on(self, seconds: float) -> None:
        self.next(Clerk.note, "on")
        self.idle(seconds)

    async def rest_again_and_again(self, message: object = None) -> None:
        self.idle(1.0)

    async def tell_itself(self) -> None:
        self.ref.send("to itself")
        self.ref.cast(Clerk.note, "cast to itself")
        self.log.append("told")

    def promised(self) -> Reply[str]:
        self.next(Clerk.keep)
        return self.promise

    def keep(self) -> None:
        self.log.append("kept")
        self.promise.send("promised")


@dataclass
class Loader(GenServer):
    """Starts at once, and loads what it needs before it takes its first message."""

    log: list[str] = field(default_factory=list[str])

    async def init(self) -> None:
        self.log.append("init")
        self.next(Loader.load)

    async def load(self) -> None:
        await asyncio.sleep(0)
        self.log.append("loaded")

    async def get(self) -> list[str]:
        return list(self.log)


# Order.


async def test_one_senders_calls_casts_and_messages_keep_their_order(tree: Tree) -> None:
    clerk = await tree.start(Clerk)

    clerk.cast(Clerk.note, 1)
    clerk.send(2)
    third = asyncio.ensure_future(clerk.call(Clerk.note, 3))
    await asyncio.sleep(0)
    clerk.cast(Clerk.note, 4)
    clerk.send(5)
    await clerk.call(Clerk.note, 6)

    assert (await third, state(clerk).log) == (3, [1, 2, 3, 4, 5, 6])


async def test_messages_wait_while_a_handler_waits(tree: Tree) -> None:
    clerk = await tree.start(Clerk)
    clerk.cast(Clerk.wait)
    clerk.send("behind")
    answer = asyncio.ensure_future(clerk.call(Clerk.note, "behind that"))
    await settle()
    before = list(state(clerk).log)

    state(clerk).gate.set()
    await answer

    assert (before, state(clerk).log) == ([], ["waited", "behind", "behind that"])


async def test_what_a_handler_sends_to_its_own_process_comes_after_it(tree: Tree) -> None:
    clerk = await tree.start(Clerk)

    await clerk.call(Clerk.tell_itself)
    await settle()

    assert state(clerk).log == ["told", "to itself", "cast to itself"]


async def test_messages_through_different_addresses_of_one_process_keep_their_order(tree: Tree) -> None:
    await tree.start_supervised(child(Clerk).named("clerk"))
    name, process = Ref(Clerk, "clerk"), Ref(Clerk, "clerk").where()
    assert process is not None

    name.cast(Clerk.note, 1)
    process.within(9.0).cast(Clerk.note, 2)
    name.within(9.0).send(3)
    await process.call(Clerk.note, 4)

    assert state(name).log == [1, 2, 3, 4]


# Continuations.


async def test_a_continuation_runs_after_the_answer_and_before_any_message(tree: Tree) -> None:
    clerk = await tree.start(Clerk)
    clerk.cast(Clerk.note_and_go_on, "one", "two")
    clerk.send("behind")

    await settle()

    assert state(clerk).log == ["begun", "one", "two", "behind"]


async def test_the_caller_is_answered_before_the_continuation_is_through(tree: Tree) -> None:
    clerk = await tree.start(Clerk)

    answer = await clerk.call(Clerk.go_on_slowly)
    clerk.send("behind")
    await settle()
    before = list(state(clerk).log)
    state(clerk).gate.set()
    await settle()

    assert (answer, before) == ("answered", [])
    assert state(clerk).log == ["waited", "after the wait", "behind"]


async def test_continuations_may_follow_continuations(tree: Tree) -> None:
    clerk = await tree.start(Clerk)
    clerk.cast(Clerk.go_on_and_on, 3)
    clerk.send("behind")

    await settle()

    assert state(clerk).log == [3, 2, 1, 0, "behind"]


async def test_a_long_chain_of_continuations_is_no_deep_stack(tree: Tree) -> None:
    clerk = await tree.start(Clerk)

    await clerk.call(Clerk.go_on_and_on, 5_000)
    await settle()

    assert len(state(clerk).log) == 5_001


async def test_what_init_asks_for_comes_before_the_first_message(tree: Tree) -> None:
    loader = await tree.start(Loader)

    assert await loader.call(Loader.get) == ["init", "loaded"]


async def test_a_process_that_stops_does_not_go_on() -> None:
    clerk = await Clerk.start()
    log = state(clerk).log

    assert await clerk.call(Clerk.go_on_then_stop) == "answered"

    assert (log, clerk.alive) == ([], False)


async def test_a_continuation_may_keep_what_its_handler_promised(tree: Tree) -> None:
    clerk = await tree.start(Clerk)

    assert await clerk.call(Clerk.promised) == "promised"


# Timers.


async def test_a_timer_runs_a_method_as_a_message_of_its_own(tree: Tree, clock: VirtualClock) -> None:
    clerk = await tree.start(Clerk)
    await clerk.call(Clerk.note_later, 2.0, "method")
    await clerk.call(Clerk.hear_later, 1.0, "message")

    await clock.advance(2.0)

    assert state(clerk).log == ["message", "method"]


async def test_a_timer_waits_for_the_handler_that_runs(tree: Tree, clock: VirtualClock) -> None:
    clerk = await tree.start(Clerk)
    await clerk.call(Clerk.note_later, 1.0, "late")
    clerk.cast(Clerk.wait)

    await clock.advance(5.0)
    state(clerk).gate.set()
    await settle()

    assert state(clerk).log == ["waited", "late"]


async def test_a_timer_that_was_cancelled_says_what_was_left(tree: Tree, clock: VirtualClock) -> None:
    clerk = await tree.start(Clerk)
    await clerk.call(Clerk.note_later, 3.0, "never")
    await clock.advance(1.0)

    left = await clerk.call(Clerk.cancel)
    await clock.advance(5.0)

    assert left == pytest.approx(2.0)
    assert state(clerk).log == []


async def test_the_timers_of_a_process_end_with_it(clock: VirtualClock) -> None:
    clerk = await Clerk.start()
    await clerk.call(Clerk.note_later, 3.0, "never")
    log = state(clerk).log

    await clerk.stop()
    await clock.advance(5.0)

    assert log == []


# Idle time.


async def test_a_process_that_hears_nothing_is_told_so(tree: Tree, clock: VirtualClock) -> None:
    clerk = await tree.start(Clerk)
    await clerk.call(Clerk.rest, 5.0)

    await clock.advance(4.999)
    before = list(state(clerk).log)
    await clock.advance(10.0)

    assert (before, state(clerk).log) == ([], [Timeout()])


@pytest.mark.parametrize("way", ["call", "cast", "send"])
async def test_any_message_ends_the_waiting(tree: Tree, clock: VirtualClock, way: str) -> None:
    clerk = await tree.start(Clerk)
    await clerk.call(Clerk.rest, 5.0)
    await clock.advance(4.0)

    match way:
        case "call":
            await clerk.call(Clerk.note, "x")
        case "cast":
            clerk.cast(Clerk.note, "x")
        case _:
            clerk.send("x")
    await clock.advance(10.0)

    assert state(clerk).log == ["x"]


async def test_a_message_that_waits_already_ends_the_waiting_at_once(tree: Tree, clock: VirtualClock) -> None:
    clerk = await tree.start(Clerk)
    clerk.cast(Clerk.rest, 5.0)
    clerk.send("x")

    await clock.advance(10.0)

    assert state(clerk).log == ["x"]


async def test_the_waiting_begins_after_the_continuation(tree: Tree, clock: VirtualClock) -> None:
    clerk = await tree.start(Clerk)
    await clerk.call(Clerk.rest_and_go_on, 5.0)

    await clock.advance(5.0)

    assert state(clerk).log == ["on", Timeout()]


async def test_each_message_may_begin_the_waiting_anew(tree: Tree, clock: VirtualClock) -> None:
    clerk = await tree.start(Clerk)
    for _ in range(10):
        clerk.cast(Clerk.rest_again_and_again)
        await clock.advance(0.9)
    before = list(state(clerk).log)

    await clock.advance(0.1)

    assert (before, state(clerk).log) == ([], [Timeout()])


async def test_no_time_means_when_nothing_waits(tree: Tree, clock: VirtualClock) -> None:
    clerk = await tree.start(Clerk)
    clerk.cast(Clerk.rest, 0.0)

    await clock.advance(0.001)

    assert state(clerk).log == [Timeout()]


async def test_to_look_at_a_process_leaves_the_time_without_messages_as_it_is(tree: Tree, clock: VirtualClock) -> None:
    clerk = await tree.start(Clerk)
    clerk.cast(Clerk.wait_and_rest, 5.0)
    await settle()
    asked = [asyncio.ensure_future(health_check(clerk)), asyncio.ensure_future(health_check(clerk))]
    await settle()

    state(clerk).gate.set()
    await clock.advance(4.9)
    before = [await one for one in asked], await health_check(clerk), list(state(clerk).log)
    await clock.advance(0.1)

    assert before == (["healthy", "healthy"], "healthy", [])
    assert state(clerk).log == [Timeout()]


async def test_a_message_behind_one_that_looks_is_still_a_message(tree: Tree, clock: VirtualClock) -> None:
    clerk = await tree.start(Clerk)
    clerk.cast(Clerk.wait_and_rest, 5.0)
    await settle()
    asked = asyncio.ensure_future(health_check(clerk))
    await settle()
    clerk.cast(Clerk.note, "a message")

    state(clerk).gate.set()
    await clock.advance(60.0)

    assert (await asked, state(clerk).log) == ("healthy", ["a message"])


@pytest.mark.parametrize("busy", [False, True])
async def test_the_time_without_messages_stands_still_while_the_process_is_suspended(
    tree: Tree, clock: VirtualClock, *, busy: bool
) -> None:
    clerk = await tree.start(Clerk)
    clerk.cast(Clerk.wait_and_rest, 5.0)
    if not busy:
        state(clerk).gate.set()
    await settle()
    suspending = asyncio.ensure_future(suspend(clerk))
    await settle()
    state(clerk).gate.set()
    await suspending

    await clock.advance(60.0)
    await resume(clerk)
    await clock.advance(4.9)
    before = list(state(clerk).log)
    await clock.advance(0.1)

    assert (before, state(clerk).log) == ([], [Timeout()])


# Messages that nobody handles.


async def test_a_message_that_is_not_handled_is_logged_and_the_server_goes_on(
    tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    class Deaf(GenServer):
        async def hello(self) -> str:
            return "hello"

    deaf = await tree.start(Deaf)
    deaf.send("knock")

    assert await deaf.call(Deaf.hello) == "hello"
    assert "got a message that it does not handle: 'knock'" in caplog.text


async def test_wrong_arguments_crash_the_server_as_any_other_mistake(tree: Tree) -> None:
    clerk = await tree.start(Clerk)
    note: Any = Clerk.note

    with expected_crash(TypeError):
        clerk.cast(note)
        await settle()

    assert await clerk.call(Clerk.note, "again") == "again"


async def test_a_probe_sees_messages_in_the_order_of_their_sender(tree: Tree, probe: Probe) -> None:
    for number in range(200):
        probe.ref.send(number)
    await settle()

    assert probe.messages == list(range(200))
