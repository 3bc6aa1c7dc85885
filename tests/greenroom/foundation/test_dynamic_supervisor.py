"""Dynamic supervisors as Elixir's own tests see them: what they are made of, and how they start children."""

from collections.abc import Awaitable, Callable
from types import new_class
from typing import Any

import pytest

from greenroom import (
    AlreadyStarted,
    ChildInfo,
    ChildSpec,
    Counts,
    Down,
    DynamicSupervisor,
    Exit,
    GenServer,
    Global,
    Ignored,
    Informed,
    NoRegistry,
    NoSuchChild,
    Ref,
    Refused,
    Registry,
    Rejected,
    StartError,
    StartFailed,
    Supervisor,
    Task,
    TooManyChildren,
    Via,
    change_settings,
    child,
    exit_with,
    list_services,
)
from greenroom.foundation.child import child_spec
from greenroom.foundation.namespace import Name
from greenroom.testing import Probe, Tree, crash, settle
from tests.greenroom.foundation.one_for_one import OneForOne
from tests.greenroom.foundation.stack import Stack

NONSENSE: list[tuple[dict[str, object], str]] = [
    ({}, "expected a child spec with an id, got {}"),
    ({"id": 1, "start": "no function"}, "got 'no function'"),
    ({"id": 1, "start": (Stack, "no list")}, "got (<class 'tests.greenroom.foundation.stack.Stack'>, 'no list')"),
    ({"id": 1, "start": (Stack, []), "shutdown": -1}, "'infinity', got -1"),
    ({"id": 1, "start": (Stack, []), "restart": "temporary", "significant": True}, "not to be significant"),
]


async def start_child(sup: Ref[DynamicSupervisor], form: Any) -> Ref[Any]:
    """Start a child that has to start."""
    ref = await sup.call(DynamicSupervisor.start_child, form)
    assert isinstance(ref, Ref), ref
    return ref


async def start_by(sup: Ref[DynamicSupervisor], function: Callable[..., Awaitable[object]]) -> object:
    """Start a temporary child by a function; what the supervisor answered."""
    form: dict[str, object] = {"id": 1, "start": (function, ()), "restart": "temporary"}
    return await sup.call(DynamicSupervisor.start_child, form)


async def counts(sup: Ref[DynamicSupervisor]) -> tuple[int, int]:
    """How many workers there are, and how many are active."""
    found = await sup.call(DynamicSupervisor.count_children)
    return found.workers, found.active


# What it is.


@pytest.mark.conforms("ex.dynamic_supervisor.001")
async def test_a_dynamic_supervisor_in_a_tree_begins_without_children(tree: Tree) -> None:
    await tree.start(Supervisor, [child(DynamicSupervisor).named("stacks")], strategy="one_for_one")

    assert await Ref(DynamicSupervisor, "stacks").call(DynamicSupervisor.which_children) == []


@pytest.mark.conforms("ex.dynamic_supervisor.002")
async def test_the_name_of_a_dynamic_supervisor_is_its_id(tree: Tree) -> None:
    names: list[Name] = ["stacks", Global("stacks"), Via("sups", "stacks")]
    await tree.start_supervised(child(Registry, "unique").named("sups"))
    sup = await tree.start(Supervisor, [child(DynamicSupervisor).named(name) for name in names], strategy="one_for_one")

    assert [info.id for info in await sup.call(Supervisor.which_children)] == names
    for name in names:
        assert await Ref(DynamicSupervisor, name).call(DynamicSupervisor.which_children) == []


@pytest.mark.conforms("ex.dynamic_supervisor.003")
async def test_two_dynamic_supervisors_without_a_name_share_an_id(tree: Tree) -> None:
    sup = await tree.start(Supervisor, strategy="one_for_one")
    first = await sup.call(Supervisor.start_child, DynamicSupervisor)

    second = await sup.call(Supervisor.start_child, DynamicSupervisor)

    assert isinstance(second, AlreadyStarted)
    assert second.ref is first


@pytest.mark.conforms("ex.dynamic_supervisor.004")
def test_a_class_of_dynamic_supervisors_is_a_supervisor_with_its_class_as_id() -> None:
    class Stacks(DynamicSupervisor):
        pass

    spec = child(Stacks)

    assert (spec.child_id, spec.options.type, spec.seconds_to_stop) == (Stacks, "supervisor", "infinity")


