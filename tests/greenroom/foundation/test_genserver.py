import asyncio
from dataclasses import dataclass
from types import new_class
from typing import Any

import pytest

from greenroom import (
    CallingSelf,
    CallTimeout,
    ChildSpec,
    Down,
    DynamicSupervisor,
    GenServer,
    Global,
    NotAHandler,
    NotRunning,
    OutsideProcess,
    Ref,
    Registry,
    Reply,
    ServerDown,
    Via,
    child,
    list_services,
    namespace,
)
from greenroom.testing import Probe, Tree, VirtualClock, crash, expected_crash, settle, state
from tests.greenroom.foundation.stack import Stack

ILLEGAL: list[Any] = [42, ["stack"], {"name": "stack"}, object]


@dataclass
class Mirror(GenServer):
    """Asks itself, by whatever address it is given."""

    async def look(self, address: "Ref[Mirror] | None" = None) -> str:
        return await (address or self.ref).call(Mirror.reflect)

    async def reflect(self) -> str:
        return "you"

    async def stop_itself(self) -> str:
        await self.ref.stop()
        return "not reached"


async def outcome_of_calling_itself(mirror: Ref[Mirror], address: Ref[Mirror] | None) -> CallingSelf:
    """Let the mirror call the address, and give the error that it gets."""
    with pytest.raises(ServerDown) as down:
        await mirror.call(Mirror.look, address)
    assert isinstance(down.value.reason, CallingSelf)
    return down.value.reason


# How a server is described and started.


@pytest.mark.conforms("ex.gen_server.001")
def test_a_spec_holds_the_class_and_its_arguments_and_leaves_the_rest_to_the_supervisor() -> None:
    spec = child(Stack, ["hello"])

    assert (spec.child_id, spec.start_function, spec.args) == (Stack, Stack, (["hello"],))
    assert spec.options == GenServer.__child__


@pytest.mark.conforms("ex.gen_server.003", "ex.gen_server.004", "ex.gen_server.006")
@pytest.mark.parametrize("name", ILLEGAL)
async def test_a_name_of_no_accepted_form_is_refused_before_anything_starts(name: Any) -> None:
    with pytest.raises(ValueError, match=r"expected a name: a string, a tuple, Via.*, got") as refused:
        await child(Stack).named(name).start()

    assert repr(name) in str(refused.value)
    with pytest.raises(ValueError, match="expected a name"):
        Ref(Stack, name)


@pytest.mark.conforms("ex.gen_server.005")
async def test_a_name_in_something_that_is_no_registry_is_refused_before_anything_starts(tree: Tree) -> None:
    await tree.start_supervised(child(Stack).named("stack"))

    for registry in ("nobody", "stack"):
        with pytest.raises(ValueError, match=f"'{registry}'"):
            await child(Stack).named(Via(registry, "key")).start()


@pytest.mark.conforms("ex.gen_server.007")
async def test_a_server_answers_under_its_key_in_a_registry(tree: Tree) -> None:
    await tree.start_supervised(child(Registry, "unique").named("stacks"))
    await tree.start_supervised(child(Stack, ["hello"]).named(Via("stacks", 7)))

    assert await Ref(Stack, Via("stacks", 7)).call(Stack.pop) == "hello"


@pytest.mark.conforms("ex.gen_server.008")
async def test_a_global_name_is_found_from_every_namespace(tree: Tree) -> None:
    await tree.start_supervised(child(Stack, ["hello"]).named(Global("stack")))

    with namespace("test:elsewhere"):
        assert await Ref(Stack, Global("stack")).call(Stack.pop) == "hello"


@pytest.mark.conforms("ex.gen_server.009")
@pytest.mark.parametrize("name", ["stack", ("stack", 7)])
async def test_a_server_answers_under_its_name(tree: Tree, name: str | tuple[str, int]) -> None:
    await tree.start_supervised(child(Stack, ["hello"]).named(name))

    assert await Ref(Stack, name).call(Stack.pop) == "hello"


