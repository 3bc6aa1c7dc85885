"""How children are ended: in reverse order, each within its own limit, killed when it is up."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from greenroom import Down, DynamicSupervisor, Ref, ServerDown, Supervisor, child, exit_with
from greenroom.foundation.restart import RestartType, Shutdown
from greenroom.testing import Probe, Stage, VirtualClock, settle
from tests.greenroom.foundation.one_for_one import OneForOne
from tests.greenroom.foundation.part import Part, Plan, part
from tests.greenroom.foundation.stack import Stack


async def test_children_stop_in_reverse_order_one_after_the_other() -> None:
    plan = Plan()
    sup = await Supervisor.start(plan.parts("abc"), strategy="one_for_one")

    await sup.stop()

    assert plan.log == ["+a", "+b", "+c", "-c", "-b", "-a"]


async def test_a_child_is_waited_for_before_the_next_is_asked(clock: VirtualClock) -> None:
    plan = Plan(stubborn={"c"})
    parts = [plan.part("a"), plan.part("b"), plan.part("c").shutdown(3.0)]
    sup = await Supervisor.start(parts, strategy="one_for_one")

    stopping = asyncio.ensure_future(sup.stop())
    await clock.advance(2.999)
    before = list(plan.log), part("b").alive
    await clock.advance(0.001)

    assert before == (["+a", "+b", "+c"], True)
    assert (stopping.done(), plan.log[3:]) == (True, ["-b", "-a"])


@pytest.mark.parametrize(
    ("shutdown", "seconds", "reason"),
    [(5.0, 5.0, "killed"), (0.5, 0.5, "killed"), (0, 0.001, "killed"), ("brutal_kill", 0.0, "killed")],
)
@pytest.mark.parametrize("kind", [OneForOne, DynamicSupervisor])
async def test_a_child_that_does_not_stop_is_killed_when_its_time_is_up(
    probe: Probe, clock: VirtualClock, kind: Any, shutdown: Shutdown, seconds: float, reason: str
) -> None:
    plan = Plan(stubborn={"a"})
    sup = await kind.start()
    await sup.call(kind.start_child, plan.part("a").shutdown(shutdown))
    monitor = probe.monitor(part("a"))

    stopping = asyncio.ensure_future(sup.stop())
    await settle()
    before = stopping.done()
    await clock.advance(seconds)

    assert (before, stopping.done()) == (seconds == 0, True)
    assert await probe.expect_message(Down) == Down(monitor, part("a"), reason)


@pytest.mark.parametrize("kind", [OneForOne, DynamicSupervisor])
async def test_a_child_that_did_not_stop_in_time_is_reported(
    caplog: pytest.LogCaptureFixture, clock: VirtualClock, kind: Any
) -> None:
    plan = Plan(stubborn={"a"})
    sup = await kind.start()
    for name in "ab":
        await sup.call(kind.start_child, plan.part(name).shutdown(2.0))

    stopping = asyncio.ensure_future(sup.stop())
    await clock.advance(2.0)
    await stopping

    assert [text.partition(": ")[2] for text in warnings_in(caplog)] == [
        "child 'a' ended (killed), since it took more than 2.0 s to stop"
    ]


async def test_a_child_that_fails_while_it_stops_is_reported(caplog: pytest.LogCaptureFixture, stage: Stage) -> None:
    class Careless(Part):
        async def terminate(self, reason: object) -> None:
            raise KeyError("lost")

    plan = Plan()
    sup = await Supervisor.start([child(Careless, "a", plan).named("a")], strategy="one_for_one")

    await sup.stop()

    assert [text.partition(": ")[2] for text in warnings_in(caplog)] == [
        "child 'a' ended (KeyError: 'lost'), stopping it"
    ]
    (crash,) = stage.record.crashes
    stage.record.expect(crash.reason)


@pytest.mark.parametrize(("restart", "reports"), [("permanent", 1), ("transient", 0), ("temporary", 0)])
async def test_only_a_permanent_child_has_no_reason_to_end_by_itself(
    caplog: pytest.LogCaptureFixture, restart: RestartType, reports: int
) -> None:
    class Finishing(Part):
        async def terminate(self, reason: object) -> None:
            exit_with("normal")

    caplog.set_level(logging.INFO, "greenroom.supervisor")
    sup = await Supervisor.start([child(Finishing, "a", Plan()).restart(restart)], strategy="one_for_one")

    await sup.stop()

    assert len(warnings_in(caplog, logging.INFO)) == reports


def warnings_in(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    """What supervisors have written."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "greenroom.supervisor" and record.levelno >= level
    ]