@pytest.mark.conforms("ex.dynamic_supervisor.005", "ex.supervisor.002", "ex.gen_server.002")
@pytest.mark.parametrize(
    ("kind", "type"), [(DynamicSupervisor, "supervisor"), (OneForOne, "supervisor"), (Stack, "worker")]
)
async def test_a_class_may_say_everything_about_itself_as_a_child(kind: Any, type: str) -> None:
    async def begin(*args: object) -> object:
        assert args == ("by itself",)
        return await kind.start()

    options = {"id": "special", "restart": "temporary", "shutdown": "infinity", "start": (begin, ("by itself",))}
    special: Any = new_class("Special", (kind,), options)

    spec: ChildSpec[GenServer] = child(special, "ignored")

    assert (spec.child_id, spec.options.restart, spec.options.shutdown) == ("special", "temporary", "infinity")
    assert (spec.start_function, spec.args, spec.options.type) == (begin, ("by itself",), type)
    started = await spec.start()
    await started.stop()


@pytest.mark.conforms("ex.dynamic_supervisor.006")
def test_a_dynamic_supervisor_without_options_has_those_of_elixir() -> None:
    sup = DynamicSupervisor()

    assert (sup.strategy, sup.max_restarts, sup.max_seconds, sup.auto_shutdown) == ("one_for_one", 3, 5.0, "never")
    assert (sup.max_children, sup.extra_arguments) == (None, ())


@pytest.mark.conforms(*(f"ex.dynamic_supervisor.{number:03}" for number in range(7, 13)))
@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("strategy", "one_for_all", "expected strategy to be one_for_one, got 'one_for_all'"),
        ("max_restarts", -1, "expected max_restarts to be an integer of at least 0, got -1"),
        ("max_seconds", 0, "expected max_seconds to be seconds, more than 0, got 0"),
        ("max_children", -1, "expected max_children to be at least 0 or None, got -1"),
        ("extra_arguments", "no tuple", "expected extra_arguments to be a tuple, got 'no tuple'"),
        ("auto_shutdown", "any_significant", "expected auto_shutdown to be never, got 'any_significant'"),
    ],
)
async def test_an_option_that_makes_no_sense_is_refused_at_the_start_and_later(
    tree: Tree, option: Any, value: Any, words: str
) -> None:
    settings: dict[Any, Any] = {option: value}
    sup = await tree.start(DynamicSupervisor)

    with pytest.raises(StartFailed, match=words) as error:
        await DynamicSupervisor.start(**settings)
    with pytest.raises(Refused, match=words) as refused:
        await change_settings(sup, **settings)

    assert isinstance(error.value.reason, ValueError)
    assert isinstance(refused.value.reason, ValueError)


@pytest.mark.conforms("ex.dynamic_supervisor.014")
async def test_a_dynamic_supervisor_may_decline_to_start() -> None:
    class Shy(DynamicSupervisor):
        async def init(self) -> None:
            self.ignore()

    with pytest.raises(Ignored):
        await child(Shy).named("shy").start()

    assert list_services() == {}


@pytest.mark.conforms("ex.dynamic_supervisor.015")
async def test_a_dynamic_supervisor_links_answers_to_its_name_and_stops(probe: Probe) -> None:
    probe.trap_exit()
    sup = await probe.perform(child(DynamicSupervisor).named("stacks").start_link)

    assert Ref(DynamicSupervisor, "stacks").where() is sup
    await Ref(DynamicSupervisor, "stacks").stop()
    assert await probe.expect_message(Exit) == Exit(sup, "normal")


@pytest.mark.conforms("ex.dynamic_supervisor.016", "ex.dynamic_supervisor.018")
async def test_a_supervisor_is_known_for_what_it_is(tree: Tree) -> None:
    class Stacks(DynamicSupervisor):
        pass

    sup = await tree.start(
        Supervisor,
        [child(Stacks), child(Supervisor, strategy="one_for_one"), child(DynamicSupervisor)],
        strategy="one_for_one",
    )

    infos = await sup.call(Supervisor.which_children)
    assert [(info.type, info.server) for info in infos] == [
        ("supervisor", Stacks),
        ("supervisor", Supervisor),
        ("supervisor", DynamicSupervisor),
    ]
    assert [repr(info.ref).split()[0] for info in infos] == ["<Stacks", "<Supervisor", "<DynamicSupervisor"]


# New settings for one that runs.


@pytest.mark.conforms(*(f"ex.dynamic_supervisor.{number:03}" for number in range(19, 23)))
@pytest.mark.parametrize(
    ("option", "value"), [("strategy", "one_for_none"), ("max_restarts", -1), ("max_seconds", 0), ("max_children", -1)]
)
async def test_new_settings_that_make_no_sense_leave_the_old_ones(tree: Tree, option: Any, value: Any) -> None:
    sup = await tree.start(DynamicSupervisor, max_children=1)
    settings: dict[Any, Any] = {"extra_arguments": (["hello"],), option: value}

    with pytest.raises(Refused):
        await change_settings(sup, **settings)

    stack = await start_child(sup, Stack)
    assert await stack.call(Stack.all) == []
    assert isinstance(await sup.call(DynamicSupervisor.start_child, Stack), TooManyChildren)