@pytest.mark.conforms("ex.gen_server.010")
async def test_a_linked_start_links_to_the_process_that_asked(probe: Probe) -> None:
    stack = await probe.perform(Stack.start_link)

    await crash(stack)

    assert not probe.ref.alive


@pytest.mark.conforms("ex.gen_server.026")
async def test_a_plain_start_does_not_link(probe: Probe) -> None:
    stack = await probe.perform(Stack.start)

    await crash(stack)

    assert probe.ref.alive


@pytest.mark.conforms("ex.gen_server.025")
async def test_a_server_without_a_name_is_registered_nowhere(tree: Tree) -> None:
    await tree.start(Stack)

    assert list_services() == {}


# Calls and casts.


@pytest.mark.conforms("ex.gen_server.011")
async def test_a_cast_is_handled_before_a_later_call_of_the_same_sender(tree: Tree) -> None:
    stack = await tree.start(Stack, ["hello"])

    first = await stack.call(Stack.pop)
    stack.cast(Stack.push, "world")

    assert (first, await stack.call(Stack.pop)) == ("hello", "world")


@pytest.mark.conforms("ex.gen_server.012")
async def test_a_cast_returns_before_it_is_handled(tree: Tree) -> None:
    stack = await tree.start(Stack)
    gate = asyncio.Event()

    stack.cast(Stack.push_slowly, "later", gate)
    before = list(state(stack).items)
    gate.set()
    await settle()

    assert (before, state(stack).items) == ([], ["later"])


@pytest.mark.conforms("ex.gen_server.014", "ex.gen_server.015", "ex.gen_server.016")
@pytest.mark.parametrize("name", ["nobody", Global("nobody"), Via("nobody", 1), Via("stacks", 1)])
async def test_a_cast_to_nobody_is_lost_without_a_word(tree: Tree, name: str | Global | Via) -> None:
    await tree.start_supervised(child(Registry, "unique").named("stacks"))

    Ref(Stack, name).cast(Stack.push, "lost")
    Ref(Stack, name).send("lost as well")


async def test_a_cast_to_a_process_that_has_ended_is_lost_without_a_word(tree: Tree) -> None:
    stack = await Stack.start()
    await stack.stop()

    stack.cast(Stack.push, "lost")
    stack.send("lost as well")


@pytest.mark.conforms("ex.gen_server.017", "ex.gen_server.018", "ex.gen_server.019", "ex.gen_server.020")
@pytest.mark.parametrize("name", ["mirror", Global("mirror"), Via("mirrors", 1), None])
@pytest.mark.expected_crash(reason=CallingSelf)
async def test_a_process_that_calls_itself_fails_at_once(tree: Tree, name: str | Global | Via | None) -> None:
    await tree.start_supervised(child(Registry, "unique").named("mirrors"))
    spec = child(Mirror).restart("temporary")
    mirror = await tree.start_supervised(spec if name is None else spec.named(name))
    process = mirror.where()

    error = await outcome_of_calling_itself(mirror, None if name is None else Ref(Mirror, name))

    assert (error.target, error.method, error.seconds, error.reason) == (process, "reflect", 5.0, "calling_self")


@pytest.mark.conforms("ex.gen_server.021")
async def test_a_call_that_is_never_answered_times_out(tree: Tree, clock: VirtualClock) -> None:
    stack = await tree.start(Stack)
    answer = asyncio.ensure_future(stack.within(0.001).call(Stack.never))

    await clock.advance(0.001)

    error = answer.exception()
    assert isinstance(error, CallTimeout)
    assert (error.target, error.method, error.seconds, error.reason) == (stack.where(), "never", 0.001, "timeout")


@pytest.mark.conforms("ex.gen_server.022", "ex.gen_server.039")
async def test_calling_or_stopping_nobody_fails_at_once() -> None:
    nobody = Ref(Stack, "nobody")

    with pytest.raises(NotRunning) as call:
        await nobody.call(Stack.pop)
    with pytest.raises(NotRunning) as stop:
        await nobody.stop()

    assert (call.value.reason, stop.value.reason) == ("noproc", "noproc")