async def test_a_child_without_a_limit_is_waited_for_as_long_as_it_takes(clock: VirtualClock) -> None:
    plan = Plan(stubborn={"a"})
    sup = await Supervisor.start([plan.part("a").shutdown("infinity")], strategy="one_for_one")

    stopping = asyncio.ensure_future(sup.stop())
    await clock.advance(86_400.0)
    waiting = not stopping.done()
    part("a").exit("kill")
    await settle()

    assert (waiting, stopping.done()) == (True, True)


async def test_a_worker_has_five_seconds_unless_it_says_otherwise(clock: VirtualClock) -> None:
    plan = Plan(stubborn={"a"})
    sup = await Supervisor.start(plan.parts("a"), strategy="one_for_one")

    stopping = asyncio.ensure_future(sup.stop())
    await clock.advance(4.999)
    before = stopping.done()
    await clock.advance(0.001)

    assert (before, stopping.done()) == (False, True)


async def test_a_tree_stops_from_its_leaves(clock: VirtualClock) -> None:
    plan = Plan()
    inner = child(Supervisor, plan.parts("bc"), strategy="one_for_one").id("inner")
    sup = await Supervisor.start([plan.part("a"), inner, plan.part("d")], strategy="one_for_one")

    await sup.stop("shutdown")

    assert plan.log[4:] == ["-d", "-c", "-b", "-a"]


async def test_the_children_of_a_dynamic_supervisor_stop_at_the_same_time(clock: VirtualClock) -> None:
    plan = Plan(stubborn=set("abc"))
    sup = await DynamicSupervisor.start()
    for name in "abc":
        await sup.call(DynamicSupervisor.start_child, plan.part(name).shutdown(2.0))

    stopping = asyncio.ensure_future(sup.stop())
    await clock.advance(2.0)

    assert stopping.done()


@pytest.mark.parametrize("kind", [OneForOne, DynamicSupervisor])
async def test_a_child_is_killed_when_its_time_is_up_though_its_supervisor_was_killed_before(
    clock: VirtualClock, kind: Any
) -> None:
    plan = Plan(stubborn={"a"})
    sup = await kind.start()
    await sup.call(kind.start_child, plan.part("a").shutdown(3.0))
    stopping = asyncio.ensure_future(sup.stop("shutdown"))
    await clock.advance(1.0)

    sup.exit("kill")
    await clock.advance(1.999)
    before = part("a").alive
    await clock.advance(0.001)

    assert isinstance(stopping.exception(), ServerDown)
    assert (before, part("a").alive) == (True, False)


async def test_a_supervisor_that_is_killed_takes_its_tree_along() -> None:
    leaf = child(Stack).named("leaf")
    inner = child(Supervisor, [leaf], strategy="one_for_one").named("inner")
    sup = await Supervisor.start([inner], strategy="one_for_one")

    sup.exit("kill")
    await settle()

    assert [Ref(Supervisor, "inner").alive, Ref(Stack, "leaf").alive] == [False, False]


async def test_a_child_that_traps_exits_and_lost_its_supervisor_runs_terminate() -> None:
    plan = Plan()
    sup = await Supervisor.start(plan.parts("ab"), strategy="one_for_one")

    sup.exit("kill")
    await settle()

    assert sorted(plan.log[2:]) == ["-a", "-b"]
    assert [part(name).alive for name in "ab"] == [False, False]


async def test_a_child_that_is_stopped_by_its_supervisor_is_not_restarted() -> None:
    plan = Plan()
    sup = await Supervisor.start([plan.part("a").restart("permanent")], strategy="one_for_one")

    await sup.call(Supervisor.terminate_child, "a")
    await settle()

    assert plan.log == ["+a", "-a"]
    await sup.stop()


async def test_a_child_that_crashes_while_its_supervisor_stops_is_not_restarted(clock: VirtualClock) -> None:
    plan = Plan(stubborn={"b"})
    sup = await Supervisor.start(plan.parts("ab"), strategy="one_for_one")

    stopping = asyncio.ensure_future(sup.stop())
    await settle()
    part("a").exit("kill")
    await clock.advance(5.0)

    assert (stopping.done(), plan.log, part("a").alive) == (True, ["+a", "+b"], False)


async def test_a_busy_child_is_asked_when_its_handler_is_through(clock: VirtualClock) -> None:
    class Busy(Part):
        async def work(self) -> None:
            await asyncio.sleep(3.0)
            self.plan.log.append("worked")

    plan = Plan()
    sup = await Supervisor.start([child(Busy, "a", plan).named("a")], strategy="one_for_one")
    Ref(Busy, "a").cast(Busy.work)

    stopping = asyncio.ensure_future(sup.stop())
    await clock.advance(3.0)

    assert (stopping.done(), plan.log) == (True, ["+a", "worked", "-a"])