@pytest.mark.conforms("ex.dynamic_supervisor.023")
async def test_a_setting_that_is_none_is_refused_and_no_setting_changes_nothing(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor, max_children=0)
    settings: dict[Any, Any] = {"colour": "green"}

    with pytest.raises(Refused, match="got colour"):
        await change_settings(sup, **settings)
    await change_settings(sup)

    assert isinstance(await sup.call(DynamicSupervisor.start_child, Stack), TooManyChildren)


@pytest.mark.conforms("ex.dynamic_supervisor.024")
async def test_a_new_limit_holds_for_those_to_come(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor)
    await start_child(sup, Stack)
    await start_child(sup, Stack)

    await change_settings(sup, max_children=1)

    assert await counts(sup) == (2, 2)
    assert isinstance(await sup.call(DynamicSupervisor.start_child, Stack), TooManyChildren)


# Starting children.


@pytest.mark.conforms("ex.dynamic_supervisor.026", "ex.dynamic_supervisor.027")
@pytest.mark.parametrize(
    "form", [{"id": "s", "start": (Stack, [["hello"]])}, (Stack, ["hello"]), child(Stack, ["hello"])]
)
async def test_a_child_is_started_in_any_form(tree: Tree, form: Any) -> None:
    sup = await tree.start(DynamicSupervisor)

    stack = await start_child(sup, form)

    assert await stack.call(Stack.pop) == "hello"
    assert await sup.call(DynamicSupervisor.which_children) == [ChildInfo(None, stack, "worker", Stack)]


@pytest.mark.conforms("ex.dynamic_supervisor.028", "ex.dynamic_supervisor.056")
async def test_extra_arguments_come_first_at_each_start(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor, extra_arguments=(["hello"],))
    await start_child(sup, child(Stack).restart("transient").named("stack"))

    before = await Ref(Stack, "stack").call(Stack.all)
    await crash(Ref(Stack, "stack"))

    assert (before, await Ref(Stack, "stack").call(Stack.all)) == (["hello"], ["hello"])
    assert await counts(sup) == (1, 1)


@pytest.mark.conforms(*(f"ex.dynamic_supervisor.{number:03}" for number in range(30, 34)))
@pytest.mark.parametrize(("form", "words"), NONSENSE)
async def test_a_spec_that_makes_no_sense_is_refused(tree: Tree, form: dict[str, object], words: str) -> None:
    sup = await tree.start(DynamicSupervisor)

    failure = await sup.call(DynamicSupervisor.start_child, form)

    assert isinstance(failure, StartFailed)
    assert words in str(failure.reason)
    assert await counts(sup) == (0, 0)


@pytest.mark.conforms("ex.dynamic_supervisor.029", "ex.dynamic_supervisor.061")
def test_a_spec_that_makes_no_sense_is_refused_before_any_supervisor_is_asked() -> None:
    with pytest.raises(ValueError, match=r"expected a child spec with an id, got \{\}"):
        child_spec({})
    with pytest.raises(ValueError, match="expected shutdown to be seconds, 'brutal_kill' or 'infinity', got -1"):
        child(Stack).shutdown(-1)


@pytest.mark.conforms("ex.dynamic_supervisor.034")
async def test_what_a_start_function_has_to_say_reaches_the_caller(tree: Tree) -> None:
    async def begin() -> Ref[Stack]:
        return Informed(await Stack.start(), "extra")

    sup = await tree.start(DynamicSupervisor)

    answer = await start_by(sup, begin)

    assert isinstance(answer, Informed)
    assert (answer.info, answer.alive) == ("extra", True)
    assert await counts(sup) == (1, 1)


@pytest.mark.conforms("ex.dynamic_supervisor.035")
async def test_a_start_function_answers_the_address_of_the_child(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor)

    stack = await start_by(sup, Stack.start)

    assert isinstance(stack, Ref)
    assert [info.ref for info in await sup.call(DynamicSupervisor.which_children)] == [stack]


async def ignore() -> Ref[Stack]:
    return Ignored("stack")  # type: ignore[return-value]  # answered and not raised, which is as good


async def find() -> Ref[Stack]:
    raise StartFailed("stack", "found")


async def wander() -> Ref[Stack]:
    return "nowhere"  # type: ignore[return-value]  # what the test is about


async def fail() -> Ref[Stack]:
    raise RuntimeError("oops")


async def leave() -> Ref[Stack]:
    exit_with("oops")


class Thrown(BaseException):
    """What is no error."""


async def throw() -> Ref[Stack]:
    raise Thrown("oops")


@pytest.mark.conforms("ex.dynamic_supervisor.036")
async def test_a_child_that_declines_is_not_kept(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor)

    assert isinstance(await start_by(sup, ignore), Ignored)
    assert await counts(sup) == (0, 0)


