"""What a dynamic supervisor does when a child ends, and when it ends itself."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from greenroom import (
    Counts,
    Down,
    DynamicSupervisor,
    Exit,
    GenServer,
    Ignored,
    Informed,
    NoSuchChild,
    Ref,
    Shutdown,
    StartFailed,
    TooManyChildren,
    child,
    exit_with,
)
from greenroom.foundation.restart import RestartType
from greenroom.testing import Probe, Tree, VirtualClock, crash, settle
from tests.greenroom.foundation.stack import Stack

MANY = 100_000


@dataclass
class Starter:
    """A start function that behaves differently from its second call on."""

    later: Callable[[], Any] = Stack.start
    failures: int = 0
    calls: int = 0
    names: list[str] = field(default_factory=list[str])

    def form(self, restart: RestartType = "permanent") -> dict[str, object]:
        return {"id": self, "start": (self.start, ()), "restart": restart}

    async def start(self) -> object:
        self.calls += 1
        if 1 < self.calls <= self.failures + 1:
            raise RuntimeError("not yet")
        return await (Stack.start() if self.calls == 1 else self.later())


async def ignore() -> Ref[Stack]:
    raise Ignored("stack")


async def fail() -> Ref[Stack]:
    raise StartFailed("stack", "found")


async def wander() -> object:
    return "nowhere"


async def inform() -> Ref[Stack]:
    return Informed(await Stack.start(), "extra")


@dataclass
class Stubborn(GenServer):
    """Traps exits, and answers a signal as it was told."""

    answer: object

    async def init(self) -> None:
        self.trap_exit()

    async def terminate(self, reason: object) -> None:
        if self.answer == "never":
            await asyncio.Event().wait()
        exit_with(self.answer)


async def start_child(sup: Ref[DynamicSupervisor], form: Any) -> Ref[Any]:
    """Start a child that has to start."""
    ref = await sup.call(DynamicSupervisor.start_child, form)
    assert isinstance(ref, Ref), ref
    return ref


async def counts(sup: Ref[DynamicSupervisor]) -> tuple[int, int]:
    """How many workers there are, and how many are active."""
    found = await sup.call(DynamicSupervisor.count_children)
    return found.workers, found.active


async def end(ref: Ref[Any], reason: object) -> None:
    """Let it end for this reason, and let its supervisor see it."""
    ref.exit(reason)
    await settle()


# Restarts.


@pytest.mark.conforms(*(f"ex.dynamic_supervisor.{number:03}" for number in range(43, 47)))
@pytest.mark.parametrize(
    ("restart", "reason", "left"),
    [
        ("temporary", "shutdown", (0, 0)),
        ("temporary", "whatever", (0, 0)),
        ("transient", "shutdown", (0, 0)),
        ("transient", Shutdown("signal"), (0, 0)),
        ("transient", "whatever", (1, 1)),
    ],
)
async def test_a_child_comes_back_as_its_type_says(
    tree: Tree, restart: RestartType, reason: object, left: tuple[int, int]
) -> None:
    sup = await tree.start(DynamicSupervisor)
    stack = await start_child(sup, child(Stack).restart(restart))

    await end(stack, reason)

    assert await counts(sup) == left


@pytest.mark.conforms("ex.dynamic_supervisor.047")
async def test_a_permanent_child_always_comes_back(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor, max_restarts=MANY)

    for number, reason in enumerate(("shutdown", Shutdown("signal"), "whatever"), 1):
        await end(await start_child(sup, Stack), reason)
        assert await counts(sup) == (number, number)


@pytest.mark.conforms("ex.dynamic_supervisor.048", "ex.dynamic_supervisor.049")
@pytest.mark.parametrize("later", [Stack.start, inform])
async def test_the_new_process_takes_the_place_of_the_old(tree: Tree, later: Callable[[], Any]) -> None:
    sup = await tree.start(DynamicSupervisor, max_restarts=MANY)
    before = await start_child(sup, Starter(later).form())
    await start_child(sup, Stack)

    await end(before, "whatever")

    assert await counts(sup) == (2, 2)
    assert before not in [info.ref for info in await sup.call(DynamicSupervisor.which_children)]


@pytest.mark.conforms("ex.dynamic_supervisor.050")
async def test_a_child_that_declines_to_come_back_is_forgotten(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor, max_restarts=MANY)
    await start_child(sup, Stack)
    stack = await start_child(sup, Starter(ignore).form())

    await end(stack, "whatever")

    assert await counts(sup) == (1, 1)


@pytest.mark.conforms("ex.dynamic_supervisor.051", "ex.dynamic_supervisor.052", "ex.dynamic_supervisor.053")
@pytest.mark.parametrize("later", [fail, wander])
async def test_a_child_that_can_not_come_back_is_listed_and_tried_again(tree: Tree, later: Callable[[], Any]) -> None:
    sup = await tree.start(DynamicSupervisor, max_restarts=MANY)
    await start_child(sup, Stack)
    starter = Starter(later)
    stack = await start_child(sup, starter.form())

    stack.exit("whatever")
    before = await counts(sup), starter.calls
    marks = [info.ref for info in await sup.call(DynamicSupervisor.which_children)][1:]
    after = await counts(sup), starter.calls

    assert (before[0], after[0], marks) == ((2, 1), (2, 1), ["restarting"])
    assert after[1] > before[1] > 1


@pytest.mark.conforms("ex.dynamic_supervisor.054")
async def test_a_child_that_is_being_restarted_counts_against_the_limit(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor, max_restarts=MANY, max_children=1)
    stack = await start_child(sup, Starter(fail).form())

    stack.exit("whatever")

    assert isinstance(await sup.call(DynamicSupervisor.start_child, Stack), TooManyChildren)


@pytest.mark.conforms("ex.dynamic_supervisor.055")
async def test_a_child_that_was_restarted_counts_against_the_limit(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor, max_restarts=MANY, max_children=1)
    stack = await start_child(sup, Stack)

    await crash(stack)

    assert isinstance(await sup.call(DynamicSupervisor.start_child, Stack), TooManyChildren)


@pytest.mark.conforms("ex.dynamic_supervisor.057")
async def test_a_try_that_fails_is_followed_by_another(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor, max_restarts=2)
    starter = Starter(failures=1)
    stack = await start_child(sup, starter.form())

    await end(stack, "whatever")

    assert (await counts(sup), starter.calls) == ((1, 1), 3)


@pytest.mark.conforms("ex.dynamic_supervisor.058", "ex.dynamic_supervisor.059")
@pytest.mark.parametrize("limit", [1, 10])
async def test_tries_that_fail_count_as_restarts(probe: Probe, limit: int) -> None:
    sup = await DynamicSupervisor.start(max_restarts=limit)
    starter = Starter(fail)
    stack = await start_child(sup, starter.form())
    probe.monitor(sup)

    stack.exit("whatever")

    assert (await probe.expect_message(Down)).reason == "shutdown"
    assert starter.calls == 1 + limit


@pytest.mark.conforms("ex.dynamic_supervisor.072")
async def test_a_child_that_can_not_come_back_is_given_up_by_the_address_that_it_had(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor, max_restarts=MANY)
    starter = Starter(fail)
    stack = await start_child(sup, starter.form())

    stack.exit("whatever")
    first = await sup.call(DynamicSupervisor.terminate_child, stack)
    second = await sup.call(DynamicSupervisor.terminate_child, stack)
    calls = starter.calls
    await settle()

    assert (first, second) == (None, NoSuchChild(stack))
    assert starter.calls == calls
    assert await sup.call(DynamicSupervisor.count_children) == Counts(0, 0, 0, 0)


# The end of the supervisor.


@pytest.mark.conforms("ex.dynamic_supervisor.060")
@pytest.mark.parametrize("seconds", [0, 0.001])
async def test_a_child_with_hardly_any_time_to_stop_is_an_ordinary_child(
    tree: Tree, probe: Probe, seconds: float
) -> None:
    sup = await tree.start(DynamicSupervisor)
    stack = await start_child(sup, child(Stack).shutdown(seconds).restart("temporary"))
    probe.monitor(stack)

    stack.exit("shutdown")

    assert (await probe.expect_message(Down)).reason == "shutdown"


OOPS = Shutdown("oops")
PLAIN = child(Stack)
TRAPPING = child(Stubborn, OOPS)


@pytest.mark.conforms(*(f"ex.dynamic_supervisor.{number:03}" for number in range(62, 70)))
@pytest.mark.parametrize(
    ("specs", "reasons"),
    [
        pytest.param([PLAIN.shutdown("brutal_kill")] * 3, ["killed"] * 3, id="062"),
        pytest.param([PLAIN.shutdown("infinity")] * 3, ["shutdown"] * 3, id="063"),
        pytest.param([TRAPPING.shutdown("infinity")] * 3, [OOPS] * 3, id="064"),
        pytest.param([PLAIN.shutdown(1.0)] * 3, ["shutdown"] * 3, id="065"),
        pytest.param([TRAPPING.shutdown(1.0)] * 3, [OOPS] * 3, id="066"),
        pytest.param(
            [PLAIN.shutdown(0.001), PLAIN.shutdown(0.001), child(Stubborn, "never").shutdown(0.001)],
            ["shutdown", "shutdown", "killed"],
            id="067",
        ),
        pytest.param([child(Stubborn, "normal").shutdown("infinity")] * 3, ["normal"] * 3, id="068"),
        pytest.param([PLAIN.shutdown("infinity"), PLAIN.shutdown("brutal_kill")], ["shutdown", "killed"], id="069"),
    ],
)
async def test_children_are_stopped_at_once_each_by_its_own_rule(
    probe: Probe, clock: VirtualClock, specs: list[Any], reasons: list[object]
) -> None:
    sup = await DynamicSupervisor.start()
    monitors = [probe.monitor(await start_child(sup, spec)) for spec in specs]

    stopping = asyncio.ensure_future(sup.stop("shutdown"))
    await clock.advance(0.001)

    assert stopping.done()
    told = {down.monitor: down.reason for down in probe.messages if isinstance(down, Down)}
    assert [told[monitor] for monitor in monitors] == reasons


async def test_a_supervisor_that_is_killed_takes_its_children_along(probe: Probe) -> None:
    sup = await DynamicSupervisor.start()
    stack = await start_child(sup, Stack)
    probe.trap_exit()
    probe.link(stack)

    sup.exit("kill")

    assert await probe.expect_message(Exit) == Exit(stack, "killed")
