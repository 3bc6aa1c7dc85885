"""What a supervisor does when a child ends: strategies, types of restart, intensity, tries that fail."""

import asyncio
from typing import Any

import pytest

from greenroom import (
    ChildRunning,
    Down,
    NotRunning,
    Ref,
    Shutdown,
    StartFailed,
    Supervisor,
    child,
    telemetry,
)
from greenroom.foundation.restart import RestartType, Strategy
from greenroom.testing import Probe, Stage, Tree, VirtualClock, crash, settle
from tests.greenroom.foundation.part import Part, Plan, part
from tests.greenroom.foundation.stack import Stack


async def refs(sup: Ref[Supervisor]) -> dict[Any, Any]:
    """The children by their ids."""
    return {info.id: info.ref for info in await sup.call(Supervisor.which_children)}


# Strategies.


@pytest.mark.parametrize(
    ("strategy", "log"),
    [
        ("one_for_one", ["+b"]),
        ("rest_for_one", ["-c", "+b", "+c"]),
        ("one_for_all", ["-c", "-a", "+a", "+b", "+c"]),
    ],
)
async def test_a_strategy_says_who_is_restarted_and_in_which_order(
    tree: Tree, strategy: Strategy, log: list[str]
) -> None:
    plan = Plan()
    sup = await tree.start(Supervisor, plan.parts("abc"), strategy=strategy)
    before = await refs(sup)
    plan.take_log()

    await crash(part("b"))

    after = await refs(sup)
    assert plan.log == log
    assert [name for name in "abc" if after[name] is not before[name]] == sorted(word[1] for word in log if "+" in word)


async def test_a_group_restart_leaves_a_terminated_child_of_the_group_to_be_started_too(tree: Tree) -> None:
    plan = Plan()
    sup = await tree.start(Supervisor, plan.parts("abc"), strategy="one_for_all")
    await sup.call(Supervisor.terminate_child, "c")
    plan.take_log()

    await crash(part("a"))

    assert plan.log == ["-b", "+a", "+b", "+c"]


# Types of restart.


@pytest.mark.parametrize(
    ("restart", "reason", "comes_back"),
    [
        ("permanent", "normal", True),
        ("permanent", "shutdown", True),
        ("permanent", "oops", True),
        ("transient", "normal", False),
        ("transient", "shutdown", False),
        ("transient", Shutdown("enough"), False),
        ("transient", "oops", True),
        ("transient", "killed", True),
        ("temporary", "normal", False),
        ("temporary", "oops", False),
    ],
)
async def test_a_child_comes_back_as_its_type_says(
    tree: Tree, restart: RestartType, reason: object, comes_back: bool
) -> None:
    plan = Plan()
    sup = await tree.start(Supervisor, [plan.part("a").restart(restart)], strategy="one_for_one")

    await part("a").call(Part.quit, reason)
    await settle()

    assert part("a").alive is comes_back
    assert (await sup.call(Supervisor.count_children)).specs == (0 if restart == "temporary" else 1)


async def test_a_temporary_sibling_does_not_come_back_in_a_group_restart(tree: Tree) -> None:
    plan = Plan()
    sup = await tree.start(
        Supervisor, [plan.part("a"), plan.part("b").restart("temporary"), plan.part("c")], strategy="one_for_all"
    )
    plan.take_log()

    await crash(part("a"))

    assert plan.log == ["-c", "-b", "+a", "+c"]
    assert list(await refs(sup)) == ["a", "c"]


async def test_a_child_that_declines_at_its_restart_is_kept_without_a_process(tree: Tree) -> None:
    class Shy(Stack):
        starts = 0

        async def init(self) -> None:
            Shy.starts += 1
            if Shy.starts > 1:
                self.ignore()

    sup = await tree.start(Supervisor, [child(Shy).id("shy")], strategy="one_for_one")

    await crash((await refs(sup))["shy"])

    assert await refs(sup) == {"shy": None}


# Intensity.


async def test_one_restart_too_many_ends_the_supervisor_with_shutdown(tree: Tree, probe: Probe) -> None:
    plan = Plan()
    sup = await Supervisor.start(plan.parts("ab"), max_restarts=2, max_seconds=5.0, strategy="one_for_one")
    probe.monitor(sup)

    for _ in range(3):
        await crash(part("a"))

    assert (await probe.expect_message(Down)).reason == "shutdown"
    assert not part("b").alive
    assert plan.log[-1] == "-b"


async def test_restarts_that_are_long_over_do_not_count(tree: Tree, clock: VirtualClock) -> None:
    plan = Plan()
    sup = await tree.start(Supervisor, plan.parts("a"), max_restarts=1, max_seconds=5.0, strategy="one_for_one")

    for _ in range(5):
        await crash(part("a"))
        await clock.advance(5.001)

    assert sup.alive