@pytest.mark.conforms("ex.gen_server.023")
async def test_calling_what_has_ended_fails_at_once(clock: VirtualClock) -> None:
    stack = await Stack.start()
    await stack.stop()

    with pytest.raises(NotRunning) as error:
        await stack.call(Stack.pop)

    assert (error.value.target, error.value.method, clock.monotonic()) == (stack, "pop", 0.0)


async def test_what_is_no_public_method_is_no_request(tree: Tree) -> None:
    stack = await tree.start(Stack)

    async def stranger(stack: Stack) -> None: ...

    with pytest.raises(NotAHandler, match=r"expected a public method of Stack, got .*stranger"):
        await stack.call(stranger)
    with pytest.raises(NotAHandler):
        stack.cast(stranger)
    with pytest.raises(NotAHandler):
        await stack.call(Stack.terminate, "normal")


@pytest.mark.parametrize("nonsense", ["pop", None, 5])
async def test_a_request_names_a_method(tree: Tree, nonsense: Any) -> None:
    stack = await tree.start(Stack)

    with pytest.raises(NotAHandler, match="expected a public method of Stack, got"):
        await stack.call(nonsense)
    with pytest.raises(NotAHandler):
        await stack.within(1.0).call(nonsense)
    with pytest.raises(NotAHandler):
        stack.cast(nonsense)


async def test_a_subclass_answers_with_its_own_method(tree: Tree) -> None:
    class Loud(Stack):
        async def pop(self) -> str:
            return (await super().pop()).upper()

    stack = await tree.start(Loud, ["hello"])

    assert await stack.call(Stack.pop) == "HELLO"


def test_a_method_that_promises_a_reply_is_no_coroutine() -> None:
    with pytest.raises(TypeError, match=r"expected Confused\.later to be a plain method, since it returns a Reply"):

        class Confused(GenServer):  # pyright: ignore[reportUnusedClass]  # making it is the mistake
            async def later(self) -> Reply[int]:
                return Reply[int]()


def test_a_field_must_not_hide_what_every_server_has() -> None:
    with pytest.raises(TypeError, match=r"expected a field name that GenServer does not use, got Rude\.stop"):

        class Rude(GenServer):  # pyright: ignore[reportUnusedClass]  # making it is the mistake
            stop: int  # type: ignore[assignment]


async def test_a_server_is_an_ordinary_object_without_a_process() -> None:
    stack = Stack(["hello"])

    assert await stack.pop() == "hello"
    with pytest.raises(OutsideProcess, match="stop works only inside a running process"):
        stack.stop()


# Addresses.


@pytest.mark.conforms("ex.gen_server.031", "ex.gen_server.034", "ex.gen_server.035")
async def test_an_address_says_which_process_is_there(tree: Tree) -> None:
    process = await child(Stack).named("stack").start()

    assert Ref(Stack, "stack").where() is process
    assert process.where() is process
    assert Ref(Stack, "nobody").where() is None
    await process.stop()
    assert Ref(Stack, "stack").where() is None


@pytest.mark.conforms("ex.gen_server.036")
async def test_a_global_name_says_which_process_is_there_wherever_it_is_asked() -> None:
    process = await child(Stack).named(Global("stack")).start()

    here = Ref(Stack, Global("stack")).where()
    with namespace("test:elsewhere"):
        there = Ref(Stack, Global("stack")).where()

    assert (here, there) == (process, process)
    assert Ref(Stack, Global("nobody")).where() is None
    await process.stop()


# Stopping.


@pytest.mark.conforms("ex.gen_server.013", "ex.gen_server.037")
async def test_stop_returns_when_the_process_is_gone(probe: Probe) -> None:
    stack = await Stack.start()
    monitor = probe.monitor(stack)
    stack.cast(Stack.push, "before the end")

    await stack.stop()

    assert not stack.alive
    assert await stack.down() == "noproc"
    assert await probe.expect_message(Down) == Down(monitor, stack, "normal")


