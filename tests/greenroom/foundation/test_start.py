"""Starting a process: when its name is taken, when the starter goes on, and what is left when it fails."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from greenroom import (
    AlreadyStarted,
    DynamicSupervisor,
    GenServer,
    Ignored,
    NotRunning,
    Ref,
    StartFailed,
    child,
    exit_with,
    list_services,
    receive,
    spawn,
    telemetry,
    trap_exit,
)
from greenroom.testing import Probe, Stage, Tree, VirtualClock, settle, state
from tests.greenroom.foundation.one_for_one import OneForOne


@dataclass
class Kitchen(GenServer):
    """Starts as it is told to."""

    how: str = "at once"
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[object] = field(default_factory=list[object])

    async def init(self) -> None:
        self.seen.append(Ref(Kitchen, "kitchen").where() is self.ref)
        if self.how.startswith("slowly"):
            await self.gate.wait()
        match self.how.removeprefix("slowly and "):
            case "fails":
                raise RuntimeError("no gas")
            case "exits":
                exit_with("no gas")
            case "stops":
                self.stop("no gas")
            case "declines":
                self.ignore()
            case _:
                pass

    async def cook(self, dish: str) -> str:
        return f"{dish} is ready"

    async def handle_info(self, message: object) -> None:
        self.seen.append(message)


async def test_start_returns_when_init_is_through(tree: Tree) -> None:
    gate = asyncio.Event()
    starting = asyncio.ensure_future(tree.start(Kitchen, "slowly", gate))
    await settle()
    before = starting.done()

    gate.set()
    await settle()

    assert (before, starting.done()) == (False, True)


async def test_the_name_is_taken_before_init_runs(tree: Tree) -> None:
    kitchen = await tree.start_supervised(child(Kitchen).named("kitchen"))

    assert state(kitchen).seen == [True]


async def test_a_process_answers_what_came_during_its_init(tree: Tree) -> None:
    gate = asyncio.Event()
    starting = asyncio.ensure_future(tree.start_supervised(child(Kitchen, "slowly", gate).named("kitchen")))
    await settle()
    kitchen = Ref(Kitchen, "kitchen")
    kitchen.send("first")
    answer = asyncio.ensure_future(kitchen.call(Kitchen.cook, "soup"))
    await settle()
    waiting = answer.done()

    gate.set()

    assert (waiting, await answer) == (False, "soup is ready")
    assert state(await starting).seen == [True, "first"]


@pytest.mark.parametrize("way", ["", "slowly and "])
@pytest.mark.parametrize("how", ["fails", "exits", "stops"])
async def test_nothing_is_left_of_a_process_that_did_not_start(probe: Probe, way: str, how: str) -> None:
    gate = asyncio.Event()
    starting = asyncio.ensure_future(child(Kitchen, way + how, gate).named("kitchen").start())
    gate.set()

    with pytest.raises(StartFailed) as error:
        await starting

    assert str(error.value.reason) == "no gas"
    assert list_services() == {}
    assert probe.ref.alive


@pytest.mark.parametrize("how", ["declines", "slowly and declines"])
async def test_a_process_may_decline(how: str) -> None:
    gate = asyncio.Event()
    starting = asyncio.ensure_future(child(Kitchen, how, gate).named("kitchen").start())
    gate.set()

    with pytest.raises(Ignored):
        await starting

    assert list_services() == {}


@pytest.mark.conforms("ex.dynamic_supervisor.013")
@pytest.mark.parametrize("slow", [True, False])
async def test_an_init_that_returns_something_is_a_mistake(slow: bool) -> None:
    class Generous(DynamicSupervisor):
        async def init(self) -> None:
            if slow:
                await asyncio.sleep(0)
            return 42  # type: ignore[return-value]  # what the test is about

    with pytest.raises(StartFailed, match=r"expected Generous\.init to return None, got 42"):
        await Generous.start()


async def test_a_constructor_that_fails_is_a_start_that_failed() -> None:
    kitchen: Any = Kitchen

    with pytest.raises(StartFailed) as error:
        await kitchen.start(colour="blue")

    assert isinstance(error.value.reason, TypeError)


async def test_a_name_that_is_held_is_not_taken_from_its_holder() -> None:
    holder = await child(Kitchen).named("kitchen").start()

    with pytest.raises(AlreadyStarted) as error:
        await child(Kitchen).named("kitchen").start()

    assert error.value.ref is holder
    assert Ref(Kitchen, "kitchen").where() is holder
    await holder.stop()


async def test_concurrent_starts_of_one_name_start_it_once(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor)
    gate = asyncio.Event()
    spec = child(Kitchen, "slowly", gate).named("kitchen")
    starts = [asyncio.ensure_future(sup.call(DynamicSupervisor.start_child, spec)) for _ in range(5)]
    gate.set()

    answers = await asyncio.gather(*starts)

    assert [type(answer) for answer in answers[1:]] == [AlreadyStarted] * 4
    assert {id(getattr(answer, "ref", answer)) for answer in answers} == {id(answers[0])}


async def test_an_init_that_takes_too_long_is_given_up(clock: VirtualClock) -> None:
    gate = asyncio.Event()
    starting = asyncio.ensure_future(child(Kitchen, "slowly", gate).named("kitchen").within(2.0).start())

    await clock.advance(2.0)

    error = starting.exception()
    assert isinstance(error, StartFailed)
    assert (error.reason, list_services()) == ("timeout", {})


async def test_a_starter_that_is_cancelled_leaves_no_process() -> None:
    starting = asyncio.ensure_future(child(Kitchen, "slowly").named("kitchen").start())
    await settle()

    starting.cancel()
    await settle()

    assert (starting.cancelled(), list_services()) == (True, {})


async def test_a_starter_that_is_cancelled_before_there_is_a_worker_leaves_no_process() -> None:
    # More at once than a namespace has workers at first: the last one waits for another.
    starts = [asyncio.ensure_future(child(Kitchen, "slowly").named(("kitchen", each)).start()) for each in range(5)]
    await asyncio.sleep(0)

    for starting in starts:
        starting.cancel()
    await settle()

    assert (all(starting.cancelled() for starting in starts), list_services()) == (True, {})


async def test_a_process_that_is_ended_before_there_is_a_worker_did_not_start() -> None:
    gate = asyncio.Event()
    starts = [
        asyncio.ensure_future(child(Kitchen, "slowly", gate).named(("kitchen", each)).start()) for each in range(5)
    ]
    await asyncio.sleep(0)

    for each in range(5):
        Ref(Kitchen, ("kitchen", each)).exit("oops")

    errors = await asyncio.gather(*starts, return_exceptions=True)
    assert [getattr(error, "reason", None) for error in errors] == ["oops"] * 5
    assert list_services() == {}


@pytest.mark.parametrize("reason", ["kill", "shutdown", "oops"])
async def test_a_process_that_is_ended_in_its_init_did_not_start(reason: str) -> None:
    starting = asyncio.ensure_future(child(Kitchen, "slowly").named("kitchen").start())
    await settle()

    Ref(Kitchen, "kitchen").exit(reason)

    with pytest.raises(StartFailed) as error:
        await starting
    assert error.value.reason == ("killed" if reason == "kill" else reason)
    assert list_services() == {}


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("kind", [OneForOne, DynamicSupervisor])
async def test_a_process_that_ends_right_after_its_init_is_missed_by_its_supervisor(
    tree: Tree, kind: Any, turns: int
) -> None:
    gate = asyncio.Event()
    sup = await tree.start(kind)
    spec = child(Kitchen, "slowly", gate).named("kitchen")
    asking = asyncio.ensure_future(sup.call(kind.start_child, spec))
    await settle()
    gate.set()
    for _ in range(turns):
        await asyncio.sleep(0)

    Ref(Kitchen, "kitchen").exit("kill")
    answer = await asking
    await settle()

    if isinstance(answer, StartFailed):
        assert not Ref(Kitchen, "kitchen").alive
    else:
        assert await Ref(Kitchen, "kitchen").call(Kitchen.cook, "soup") == "soup is ready"
        assert (await sup.call(kind.count_children)).active == 1


async def test_a_linked_start_that_fails_tells_the_starter_twice(probe: Probe) -> None:
    probe.trap_exit()

    async def start() -> object:
        try:
            return await Kitchen.start_link("fails")
        except StartFailed as error:
            return error.reason

    reason = await probe.perform(start)

    assert isinstance(reason, RuntimeError)
    exit_message = await probe.expect_message(lambda message: message.reason is reason)
    assert exit_message is not None


@pytest.mark.parametrize("trapping", [True, False])
@pytest.mark.parametrize("limit", ["its own", "of asyncio"])
async def test_a_linked_start_that_takes_too_long_ends_nobody_else(
    clock: VirtualClock, limit: str, *, trapping: bool
) -> None:
    found: list[object] = []

    async def start() -> None:
        trap_exit(trapping)
        kitchen = child(Kitchen, "slowly")
        try:
            async with asyncio.timeout(2.0 if limit == "of asyncio" else None):
                await kitchen.within(2.0 if limit == "its own" else None).start_link()
        except (StartFailed, TimeoutError) as error:
            found.append(type(error))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await receive(timeout=0)
        found.append("no message, and alive")

    spawn(start)
    await clock.advance(2.0)

    assert found == [StartFailed if limit == "its own" else TimeoutError, "no message, and alive"]


async def test_every_start_is_told_to_telemetry(tree: Tree, stage: Stage) -> None:
    started: list[object] = []
    telemetry.attach(
        "test", ("greenroom", "process", "start"), lambda _, __, metadata: started.append(metadata["process"])
    )

    kitchen = await Kitchen.start()
    with pytest.raises(StartFailed):
        await Kitchen.start("fails")
    telemetry.detach("test")

    assert started == [kitchen]
    await kitchen.stop()


async def test_what_has_ended_does_not_start_again() -> None:
    kitchen = await Kitchen.start()
    await kitchen.stop()

    with pytest.raises(NotRunning):
        await kitchen.call(Kitchen.cook, "soup")


async def test_a_forgotten_dataclass_is_named() -> None:
    class Venue(GenServer):
        name: str

    class Grand(Kitchen):
        stars: int

    with pytest.raises(StartFailed, match="takes no arguments; put @dataclass before the class"):
        await cast(Any, Venue).start("Blue Note")
    with pytest.raises(StartFailed, match="'stars'; put @dataclass before the class"):
        await cast(Any, Grand).start(stars=3)
    with pytest.raises(StartFailed, match=r"argument 'stars'$"):
        await cast(Any, Kitchen).start(stars=3)
