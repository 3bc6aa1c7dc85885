"""Supervisors as Elixir's own tests see them; the rules of restarting and stopping are in the files beside this one."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import pytest

from greenroom import (
    AlreadyPresent,
    AlreadyStarted,
    ChildInfo,
    ChildRunning,
    ChildSpec,
    Counts,
    Deadlock,
    Down,
    GenServer,
    Global,
    NoSuchChild,
    Ref,
    Registry,
    StartFailed,
    Supervisor,
    Via,
    child,
    list_services,
)
from greenroom.foundation.child import ChildForm, child_spec
from greenroom.foundation.restart import Strategy
from greenroom.testing import Probe, Tree, assert_restarted, crash, expected_crash, settle
from tests.greenroom.foundation.one_for_one import OneForOne
from tests.greenroom.foundation.stack import Stack

NONSENSE: list[tuple[dict[str, object], str]] = [
    ({}, "expected a child spec with an id, got {}"),
    ({"id": 1, "start": "no function"}, "got 'no function'"),
    ({"id": 1, "start": (Stack, "no list")}, "got (<class 'tests.greenroom.foundation.stack.Stack'>, 'no list')"),
    ({"id": 1, "start": (Stack, []), "shutdown": -1}, "expected shutdown to be seconds, .*, got -1"),
    (
        {"id": 1, "start": (Stack, []), "restart": "always"},
        "expected restart to be one of permanent, .*, got 'always'",
    ),
    ({"id": 1, "start": (Stack, []), "type": "boss"}, "expected type to be worker or supervisor, got 'boss'"),
    ({"id": 1, "start": (Stack, []), "colour": 1}, "colour as well"),
    ({"id": ["no", "key"], "start": (Stack, [])}, "expected a child id that can be hashed, got ['no', 'key']"),
]


@dataclass
class StackShop(Supervisor):
    """A supervisor of its own kind, which computes its children."""

    strategy: Strategy = "one_for_one"
    first: str = ""

    def specs(self) -> Iterable[ChildForm]:
        return [child(Stack, [self.first]).named("stack")]


async def started(sup: Ref[Supervisor], form: Any) -> Ref[Any]:
    """Start a child that has to start."""
    ref = await sup.call(Supervisor.start_child, form)
    assert isinstance(ref, Ref), ref
    return ref


async def refused(sup: Ref[Supervisor], form: Any) -> str:
    """Start a child that can not start; gives the reason in words."""
    failure = await sup.call(Supervisor.start_child, form)
    assert isinstance(failure, StartFailed), failure
    assert await sup.call(Supervisor.count_children) == Counts(0, 0, 0, 0)
    return str(failure.reason)


# Child specs.


@pytest.mark.conforms("ex.supervisor.001")
def test_a_supervisor_as_child_has_its_class_as_id_and_is_a_supervisor() -> None:
    spec = child(StackShop, (), first="hello")

    assert (spec.child_id, spec.start_function, spec.args) == (StackShop, StackShop, ((),))
    assert spec.options.type == "supervisor"
    assert spec.seconds_to_stop == "infinity"


@pytest.mark.conforms("ex.supervisor.003")
def test_a_bare_class_is_a_child_without_arguments() -> None:
    class Brief(GenServer, restart="temporary"):
        pass

    spec = child_spec(Brief)

    assert (spec.start_function, spec.args, spec.options.restart) == (Brief, (), "temporary")


@pytest.mark.conforms("ex.supervisor.004")
def test_a_pair_is_a_child_with_this_argument() -> None:
    spec = child_spec((Stack, ["hello"]))

    assert (spec.start_function, spec.args) == (Stack, (["hello"],))


@pytest.mark.conforms("ex.supervisor.005")
def test_a_ready_spec_is_taken_as_it_is() -> None:
    spec = child(Stack)
    form = {"id": "stack", "start": (Stack, ())}

    assert child_spec(spec) is spec
    assert child_spec(form).options.restart == "permanent"
    assert form == {"id": "stack", "start": (Stack, ())}


@pytest.mark.conforms("ex.supervisor.006")
def test_what_is_said_of_a_child_comes_before_what_its_class_says() -> None:
    class Brief(Stack, restart="temporary", shutdown="brutal_kill", id="brief"):
        pass

    spec = child(Brief).id("long").restart("permanent").shutdown("infinity")

    assert (spec.child_id, spec.options.restart, spec.options.shutdown) == ("long", "permanent", "infinity")
    assert (child(Brief).child_id, child(Brief).options.restart) == ("brief", "temporary")


@pytest.mark.conforms("ex.supervisor.007", "ex.supervisor.008", "ex.supervisor.009")
@pytest.mark.parametrize(("form", "culprit"), [(int, int), (None, None), ("stack", "stack"), (42, 42), ((int, 1), int)])
def test_what_can_not_be_a_child_is_refused_with_the_forms_that_can(form: Any, culprit: object) -> None:
    with pytest.raises(ValueError, match=r"expected a .*GenServer class.*, got") as error:
        child_spec(form)

    assert repr(culprit) in str(error.value)


# Options.


@pytest.mark.conforms("ex.supervisor.010")
def test_a_supervisor_allows_three_restarts_in_five_seconds_and_never_shuts_down_by_itself() -> None:
    sup = Supervisor((), strategy="one_for_one")

    assert (sup.max_restarts, sup.max_seconds, sup.auto_shutdown) == (3, 5.0, "never")


@pytest.mark.conforms("ex.supervisor.011")
def test_the_intensity_is_what_was_asked_for() -> None:
    sup = Supervisor((), strategy="one_for_all", max_restarts=1, max_seconds=2)

    assert (sup.strategy, sup.max_restarts, sup.max_seconds) == ("one_for_all", 1, 2)


@pytest.mark.conforms("ex.supervisor.012")
async def test_a_supervisor_without_a_strategy_asks_for_one() -> None:
    start: Any = Supervisor.start

    with pytest.raises(StartFailed, match="required keyword-only argument: 'strategy'"):
        await start([Stack])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strategy": "one_for_none"}, "expected strategy to be one of one_for_one, .*, got 'one_for_none'"),
        ({"auto_shutdown": "always"}, "expected auto_shutdown to be one of never, .*, got 'always'"),
        ({"max_restarts": -1}, "expected max_restarts to be an integer of at least 0, got -1"),
        ({"max_seconds": 0}, "expected max_seconds to be seconds, more than 0, got 0"),
    ],
)
async def test_an_option_that_makes_no_sense_keeps_a_supervisor_from_starting(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(StartFailed, match=words) as error:
        await OneForOne.start((), **options)

    assert isinstance(error.value.reason, ValueError)


# Names.


@pytest.mark.conforms("ex.supervisor.014", "ex.supervisor.015", "ex.supervisor.016")
@pytest.mark.parametrize("name", [Via("sups", 1), Global("sup"), "sup"])
async def test_a_supervisor_answers_under_its_name(tree: Tree, name: Via | Global | str) -> None:
    await tree.start_supervised(child(Registry, "unique").named("sups"))
    await tree.start_supervised(child(Supervisor, strategy="one_for_one").named(name))

    assert await Ref(Supervisor, name).call(Supervisor.which_children) == []


@pytest.mark.conforms("ex.supervisor.018", "ex.supervisor.019", "ex.supervisor.020")
@pytest.mark.parametrize("name", [42, ["sup"], object(), Via("nobody", 1)])
async def test_a_supervisor_with_a_name_that_can_not_be_starts_no_child(tree: Tree, name: Any) -> None:
    with pytest.raises(ValueError, match=r"expected a (name: a string, a tuple, Via|registry named 'nobody')"):
        await child(Supervisor, [child(Stack).named("stack")], strategy="one_for_one").named(name).start()

    assert list_services() == {}


# Children.


@pytest.mark.conforms("ex.supervisor.017")
async def test_a_permanent_child_that_stops_is_started_anew_under_its_name(tree: Tree) -> None:
    await tree.start(Supervisor, [child(Stack, ["hello"]).named("stack")], strategy="one_for_one")
    stack = Ref(Stack, "stack")
    assert await stack.call(Stack.pop) == "hello"

    await stack.call(Stack.quit)

    await assert_restarted(stack)
    assert await stack.call(Stack.pop) == "hello"


@pytest.mark.conforms("ex.supervisor.022")
async def test_a_class_of_supervisors_may_compute_its_children() -> None:
    shop = await StackShop.start(first="hello")

    assert await Ref(Stack, "stack").call(Stack.pop) == "hello"
    await shop.stop()
    assert not Ref(Stack, "stack").alive


@pytest.mark.conforms("ex.supervisor.024", "ex.supervisor.025")
@pytest.mark.parametrize(
    "form", [{"id": "s", "start": (Stack, [["hello"]])}, (Stack, ["hello"]), child(Stack, ["hello"])]
)
async def test_a_child_may_be_started_later_in_any_form(tree: Tree, form: Any) -> None:
    sup = await tree.start(Supervisor, strategy="one_for_one")

    stack = await started(sup, form)

    assert await stack.call(Stack.pop) == "hello"


@pytest.mark.conforms("ex.supervisor.026", "ex.supervisor.027", "ex.supervisor.028", "ex.supervisor.029")
@pytest.mark.parametrize(("form", "words"), NONSENSE)
async def test_a_spec_that_makes_no_sense_is_refused_and_the_supervisor_lives_on(
    tree: Tree, form: dict[str, object], words: str
) -> None:
    sup = await tree.start(Supervisor, strategy="one_for_one")

    reason = await refused(sup, form)

    assert all(part in reason for part in words.split(", .*, "))


@pytest.mark.conforms("ex.supervisor.030")
@pytest.mark.parametrize("seconds", [0, 0.001])
async def test_a_child_with_hardly_any_time_to_stop_is_an_ordinary_child(
    tree: Tree, probe: Probe, seconds: float
) -> None:
    sup = await tree.start(Supervisor, strategy="one_for_one")
    stack = await started(sup, child(Stack).shutdown(seconds).restart("temporary"))
    probe.monitor(stack)

    stack.exit("shutdown")

    assert (await probe.expect_message(Down)).reason == "shutdown"


@pytest.mark.conforms("ex.supervisor.031", "ex.supervisor.032", "ex.supervisor.033")
async def test_a_supervisor_shows_and_counts_its_children(tree: Tree) -> None:
    sup = await tree.start(Supervisor, strategy="one_for_one")
    nobody = await sup.call(Supervisor.which_children), await sup.call(Supervisor.count_children)

    stack = await started(sup, Stack)

    assert nobody == ([], Counts(specs=0, active=0, supervisors=0, workers=0))
    assert await sup.call(Supervisor.which_children) == [ChildInfo(Stack, stack, "worker", Stack)]
    assert await sup.call(Supervisor.count_children) == Counts(specs=1, active=1, supervisors=0, workers=1)


@pytest.mark.conforms("ex.supervisor.034")
async def test_a_running_child_can_not_be_deleted(tree: Tree) -> None:
    sup = await tree.start(Supervisor, strategy="one_for_one")
    stack = await started(sup, Stack)

    assert await sup.call(Supervisor.delete_child, Stack) == ChildRunning(Stack)
    assert await sup.call(Supervisor.restart_child, Stack) == ChildRunning(Stack)
    assert stack.alive


@pytest.mark.conforms("ex.supervisor.035")
async def test_a_terminated_child_may_be_started_again_from_its_spec(tree: Tree) -> None:
    sup = await tree.start(Supervisor, [child(Stack, ["hello"])], strategy="one_for_one")
    before = (await sup.call(Supervisor.which_children))[0].ref
    assert isinstance(before, Ref)
    await before.call(Stack.pop)

    assert await sup.call(Supervisor.terminate_child, Stack) is None
    stopped = (before.alive, (await sup.call(Supervisor.which_children))[0].ref)
    after = await sup.call(Supervisor.restart_child, Stack)

    assert stopped == (False, None)
    assert isinstance(after, Ref)
    assert after is not before
    assert await after.call(Stack.pop) == "hello"


@pytest.mark.conforms("ex.supervisor.036")
async def test_the_id_of_a_deleted_child_is_free(tree: Tree) -> None:
    sup = await tree.start(Supervisor, strategy="one_for_one")
    await started(sup, Stack)
    await sup.call(Supervisor.terminate_child, Stack)
    present = await sup.call(Supervisor.start_child, Stack)

    assert await sup.call(Supervisor.delete_child, Stack) is None

    assert isinstance(present, AlreadyPresent)
    assert (await started(sup, Stack)).alive


async def test_an_id_is_given_once(tree: Tree) -> None:
    sup = await tree.start(Supervisor, strategy="one_for_one")
    stack = await started(sup, Stack)

    again = await sup.call(Supervisor.start_child, Stack)

    assert isinstance(again, AlreadyStarted)
    assert again.ref is stack


async def test_two_children_of_the_same_id_keep_a_supervisor_from_starting() -> None:
    with pytest.raises(StartFailed, match=r"to have an id of its own, got .*Stack.* twice: give them names"):
        await Supervisor.start([Stack, Stack], strategy="one_for_one")


async def test_an_id_that_is_not_there_is_said_to_be_so(tree: Tree) -> None:
    sup = await tree.start(Supervisor, strategy="one_for_one")

    assert await sup.call(Supervisor.terminate_child, "x") == NoSuchChild("x")
    assert await sup.call(Supervisor.restart_child, "x") == NoSuchChild("x")
    assert await sup.call(Supervisor.delete_child, "x") == NoSuchChild("x")


async def test_a_temporary_child_is_forgotten_when_it_is_terminated(tree: Tree) -> None:
    sup = await tree.start(Supervisor, strategy="one_for_one")
    await started(sup, child(Stack).restart("temporary"))

    await sup.call(Supervisor.terminate_child, Stack)

    assert await sup.call(Supervisor.which_children) == []


async def test_a_temporary_child_is_forgotten_when_it_ends(tree: Tree) -> None:
    sup = await tree.start(Supervisor, strategy="one_for_one")
    stack = await started(sup, child(Stack).restart("temporary"))

    await crash(stack)

    assert await sup.call(Supervisor.which_children) == []


async def test_a_transient_child_that_ends_well_is_kept_but_not_started(tree: Tree) -> None:
    sup = await tree.start(Supervisor, strategy="one_for_one")
    stack = await started(sup, child(Stack).restart("transient"))

    await stack.stop()
    await settle()

    assert await sup.call(Supervisor.which_children) == [ChildInfo(Stack, None, "worker", Stack)]
    assert isinstance(await sup.call(Supervisor.restart_child, Stack), Ref)


@pytest.mark.conforms("ex.supervisor.037")
async def test_stop_returns_when_the_children_are_gone() -> None:
    sup = await Supervisor.start([child(Stack).id(number) for number in range(3)], strategy="one_for_one")
    children = [info.ref for info in await sup.call(Supervisor.which_children)]

    await sup.stop()

    assert [ref.alive for ref in children if isinstance(ref, Ref)] == [False, False, False]


def test_a_spec_says_what_it_is() -> None:
    spec: ChildSpec[Stack] = child(Stack).named("stack")

    assert repr(spec) == "<child 'stack', permanent>"


class Leaving(GenServer):
    """Has a question to its supervisor at its end."""

    async def init(self) -> None:
        self.trap_exit()

    async def terminate(self, reason: object) -> None:
        await Ref(Supervisor, "busy").call(Supervisor.which_children)


async def test_a_child_that_calls_its_supervisor_at_its_end_is_told_of_the_circle(tree: Tree, probe: Probe) -> None:
    await tree.start_supervised(
        child(Supervisor, [child(Leaving).named("leaving")], strategy="one_for_one").named("busy")
    )
    leaving = Ref(Leaving, "leaving")
    probe.monitor(leaving)

    with expected_crash(Deadlock):
        await Ref(Supervisor, "busy").call(Supervisor.terminate_child, "leaving")

    circle: Any = (await probe.expect_message(Down)).reason
    assert [str(process).split()[0] for process in circle.cycle] == ["<Leaving", "<Supervisor", "<Leaving"]


@pytest.mark.parametrize(
    "ask", [Supervisor.terminate_child, Supervisor.restart_child, Supervisor.delete_child], ids=lambda ask: ask.__name__
)
async def test_what_can_be_no_id_is_no_child(tree: Tree, ask: Any) -> None:
    sup = await tree.start(Supervisor, [child(Stack)], strategy="one_for_one")

    nonsense: Any = ["no", "key"]
    assert await sup.call(ask, nonsense) == NoSuchChild(nonsense)


# An iterator would be at its end when the supervisor is restarted, with the same spec.
@pytest.mark.parametrize(
    "children",
    [
        child(Stack),
        Stack,
        5,
        None,
        "stack",
        {"id": 1, "start": (Stack, ())},
        pytest.param(iter([Stack]), id="iterator"),
    ],
    ids=str,
)
async def test_children_come_in_a_list(children: Any) -> None:
    with pytest.raises(StartFailed, match="expected children to be a list of them, got"):
        await Supervisor.start(children, strategy="one_for_one")


@pytest.mark.parametrize(("option", "value"), [("max_restarts", 1.5), ("max_restarts", "3"), ("max_restarts", True)])
async def test_restarts_are_counted_in_integers(option: str, value: Any) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(StartFailed, match="expected max_restarts to be an integer of at least 0, got"):
        await Supervisor.start([], strategy="one_for_one", **options)


@pytest.mark.parametrize("value", ["5", float("nan"), float("inf"), True])
async def test_restarts_are_counted_for_a_time(value: Any) -> None:
    with pytest.raises(StartFailed, match="expected max_seconds to be seconds, more than 0, got"):
        await Supervisor.start([], strategy="one_for_one", max_seconds=value)


async def test_a_name_that_can_not_be_looked_up_is_a_failed_start(tree: Tree) -> None:
    sup = await tree.start(Supervisor, strategy="one_for_one")

    failed = await sup.call(Supervisor.start_child, child(Stack).named(("stack", cast(Any, []))).id("stack"))

    assert isinstance(failed, StartFailed)
    assert "unhashable" in str(failed.reason)


@dataclass
class Slowly(GenServer):
    """Takes some turns of the loop to end."""

    turns: int

    async def init(self) -> None:
        self.trap_exit()

    async def terminate(self, reason: object) -> None:
        for _ in range(self.turns):
            await asyncio.sleep(0)


def floors(depth: int, turns: int) -> ChildSpec[Any]:
    """A supervisor over a supervisor, and so on, with a server at the bottom; all have names."""
    below = child(Slowly, turns).named("bottom") if depth == 0 else floors(depth - 1, turns)
    return child(Supervisor, [below], strategy="one_for_one").named(("floor", depth))


@pytest.mark.parametrize("turns", [0, 1, 20])
@pytest.mark.parametrize("depth", [0, 3])
async def test_a_supervisor_that_is_killed_is_replaced_when_what_was_under_it_is_gone(
    tree: Tree, depth: int, turns: int
) -> None:
    top = (await tree.start(Supervisor, [floors(depth, turns)], strategy="one_for_one", max_restarts=1)).where()
    bottom = Ref(Slowly, "bottom").where()

    await crash(Ref(Supervisor, ("floor", depth)))
    await settle()

    assert Ref(Slowly, "bottom").where() not in (None, bottom)
    # One restart was enough: else the tree of the test would have replaced the top.
    assert top is not None
    assert top.alive


class Stubborn(GenServer):
    """Does not end before it is killed."""

    async def init(self) -> None:
        self.trap_exit()

    async def terminate(self, reason: object) -> None:
        await asyncio.Event().wait()


async def test_a_supervisor_that_is_killed_is_replaced_though_a_child_of_it_does_not_end(tree: Tree) -> None:
    floor = child(Supervisor, strategy="one_for_one").named("floor")
    top = await tree.start(Supervisor, [floor], strategy="one_for_one")
    stubborn = await started(Ref(Supervisor, "floor"), child(Stubborn))

    await crash(Ref(Supervisor, "floor"))
    await assert_restarted(Ref(Supervisor, "floor"))

    assert (top.alive, stubborn.alive) == (True, True)
    stubborn.exit("kill")