@pytest.mark.conforms("ex.gen_server.038")
async def test_stopping_what_has_ended_is_an_error() -> None:
    stack = await Stack.start()
    await stack.stop()

    with pytest.raises(NotRunning) as error:
        await stack.stop()

    assert (error.value.target, error.value.method, error.value.seconds) == (stack, "stop", None)


@pytest.mark.conforms("ex.gen_server.040")
async def test_a_server_that_stops_itself_as_a_stranger_would_fails_at_once(tree: Tree) -> None:
    class Stubborn(Mirror):
        async def try_to_stop(self) -> str:
            try:
                return await self.stop_itself()
            except CallingSelf as error:
                return error.reason

    mirror = await tree.start(Stubborn)

    assert await mirror.call(Stubborn.try_to_stop) == "calling_self"
    assert await mirror.call(Stubborn.reflect) == "you"


@pytest.mark.conforms("ex.gen_server.041")
async def test_a_name_is_free_after_a_stop() -> None:
    await child(Stack).named("stack").start()

    await Ref(Stack, "stack").stop("normal")

    assert list_services() == {}
    await (await child(Stack).named("stack").start()).stop()


async def test_stop_waits_for_no_longer_than_it_is_told(clock: VirtualClock) -> None:
    stack = await Stack.start()
    gate = asyncio.Event()
    stack.cast(Stack.push_slowly, "last", gate)
    stopping = asyncio.ensure_future(stack.stop(timeout=2.0))

    await clock.advance(2.0)
    error = stopping.exception()
    gate.set()

    assert isinstance(error, CallTimeout)
    assert await stack.down() == "normal"


async def test_stop_says_when_the_process_ended_for_another_reason() -> None:
    stack = await Stack.start()
    stack.cast(Stack.quit, "tired")

    with pytest.raises(ServerDown) as down:
        await stack.stop()

    assert down.value.reason == "tired"


async def test_two_that_want_the_same_end_both_get_it() -> None:
    stack = await Stack.start()

    await asyncio.gather(stack.stop("shutdown"), stack.stop("shutdown"))

    assert not stack.alive


def test_a_spec_is_never_changed() -> None:
    spec: ChildSpec[Stack] = child(Stack)

    changed = spec.id("other").restart("temporary").shutdown("brutal_kill").significant().named("stack").within(1.0)

    assert (spec.child_id, spec.options, spec.name) == (Stack, GenServer.__child__, None)
    assert (changed.child_id, changed.options.restart, changed.name) == ("other", "temporary", "stack")
    assert DynamicSupervisor.__child__.type == "supervisor"


async def test_hooks_need_not_suspend(tree: Tree) -> None:
    ended: list[object] = []

    def init(server: object) -> None:
        ended.append("not yet")

    def terminate(server: object, reason: object) -> None:
        ended.append(reason)

    plain: Any = new_class("Plain", (GenServer,), exec_body=lambda body: body.update(init=init, terminate=terminate))
    await (await plain.start()).stop()

    assert ended == ["not yet", "normal"]


def test_a_method_does_not_take_the_place_of_one_that_servers_have() -> None:
    with pytest.raises(TypeError, match=r"expected a method name that GenServer does not use, got Bus\.stop"):
        new_class("Bus", (GenServer,), exec_body=lambda body: body.update(stop=print))


class Planner(GenServer):
    """Plans what it does next."""

    async def do_next(self, method: Any) -> None:
        self.next(method)

    async def do_later(self, method: Any) -> None:
        self.after(60, method)


@pytest.mark.parametrize("plan", [Planner.do_next, Planner.do_later])
@pytest.mark.parametrize("method", [Mirror.look, "do_next", None])
async def test_a_server_plans_only_what_it_has(tree: Tree, plan: Any, method: Any) -> None:
    planner = await tree.start(Planner)

    with expected_crash(NotAHandler), pytest.raises(ServerDown, match="expected a public method of Planner, got"):
        await planner.call(plan, method)
