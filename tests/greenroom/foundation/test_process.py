"""What a caller gets, and when: answers, the end of the server, time-outs, cancellations."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest

from greenroom import CallTimeout, GenServer, NotRunning, Ref, Reply, ServerDown
from greenroom.testing import Stage, Tree, VirtualClock, crash, expected_crash, settle, state

OOPS = RuntimeError("oops")


@dataclass
class Oven(GenServer):
    """Bakes in the order of its guests; `gates` hold it up."""

    gates: dict[str, asyncio.Event] = field(default_factory=dict[str, asyncio.Event])
    baked: list[str] = field(default_factory=list[str])
    owed: dict[str, Reply[str]] = field(default_factory=dict[str, Reply[str]])
    cut_short: list[str] = field(default_factory=list[str])

    async def bake(self, dish: str) -> str:
        self.baked.append(dish)
        return f"{dish}!"

    async def bake_slowly(self, dish: str) -> str:
        try:
            await self.gates.setdefault(dish, asyncio.Event()).wait()
        except asyncio.CancelledError:
            self.cut_short.append(dish)
            raise
        self.baked.append(dish)
        return f"{dish}!"

    def order(self, dish: str) -> Reply[str]:
        return self.owed.setdefault(dish, Reply[str]())

    async def deliver(self, dish: str) -> None:
        self.owed.pop(dish).send(f"{dish}!")

    async def burn(self) -> str:
        raise OOPS

    async def burn_slowly(self) -> str:
        await asyncio.sleep(0)
        raise OOPS

    async def shut(self, reason: object) -> None:
        self.stop(reason)


def ready(oven: Ref[Oven], dish: str) -> None:
    """Let the dish be done."""
    state(oven).gates.setdefault(dish, asyncio.Event()).set()


Ask = Callable[[Ref[Oven], str], Any]

WAYS: dict[str, Ask] = {
    "inline and suspended": lambda oven, dish: oven.call(Oven.bake_slowly, dish),
    "with a deadline of its own": lambda oven, dish: oven.within(5.0).call(Oven.bake_slowly, dish),
    "owed": lambda oven, dish: oven.call(Oven.order, dish),
}


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest) -> Ask:
    """Every way in which an answer may take its time."""
    way: str = request.param
    return WAYS[way]


async def serve(oven: Ref[Oven], dish: str) -> None:
    """Let the answer come, whichever way it was asked for."""
    if dish in state(oven).owed:
        await oven.call(Oven.deliver, dish)
    else:
        ready(oven, dish)
        await settle()


# Time-outs.


async def test_a_call_that_takes_too_long_fails_and_its_handler_goes_on(tree: Tree, clock: VirtualClock) -> None:
    oven = await tree.start(Oven)
    answer = asyncio.ensure_future(oven.call(Oven.bake_slowly, "bread"))

    await clock.advance(5.0)
    error = answer.exception()
    ready(oven, "bread")
    await settle()

    assert isinstance(error, CallTimeout)
    assert (state(oven).baked, state(oven).cut_short) == (["bread"], [])


async def test_a_call_that_timed_out_in_the_mailbox_is_carried_out_nevertheless(
    tree: Tree, clock: VirtualClock
) -> None:
    oven = await tree.start(Oven)
    oven.cast(Oven.bake_slowly, "bread")
    answer = asyncio.ensure_future(oven.within(1.0).call(Oven.bake, "cake"))

    await clock.advance(1.0)
    error = answer.exception()
    ready(oven, "bread")
    await settle()

    assert isinstance(error, CallTimeout)
    assert state(oven).baked == ["bread", "cake"]


async def test_a_late_answer_reaches_no_later_call(tree: Tree, clock: VirtualClock, ask: Ask) -> None:
    oven = await tree.start(Oven)
    first = asyncio.ensure_future(ask(oven, "bread"))
    await clock.advance(5.0)
    second = asyncio.ensure_future(ask(oven, "cake"))
    await settle()

    await serve(oven, "bread")
    early = second.done()
    await serve(oven, "cake")

    assert isinstance(first.exception(), CallTimeout)
    assert (early, await second) == (False, "cake!")


async def test_a_deadline_is_the_callers_choice(tree: Tree, clock: VirtualClock) -> None:
    oven = await tree.start(Oven)
    soon = asyncio.ensure_future(oven.within(0.5).call(Oven.order, "bread"))
    never = asyncio.ensure_future(oven.within(None).call(Oven.order, "bread"))

    await clock.advance(0.5)
    timed_out = soon.done()
    await clock.advance(86_400.0)
    await oven.call(Oven.deliver, "bread")

    assert (timed_out, isinstance(soon.exception(), CallTimeout), await never) == (True, True, "bread!")


async def test_an_answer_that_came_leaves_no_timer_behind(tree: Tree, stage: Stage, ask: Ask) -> None:
    oven = await tree.start(Oven)
    answer = asyncio.ensure_future(ask(oven, "bread"))
    await settle()
    during = len(stage.scheduler.timers)

    await serve(oven, "bread")

    assert (during, await answer, len(stage.scheduler.timers)) == (1, "bread!", 0)


# The end of the server.


@pytest.mark.parametrize("method", [Oven.burn, Oven.burn_slowly])
async def test_the_caller_of_a_handler_that_fails_learns_the_reason(tree: Tree, method: Any) -> None:
    oven = await tree.start(Oven)
    process = oven.where()

    with expected_crash(RuntimeError), pytest.raises(ServerDown) as down:
        await oven.call(method)

    assert (down.value.reason, down.value.target, down.value.method) == (OOPS, process, method.__name__)
    assert down.value.__cause__ is OOPS


@pytest.mark.parametrize(("end", "reason"), [("kill", "killed"), ("oops", "oops"), (("gas", 7), ("gas", 7))])
async def test_whoever_waits_learns_at_once_that_the_server_ended(
    clock: VirtualClock, ask: Ask, end: object, reason: object
) -> None:
    oven = await Oven.start()
    running = asyncio.ensure_future(ask(oven, "bread"))
    await settle()
    waiting = asyncio.ensure_future(oven.call(Oven.order, "cake"))
    await settle()

    oven.exit(end)
    await settle()

    errors = running.exception(), waiting.exception()
    assert [error.reason for error in errors if isinstance(error, ServerDown)] == [reason, reason]
    assert clock.monotonic() == 0.0


async def test_whoever_is_owed_an_answer_learns_that_the_server_stopped() -> None:
    oven = await Oven.start()
    answers = [asyncio.ensure_future(oven.call(Oven.order, "bread")) for _ in range(3)]
    await settle()

    await oven.call(Oven.shut, "shutdown")

    for answer in answers:
        with pytest.raises(ServerDown) as down:
            await answer
        assert down.value.reason == "shutdown"


async def test_a_handler_that_fails_takes_the_calls_behind_it_along(tree: Tree) -> None:
    oven = await tree.start(Oven)
    with expected_crash(RuntimeError):
        oven.cast(Oven.bake_slowly, "bread")
        oven.cast(Oven.burn)
        behind = asyncio.ensure_future(oven.call(Oven.bake, "cake"))
        await settle()
        ready(oven, "bread")
        await settle()

    error = behind.exception()
    assert isinstance(error, ServerDown)
    assert error.reason is OOPS


async def test_an_answer_that_was_sent_is_not_lost_with_the_server() -> None:
    oven = await Oven.start()
    answer = asyncio.ensure_future(oven.call(Oven.order, "bread"))
    await settle()

    state(oven).owed["bread"].send("bread!")
    oven.exit("kill")

    assert await answer == "bread!"


# Callers that give up.


async def test_a_caller_that_is_cancelled_does_not_cancel_the_handler(tree: Tree) -> None:
    oven = await tree.start(Oven)
    answer = asyncio.ensure_future(oven.call(Oven.bake_slowly, "bread"))
    await settle()

    answer.cancel()
    await settle()
    ready(oven, "bread")
    await settle()

    assert answer.cancelled()
    assert (state(oven).baked, state(oven).cut_short) == (["bread"], [])


async def test_a_caller_may_wait_for_less_than_the_deadline(tree: Tree, clock: VirtualClock) -> None:
    oven = await tree.start(Oven)

    async def impatient() -> str:
        async with asyncio.timeout(1.0):
            return await oven.call(Oven.bake_slowly, "bread")

    answer = asyncio.ensure_future(impatient())
    await clock.advance(1.0)
    ready(oven, "bread")
    await settle()

    assert isinstance(answer.exception(), TimeoutError)
    assert state(oven).baked == ["bread"]


async def test_the_first_failure_in_a_group_leaves_the_servers_at_work(tree: Tree) -> None:
    oven = await tree.start(Oven)

    async def fail() -> None:
        await settle()
        raise OOPS

    async def evening() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(oven.call(Oven.bake_slowly, "bread"))
            group.create_task(fail())

    with pytest.raises(ExceptionGroup):
        await evening()
    ready(oven, "bread")
    await settle()

    assert state(oven).baked == ["bread"]


async def test_an_owed_answer_whose_caller_gave_up_is_dropped(tree: Tree) -> None:
    oven = await tree.start(Oven)
    answer = asyncio.ensure_future(oven.call(Oven.order, "bread"))
    await settle()

    answer.cancel()
    await settle()
    await oven.call(Oven.deliver, "bread")

    assert await oven.call(Oven.bake, "cake") == "cake!"


# Where the process is.


async def test_a_reference_to_a_process_stays_with_that_process(tree: Tree) -> None:
    oven = await tree.start(Oven)
    process = oven.where()
    assert process is not None

    await crash(oven)

    assert (process.alive, oven.alive, process == oven.where()) == (False, True, False)
    with pytest.raises(NotRunning):
        await process.call(Oven.bake, "bread")
    assert await process.down() == "noproc"


async def test_down_answers_the_reason_to_all_who_wait() -> None:
    oven = await Oven.start()
    waiting = [asyncio.ensure_future(oven.down()) for _ in range(3)]
    await settle()

    oven.exit("oops")

    assert await asyncio.gather(*waiting) == ["oops"] * 3


async def test_calls_at_the_same_time_are_handled_one_after_the_other(tree: Tree) -> None:
    oven = await tree.start(Oven)
    dishes = [f"dish {number}" for number in range(100)]
    answers = asyncio.gather(*(oven.call(Oven.bake_slowly, dish) for dish in dishes))
    await settle()
    for dish in reversed(dishes):
        ready(oven, dish)

    assert await answers == [f"{dish}!" for dish in dishes]
    assert state(oven).baked == dishes


async def test_a_copy_of_what_refers_to_a_process_refers_to_the_same(tree: Tree) -> None:
    oven = (await tree.start(Oven)).where()

    assert copy(oven) is deepcopy([oven])[0] is oven


async def test_a_name_can_be_sent_elsewhere_and_a_process_can_not(tree: Tree) -> None:
    oven = await tree.start(Oven)

    assert pickle.loads(pickle.dumps(Ref(Oven, "oven"))) == Ref(Oven, "oven")
    with pytest.raises(
        TypeError, match=r"expected an address that can be sent elsewhere, as Ref.Server, name., got <Oven"
    ):
        pickle.dumps(oven.where())
