"""Times that make no sense are refused where they are given, in the words of whoever gave them."""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf, nan
from typing import Any

import pytest

from greenroom import (
    CallTimeout,
    GenServer,
    Ref,
    ServerDown,
    Task,
    Timeout,
    child,
    get_state,
    process_info,
    send_after,
    sleep,
    suspend,
)
from greenroom.foundation.seconds import is_seconds
from greenroom.testing import Tree, VirtualClock, expected_crash, settle
from tests.greenroom.foundation.in_process import in_process

NONSENSE: list[Any] = [-1, "5", nan, True]
Asks = Callable[[Ref["Slow"], float], Awaitable[object]]


class Slow(GenServer):
    """Takes its time, and remembers how often it was told that nothing came."""

    idles: int = 0

    async def rest(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "rested"

    async def wait(self, seconds: Any) -> None:
        self.idle(seconds)

    async def remind(self, seconds: Any) -> None:
        self.send_after(seconds, "reminder")

    async def handle_info(self, message: object) -> None:
        if isinstance(message, Timeout):
            self.idles += 1

    async def count(self) -> int:
        return self.idles


async def ask_within(slow: Ref[Slow], seconds: float) -> object:
    return await slow.within(seconds).call(Slow.rest, 0.1)


async def ask_for_state(slow: Ref[Slow], seconds: float) -> object:
    return await get_state(slow, seconds)


async def ask_for_suspension(slow: Ref[Slow], seconds: float) -> None:
    await suspend(slow, seconds)


async def ask_to_stop(slow: Ref[Slow], seconds: float) -> None:
    await slow.stop(timeout=seconds)


async def ask_a_task(slow: Ref[Slow], seconds: float) -> object:
    task = Task.completed(1)
    return await task.await_(seconds)


LIMITS: list[Asks] = [ask_within, ask_for_state, ask_for_suspension, ask_to_stop, ask_a_task]


@pytest.mark.parametrize("seconds", NONSENSE, ids=str)
@pytest.mark.parametrize("ask", LIMITS)
async def test_what_is_no_time_limits_nothing(tree: Tree, ask: Asks, seconds: float) -> None:
    slow = await tree.start(Slow)

    with pytest.raises(ValueError, match=r"expected (within|timeout) to be seconds from 0 on, or None .*, got"):
        await ask(slow, seconds)

    assert slow.alive


@pytest.mark.parametrize("ask", [*LIMITS[:3], LIMITS[4]])
async def test_an_infinite_limit_is_none(tree: Tree, ask: Asks) -> None:
    slow = await tree.start(Slow)

    await ask(slow, inf)

    assert process_info(slow) is not None


@pytest.mark.parametrize("seconds", NONSENSE, ids=str)
async def test_a_child_has_a_time_for_its_start(seconds: float) -> None:
    with pytest.raises(ValueError, match="expected the time for init to be seconds from 0 on, or None for no limit"):
        child(Slow).within(seconds)


async def test_a_child_may_have_all_the_time_for_its_start() -> None:
    slow = await child(Slow).within(inf).start()

    assert await slow.call(Slow.count) == 0
    await slow.stop()


@pytest.mark.parametrize("seconds", [*NONSENSE, inf], ids=str)
async def test_a_limit_for_stopping_is_a_time_or_infinity(seconds: float) -> None:
    with pytest.raises(ValueError, match="expected shutdown to be seconds, 'brutal_kill' or 'infinity', got"):
        child(Slow).shutdown(seconds)


@pytest.mark.parametrize("seconds", ["5", None, nan, inf], ids=str)
async def test_a_timer_is_set_for_a_time(tree: Tree, seconds: Any) -> None:
    slow = await tree.start(Slow)

    with pytest.raises(ValueError, match="expected a time in seconds, and not without end, got"):
        send_after(slow, "reminder", seconds)
    with expected_crash(ValueError), pytest.raises(ServerDown, match="expected a time in seconds"):
        await slow.call(Slow.remind, seconds)


@pytest.mark.parametrize("seconds", NONSENSE, ids=str)
async def test_idleness_is_a_time(tree: Tree, seconds: Any) -> None:
    slow = await tree.start(Slow)

    with expected_crash(ValueError), pytest.raises(ServerDown, match="expected idle to be seconds from 0 on"):
        await slow.call(Slow.wait, seconds)


async def test_no_idleness_is_none(tree: Tree, clock: VirtualClock) -> None:
    slow = await tree.start(Slow)
    await slow.call(Slow.wait, 5)
    await slow.call(Slow.wait, None)
    await clock.advance(10)
    assert await slow.call(Slow.count) == 0

    await slow.call(Slow.wait, 0)
    await settle()
    await clock.advance(0.001)
    assert await slow.call(Slow.count) == 1


@in_process
async def test_sleep_takes_a_time_and_what_is_over_takes_a_turn() -> None:
    await sleep(-1)
    with pytest.raises(ValueError, match="expected the time to sleep to be seconds"):
        await sleep(nan)


async def test_a_call_with_no_time_left_is_answered_only_if_nobody_has_to_wait(tree: Tree) -> None:
    slow = await tree.start(Slow)
    assert await slow.within(0).call(Slow.count) == 0

    resting = asyncio.ensure_future(slow.call(Slow.rest, 0.01))
    await asyncio.sleep(0)
    with pytest.raises(CallTimeout):
        await slow.within(0).call(Slow.count)

    assert await resting == "rested"


@pytest.mark.parametrize(("value", "answer"), [(0, True), (1.5, True), (-0.1, False), (inf, False), (None, False)])
def test_seconds_are_finite_and_not_negative(value: object, answer: bool) -> None:
    assert is_seconds(value) is answer