@pytest.mark.conforms(*(f"ex.dynamic_supervisor.{number:03}" for number in range(37, 42)))
@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (find, "'found'"),
        (wander, "TypeError(.*got 'nowhere'.*)"),
        (fail, "RuntimeError('oops')"),
        (leave, "'oops'"),
        (throw, "Thrown('oops')"),
    ],
)
async def test_a_start_function_that_fails_leaves_the_supervisor_as_it_was(
    tree: Tree, function: Callable[..., Awaitable[object]], reason: str
) -> None:
    sup = await tree.start(DynamicSupervisor)

    failure = await start_by(sup, function)

    assert isinstance(failure, StartFailed)
    assert all(part in repr(failure.reason) for part in reason.split(".*"))
    assert not isinstance(failure.reason, RuntimeError) or failure.reason.__traceback__ is not None
    assert await counts(sup) == (0, 0)


@pytest.mark.conforms("ex.dynamic_supervisor.042")
async def test_a_supervisor_has_no_more_children_than_it_may(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor, max_children=0)

    refused = await sup.call(DynamicSupervisor.start_child, Stack)

    assert isinstance(refused, TooManyChildren)
    assert str(refused) == "expected fewer than 0 children, the limit of this supervisor"


async def test_a_name_that_is_held_answers_its_holder(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor)
    spec = child(Stack).named("stack")

    first, second = await start_child(sup, spec), await sup.call(DynamicSupervisor.start_child, spec)

    assert isinstance(second, AlreadyStarted)
    assert second.ref is first
    assert await counts(sup) == (1, 1)


async def test_a_constructor_that_fails_is_a_start_that_failed(tree: Tree) -> None:
    class Picky(Stack):
        def __post_init__(self) -> None:
            exit_with("no")

    sup = await tree.start(DynamicSupervisor)

    failure = await sup.call(DynamicSupervisor.start_child, Picky)

    assert isinstance(failure, StartFailed)
    assert failure.reason == "no"


# Terminating children.


@pytest.mark.conforms("ex.dynamic_supervisor.070", "ex.dynamic_supervisor.071")
@pytest.mark.parametrize(("shutdown", "reason"), [("brutal_kill", "killed"), (1.0, "shutdown")])
async def test_a_child_is_terminated_as_its_spec_says(tree: Tree, probe: Probe, shutdown: Any, reason: str) -> None:
    sup = await tree.start(DynamicSupervisor)
    stack = await start_child(sup, child(Stack).shutdown(shutdown))
    probe.monitor(stack)

    first = await sup.call(DynamicSupervisor.terminate_child, stack)
    second = await sup.call(DynamicSupervisor.terminate_child, stack)

    assert (first, second) == (None, NoSuchChild(stack))
    assert (await probe.expect_message(Down)).reason == reason
    assert await sup.call(DynamicSupervisor.count_children) == Counts(0, 0, 0, 0)


async def test_a_process_that_is_no_child_is_not_terminated(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor)
    stranger = await tree.start(Stack)

    assert await sup.call(DynamicSupervisor.terminate_child, stranger) == NoSuchChild(stranger)
    assert await sup.call(DynamicSupervisor.terminate_child, Ref(Stack, "nobody")) == NoSuchChild(Ref(Stack, "nobody"))
    assert stranger.alive


async def test_a_child_that_ends_by_itself_and_does_not_come_back_is_forgotten(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor)
    stack = await start_child(sup, child(Stack).restart("transient"))

    await stack.stop()
    await settle()

    assert await counts(sup) == (0, 0)


def test_an_answer_of_a_start_is_an_address_or_an_error() -> None:
    assert issubclass(TooManyChildren, StartError)
    assert issubclass(Ignored, StartError)


@pytest.mark.parametrize("restart", ["temporary", "permanent"])
async def test_a_task_whose_registry_is_not_there_is_a_failed_start(tree: Tree, restart: Any) -> None:
    sup = await tree.start(DynamicSupervisor)
    task = Task.child_spec(settle).restart(restart).named(Via("nowhere", "task"))

    failed = await sup.call(DynamicSupervisor.start_child, task)

    assert isinstance(failed, StartFailed)
    assert isinstance(failed.reason, NoRegistry)
    assert await sup.call(DynamicSupervisor.count_children) == Counts(0, 0, 0, 0)


@pytest.mark.parametrize("nonsense", ["stack", None, 5])
async def test_a_child_to_stop_is_named_by_its_address(tree: Tree, nonsense: Any) -> None:
    sup = await tree.start(DynamicSupervisor)

    with pytest.raises(Rejected, match="expected the Ref of a child, got"):
        await sup.call(DynamicSupervisor.terminate_child, nonsense)

    assert sup.alive
