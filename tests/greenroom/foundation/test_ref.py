"""Addresses: a process, a name, a deadline."""

from __future__ import annotations

import pytest

from greenroom import GenServer, Global, NotRunning, Ref, Via, child
from greenroom.testing import Tree, crash
from tests.greenroom.foundation.stack import Stack


async def test_a_name_is_looked_up_at_each_use(tree: Tree) -> None:
    name = Ref(Stack, "stack")
    with pytest.raises(NotRunning):
        await name.call(Stack.all)

    await tree.start_supervised(child(Stack, ["hello"]).named("stack"))
    first = await name.call(Stack.pop)
    await crash(name)

    assert (first, await name.call(Stack.pop)) == ("hello", "hello")


@pytest.mark.parametrize("seconds", [0.5, None])
async def test_a_deadline_changes_nothing_but_the_deadline(tree: Tree, seconds: float | None) -> None:
    await tree.start_supervised(child(Stack, ["hello"]).named("stack"))
    name = Ref(Stack, "stack")
    process = name.where()
    assert process is not None

    for address in (name.within(seconds), process.within(seconds), process.within(1.0).within(seconds)):
        assert address.where() is process
        assert address.alive
        assert await address.call(Stack.all) == ["hello"]
        address.cast(Stack.push, "world")
        assert await address.call(Stack.pop) == "world"


async def test_a_name_and_a_deadline_stop_exit_and_wait_as_the_process_does() -> None:
    for end in ("stop", "exit"):
        await child(Stack).named("stack").start()
        name = Ref(Stack, "stack").within(2.0)
        if end == "stop":
            await name.stop("enough")
        else:
            name.exit("kill")
        assert (name.alive, await name.down()) == (False, "noproc")


def test_names_are_equal_when_they_are_the_same_name() -> None:
    assert Ref(Stack, "a") == Ref(Stack, "a")
    assert Ref(Stack, "a") != Ref(Stack, "b")
    assert len({Ref(Stack, ("a", 1)), Ref(Stack, ("a", 1)), Ref(Stack, Global("a")), Ref(Stack, Via("r", 1))}) == 3


async def test_a_process_is_equal_to_itself_only(tree: Tree) -> None:
    first, second = [(await tree.start(Stack)).where() for _ in range(2)]
    assert first is not None

    assert first == first.where()
    assert first != second


async def test_an_address_shows_what_is_there(tree: Tree) -> None:
    process = await child(Stack).named("stack").start()
    shown = repr(process)
    await process.stop()

    assert shown.startswith("<Stack 'stack' #")
    assert repr(Ref(Stack, "stack")) == "<Stack 'stack'>"
    assert repr(process) == shown


async def test_a_subclass_is_reached_by_an_address_of_its_base(tree: Tree) -> None:
    class Deep(Stack):
        pass

    stack: Ref[Stack] = await tree.start(Deep, ["hello"])

    assert await stack.call(Stack.pop) == "hello"


def test_an_address_needs_a_name() -> None:
    with pytest.raises(ValueError, match="expected a name"):
        Ref(GenServer, None)  # type: ignore[arg-type]  # what the test is about
