"""Addresses: a process, a name, a deadline."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom import GenServer, Global, NotRunning, Ref, Registry, Via, child, whereis
from greenroom.foundation.namespace import Name
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


NAMES: list[Name] = [
    "stack",
    ("stack", 1),
    Global("stack"),
    Via("stacks", "stack"),
    Via("stacks", 1),
    Via("stacks", 1.0),
]


@given(st.lists(st.tuples(st.sampled_from(["start", "kill", "stop"]), st.sampled_from(NAMES)), max_size=15))
async def test_the_fast_way_to_look_a_name_up_finds_what_the_slow_one_does(steps: list[tuple[str, Name]]) -> None:
    registry = await child(Registry, "unique").named("stacks").start()
    table = Registry.table("stacks")
    # By what is printed: for a dictionary 1 and 1.0 are one key.
    holders: dict[str, Ref[Stack]] = {}
    for what, name in steps:
        known = holders.get(repr(name))
        if what == "start" and known is None:
            holders[repr(name)] = await child(Stack).named(name).start()
        elif what == "kill" and known is not None:
            holders.pop(repr(name)).exit("kill")
        elif what == "stop" and known is not None:
            await holders.pop(repr(name)).stop()
        for named in NAMES:
            address, holder = Ref(Stack, named), holders.get(repr(named))
            assert (address.where(), Ref[Stack].where(address), whereis(named)) == (holder, holder, holder)
        for key in ("stack", 1, 1.0):
            assert table.lookup(key) == [entry for entry in table.entries() if repr(entry.key) == repr(key)]

    for holder in holders.values():
        await holder.stop()
    await registry.stop()


@pytest.mark.parametrize("seconds", [60.0, None])
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