async def test_the_restarts_of_all_children_count_together() -> None:
    plan = Plan()
    sup = await Supervisor.start(plan.parts("abc"), max_restarts=2, strategy="one_for_one")

    for name in "abc":
        await crash(part(name))

    assert not sup.alive


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
async def test_the_restart_of_a_group_counts_once(tree: Tree, strategy: Strategy) -> None:
    plan = Plan()
    sup = await tree.start(Supervisor, plan.parts("abcdef"), strategy=strategy, max_restarts=1)

    await crash(part("a"))

    assert sup.alive
    assert plan.log.count("+f") == 2


async def test_a_supervisor_that_allows_none_gives_up_at_the_first() -> None:
    plan = Plan()
    sup = await Supervisor.start(plan.parts("a"), max_restarts=0, strategy="one_for_one")

    await crash(part("a"))

    assert not sup.alive


async def test_a_supervisor_that_gives_up_is_restarted_by_its_own(tree: Tree) -> None:
    plan = Plan()
    inner = child(Supervisor, plan.parts("ab"), max_restarts=0, strategy="one_for_one").named("inner")
    await tree.start(Supervisor, [inner], strategy="one_for_one")
    plan.take_log()

    await crash(part("a"))

    assert plan.log == ["-b", "+a", "+b"]
    assert Ref(Supervisor, "inner").alive


# Tries that fail.


async def test_a_restart_that_fails_is_tried_again_until_it_works(tree: Tree) -> None:
    plan = Plan()
    sup = await tree.start(Supervisor, plan.parts("a"), max_restarts=10, strategy="one_for_one")
    plan.failures["a"] = 3

    await crash(part("a"))
    await settle()

    assert plan.log == ["+a", "!a", "!a", "!a", "+a"]
    assert sup.alive


async def test_each_try_counts(tree: Tree, probe: Probe) -> None:
    plan = Plan()
    sup = await Supervisor.start(plan.parts("ab"), max_restarts=3, strategy="one_for_one")
    plan.failures["a"] = 100
    probe.monitor(sup)

    await crash(part("a"))

    assert (await probe.expect_message(Down)).reason == "shutdown"
    assert plan.log == ["+a", "+b", "!a", "!a", "!a", "-b"]


async def test_between_two_tries_a_supervisor_answers(tree: Tree) -> None:
    plan = Plan()
    sup = await tree.start(Supervisor, plan.parts("ab"), max_restarts=1_000_000, strategy="one_for_one")
    plan.failures["a"] = 1_000_000

    part("a").exit("kill")
    marks = [(await refs(sup))["a"] for _ in range(3)]
    refused = await sup.call(Supervisor.restart_child, "a"), await sup.call(Supervisor.delete_child, "a")
    tries = plan.log.count("!a")
    await sup.call(Supervisor.terminate_child, "a")
    gone = (await refs(sup))["a"]

    assert marks == ["restarting"] * 3
    assert refused == (ChildRunning("a", restarting=True), ChildRunning("a", restarting=True))
    assert tries > 1
    assert gone is None
    await settle()
    plan.failures.clear()
    assert isinstance(await sup.call(Supervisor.restart_child, "a"), Ref)


async def test_between_two_tries_a_supervisor_hears_that_it_shall_stop() -> None:
    plan = Plan()
    sup = await Supervisor.start(plan.parts("ab"), max_restarts=1_000_000, strategy="one_for_one")
    plan.failures["a"] = 1_000_000

    part("a").exit("kill")
    await sup.stop()

    assert plan.log[-1] == "-b"


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
async def test_a_group_restart_that_fails_half_way_is_taken_up_from_the_child_that_failed(
    tree: Tree, strategy: Strategy
) -> None:
    plan = Plan()
    await tree.start(Supervisor, plan.parts("abc"), strategy=strategy, max_restarts=10)
    plan.take_log()
    plan.failures["b"] = 1

    await crash(part("a"))
    await settle()

    again = ["-a", "+a", "+b", "+c"] if strategy == "one_for_all" else ["+b", "+c"]
    assert plan.log == ["-c", "-b", "+a", "!b", *again]


async def test_a_child_that_crashes_while_another_is_restarted_is_restarted_after_it(tree: Tree) -> None:
    plan = Plan()
    await tree.start(Supervisor, plan.parts("ab"), max_restarts=10, strategy="one_for_one")
    plan.gates["a"] = asyncio.Event()

    part("a").exit("kill")
    part("b").exit("kill")
    await settle()
    waiting = list(plan.log)
    plan.gates["a"].set()
    await settle()

    assert waiting == ["+a", "+b"]
    assert plan.log == ["+a", "+b", "+a", "+b"]


