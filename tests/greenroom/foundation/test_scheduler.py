"""Fairness: no load keeps others from their turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from greenroom import GenServer, Ref
from greenroom.foundation.scheduler import BUDGET, Scheduler, current_scheduler, install_scheduler
from greenroom.testing import Stage, Tree, VirtualClock, settle, state


@dataclass
class Mill(GenServer):
    """Grinds as long as there is something to grind."""

    ground: int = 0
    others: list[Ref[Mill]] = field(default_factory=list[Ref["Mill"]])

    async def grind(self) -> int:
        self.ground += 1
        return self.ground

    async def keep_grinding(self) -> None:
        self.ground += 1
        self.ref.cast(Mill.keep_grinding)

    async def pass_on(self, to: Ref[Mill]) -> None:
        self.ground += 1
        to.cast(Mill.pass_on, self.ref)

    async def keep_asking(self, other: Ref[Mill], times: int) -> None:
        for _ in range(times):
            await other.call(Mill.grind)

    async def handle_info(self, message: object) -> None:
        self.ground += 1
        self.ref.send(message)


class Turns:
    """Counts the turns of the event loop."""

    def __init__(self) -> None:
        self.count = 0
        self._handle: asyncio.Handle | None = None

    def begin(self) -> None:
        self.count += 1
        self._handle = asyncio.get_running_loop().call_soon(self.begin)

    def end(self) -> None:
        assert self._handle is not None
        self._handle.cancel()


@asynccontextmanager
async def counting_turns() -> AsyncGenerator[Turns]:
    """Count the turns of the loop within the block."""
    turns = Turns()
    turns.begin()
    yield turns
    turns.end()


async def test_a_caller_that_never_waits_lets_the_loop_turn(tree: Tree) -> None:
    mill = await tree.start(Mill)

    async with counting_turns() as turns:
        for _ in range(20 * BUDGET):
            await mill.call(Mill.grind)

    assert turns.count >= 15


async def test_many_callers_that_never_wait_get_equal_shares(tree: Tree) -> None:
    mills = [await tree.start(Mill) for _ in range(10)]
    done = asyncio.Event()

    async def ask(mill: Ref[Mill]) -> None:
        while not done.is_set():
            await mill.call(Mill.grind)
            if state(mill).ground >= 5 * BUDGET:
                done.set()

    await asyncio.gather(*(ask(mill) for mill in mills))

    assert min(state(mill).ground for mill in mills) > BUDGET


async def test_callers_that_give_up_leave_their_share_to_the_others(tree: Tree) -> None:
    mill, scheduler = await tree.start(Mill), current_scheduler()

    async def ask_without_credit() -> None:
        scheduler.credit = 0
        await mill.call(Mill.grind)

    for _ in range(10):
        asking = asyncio.ensure_future(ask_without_credit())
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.sleep(0)
        assert asking.cancelled()
    await ask_without_credit()

    assert scheduler.credit > BUDGET / 2


@pytest.mark.parametrize("method", [Mill.keep_grinding, None])
async def test_a_process_that_always_has_work_leaves_the_others_their_turn(tree: Tree, method: object) -> None:
    busy, quiet = await Mill.start(), await tree.start(Mill)
    if method is None:
        busy.send("again")
    else:
        busy.cast(Mill.keep_grinding)

    async with counting_turns() as turns:
        for _ in range(10):
            quiet.cast(Mill.grind)
            await asyncio.sleep(0)

    assert (state(quiet).ground, turns.count >= 10) == (10, True)
    assert state(busy).ground > 0
    busy.exit("kill")


async def test_two_processes_that_keep_each_other_busy_leave_the_others_their_turn(tree: Tree) -> None:
    first, second, quiet = await Mill.start(), await Mill.start(), await tree.start(Mill)
    first.cast(Mill.pass_on, second)

    answers = [await quiet.call(Mill.grind) for _ in range(10)]

    assert answers == list(range(1, 11))
    first.exit("kill")
    second.exit("kill")


async def test_a_flood_of_messages_is_handled_in_slices(tree: Tree) -> None:
    flooded, quiet = await tree.start(Mill), await tree.start(Mill)
    for _ in range(50 * BUDGET):
        flooded.cast(Mill.grind)
    quiet.cast(Mill.grind)

    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert state(quiet).ground == 1
    assert state(flooded).ground < 50 * BUDGET
    await settle()
    assert state(flooded).ground == 50 * BUDGET


async def test_timers_fire_under_full_load(tree: Tree) -> None:
    mill = await tree.start(Mill)
    fired = asyncio.Event()
    asyncio.get_running_loop().call_later(0.001, fired.set)

    calls = 0
    while not fired.is_set() and calls < 1_000_000:
        calls += 1
        await mill.call(Mill.grind)

    assert fired.is_set()


async def test_a_handler_that_calls_without_end_lets_the_loop_turn(tree: Tree) -> None:
    caller, mill = await tree.start(Mill), await tree.start(Mill)

    async with counting_turns() as turns:
        await caller.within(None).call(Mill.keep_asking, mill, 10 * BUDGET)

    assert turns.count >= 5


async def test_a_scheduler_is_idle_when_nobody_waits_for_a_turn(tree: Tree, stage: Stage) -> None:
    mill = await tree.start(Mill)
    await settle()
    before = stage.scheduler.is_idle

    mill.cast(Mill.grind)
    during = stage.scheduler.is_idle
    await settle()

    assert (before, during, stage.scheduler.is_idle) == (True, False, True)


async def test_each_loop_has_one_scheduler(stage: Stage) -> None:
    assert current_scheduler() is stage.scheduler


def test_a_scheduler_is_made_on_first_use_for_a_loop_that_has_none() -> None:
    async def twice() -> bool:
        return current_scheduler() is current_scheduler()

    assert asyncio.run(twice())


def test_a_scheduler_may_be_brought_with_its_clock() -> None:
    async def times() -> tuple[float, float]:
        clock = VirtualClock()
        install_scheduler(Scheduler(asyncio.get_running_loop(), clock))
        return current_scheduler().clock.monotonic(), clock.monotonic()

    assert asyncio.run(times()) == (0.0, 0.0)