# Starting.


async def test_a_start_that_fails_stops_those_that_started_before_and_starts_no_more() -> None:
    plan = Plan(failures={"c": 1})

    with pytest.raises(StartFailed) as error:
        await Supervisor.start(plan.parts("abcd"), strategy="one_for_one")

    assert plan.log == ["+a", "+b", "!c", "-b", "-a"]
    assert "c does not start" in str(error.value)
    assert [part(name).alive for name in "abcd"] == [False] * 4


async def test_a_child_that_fails_to_start_later_leaves_no_trace(tree: Tree) -> None:
    plan = Plan(failures={"b": 1})
    sup = await tree.start(Supervisor, plan.parts("a"), strategy="one_for_one")

    failure = await sup.call(Supervisor.start_child, plan.part("b"))

    assert isinstance(failure, StartFailed)
    assert isinstance(failure.reason, RuntimeError)
    assert list(await refs(sup)) == ["a"]


async def test_a_child_that_declines_is_kept_unless_it_is_temporary(tree: Tree) -> None:
    class Shy(Stack):
        async def init(self) -> None:
            self.ignore()

    children = [child(Shy).id("kept"), child(Shy).id("forgotten").restart("temporary")]
    sup = await tree.start(Supervisor, children, strategy="one_for_one")

    assert await refs(sup) == {"kept": None}


async def test_children_start_one_after_the_other(tree: Tree) -> None:
    plan = Plan(gates={"a": asyncio.Event()})
    starting = asyncio.ensure_future(tree.start(Supervisor, plan.parts("ab"), strategy="one_for_one"))
    await settle()
    waiting = list(plan.log)

    plan.gates["a"].set()
    await starting

    assert (waiting, plan.log) == ([], ["+a", "+b"])


# Significant children.


@pytest.mark.parametrize(
    ("auto_shutdown", "ending", "alive"),
    [
        ("any_significant", "a", False),
        ("any_significant", "c", True),
        ("all_significant", "a", True),
        ("all_significant", "ab", False),
        ("all_significant", "ac", True),
    ],
)
async def test_the_end_of_significant_children_ends_their_supervisor(
    auto_shutdown: Any, ending: str, alive: bool
) -> None:
    plan = Plan()
    important = [plan.part(name).restart("transient").significant() for name in "ab"]
    sup = await Supervisor.start(
        [*important, plan.part("c").restart("transient")], auto_shutdown=auto_shutdown, strategy="one_for_one"
    )

    for name in ending:
        await part(name).stop()
    await settle()

    assert sup.alive is alive
    if alive:
        await sup.stop()
    else:
        assert not part("c").alive


async def test_a_significant_child_that_is_restarted_ends_nobody(tree: Tree) -> None:
    plan = Plan()
    spec = plan.part("a").restart("transient").significant()
    sup = await tree.start(Supervisor, [spec], auto_shutdown="any_significant", strategy="one_for_one")

    await crash(part("a"))

    assert sup.alive


async def test_a_significant_child_that_its_supervisor_terminates_ends_nobody(tree: Tree) -> None:
    plan = Plan()
    spec = plan.part("a").restart("transient").significant()
    sup = await tree.start(Supervisor, [spec], auto_shutdown="any_significant", strategy="one_for_one")

    await sup.call(Supervisor.terminate_child, "a")

    assert sup.alive


async def test_a_significant_child_needs_a_supervisor_that_may_shut_down() -> None:
    plan = Plan()
    spec = plan.part("a").restart("transient").significant()

    with pytest.raises(StartFailed, match="significant"):
        await Supervisor.start([spec], strategy="one_for_one")


def test_a_permanent_child_can_not_be_significant() -> None:
    with pytest.raises(ValueError, match="expected a significant child to be transient or temporary"):
        child(Stack).significant()


# Telling.


async def test_a_supervisor_tells_what_it_did_about_each_end(tree: Tree, stage: Stage) -> None:
    told: list[object] = []
    telemetry.attach(
        "test", ("greenroom", "supervisor", "child"), lambda _, __, metadata: told.append(metadata["action"])
    )
    plan = Plan()
    await tree.start(Supervisor, [plan.part("a"), plan.part("b").restart("temporary")], strategy="one_for_one")

    await crash(part("a"))
    await crash(part("b"))
    telemetry.detach("test")

    assert told == ["restarting it", "not restarted"]


async def test_a_restarted_process_is_another_one(tree: Tree) -> None:
    plan = Plan()
    sup = await tree.start(Supervisor, plan.parts("a"), strategy="one_for_one")
    before = (await refs(sup))["a"]

    await crash(before)

    with pytest.raises(NotRunning):
        await before.call(Part.ping)
    assert await part("a").call(Part.ping) == "a"
