from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from greenroom import (
    AlreadyStarted,
    DynamicSupervisor,
    GenServer,
    Global,
    NotRunning,
    Ref,
    Supervisor,
    child,
    list_services,
    namespace,
)
from greenroom.foundation.namespace import PRODUCTION, current_namespace
from greenroom.testing import Tree, crash, settle


@dataclass
class Door(GenServer):
    """Knows where it is, and whom it can see from there."""

    async def where_am_i(self, turns: int = 0) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        return current_namespace().name

    async def sees(self, name: str) -> bool:
        return Ref(Door, name).alive

    async def open(self, name: str) -> Ref[Door]:
        return await child(Door).named(name).start()

    async def call_by_name(self, name: str) -> str:
        return await Ref(Door, name).call(Door.where_am_i)


async def test_a_name_is_seen_in_its_own_namespace_only(tree: Tree) -> None:
    with namespace("tenant:1"):
        door = await child(Door).named("door").start()
        assert Ref(Door, "door").where() is door

    assert Ref(Door, "door").where() is None
    with namespace("tenant:2"), pytest.raises(NotRunning):
        await Ref(Door, "door").call(Door.where_am_i)
    await door.stop()


async def test_the_same_name_is_free_in_each_namespace() -> None:
    doors: list[Ref[Door]] = []
    for tenant in range(3):
        with namespace(f"tenant:{tenant}"):
            doors.append(await child(Door).named("door").start())

    assert [await door.call(Door.where_am_i) for door in doors] == ["tenant:0", "tenant:1", "tenant:2"]
    for door in doors:
        await door.stop()


@pytest.mark.parametrize("turns", [0, 2])
async def test_a_process_belongs_to_the_namespace_that_it_was_started_in_whoever_calls_it(turns: int) -> None:
    with namespace("tenant:1"):
        door = await Door.start()

    here = await door.call(Door.where_am_i, turns)
    with namespace("tenant:2"):
        there = await door.call(Door.where_am_i, turns)

    assert (here, there) == ("tenant:1", "tenant:1")
    await door.stop()


async def test_what_a_process_starts_or_looks_up_is_in_its_own_namespace() -> None:
    with namespace("tenant:1"):
        door = await Door.start()

    other = await door.call(Door.open, "inner")

    assert list_services() == {}
    assert list_services("tenant:1") == {"inner": other}
    assert await door.call(Door.sees, "inner")
    assert await door.call(Door.call_by_name, "inner") == "tenant:1"
    await other.stop()
    await door.stop()


async def test_a_whole_tree_may_be_started_twice() -> None:
    sups: list[Ref[Supervisor]] = []
    for tenant in ("tenant:1", "tenant:2"):
        with namespace(tenant):
            inner = child(Supervisor, [child(Door).named("door")], strategy="one_for_one").named("inner")
            sups.append(
                await Supervisor.start([inner, child(DynamicSupervisor).named("doors")], strategy="one_for_one")
            )

    found = [list_services(tenant) for tenant in ("tenant:1", "tenant:2")]

    assert [sorted(map(str, services)) for services in found] == [["door", "doors", "inner"]] * 2
    with namespace("tenant:1"):
        await crash(Ref(Door, "door"))
        assert await Ref(Door, "door").call(Door.where_am_i) == "tenant:1"
    assert list_services("tenant:2")["door"] is found[1]["door"]
    for sup in sups:
        await sup.stop()


async def test_a_child_is_in_the_namespace_of_its_supervisor_whoever_asked_for_it(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor)
    with namespace("tenant:1"):
        await sup.call(DynamicSupervisor.start_child, child(Door).named("door"))

    assert await Ref(Door, "door").call(Door.where_am_i) == current_namespace().name


async def test_a_global_name_is_one_for_all() -> None:
    with namespace("tenant:1"):
        door = await child(Door).named(Global("door")).start()

    with namespace("tenant:2"):
        assert Ref(Door, Global("door")).where() is door
        with pytest.raises(AlreadyStarted):
            await child(Door).named(Global("door")).start()
    assert list_services() == list_services("tenant:1") == {}
    await door.stop()
    assert Ref(Door, Global("door")).where() is None


async def test_a_name_may_be_a_tuple() -> None:
    door = await child(Door).named(("door", 7)).start()

    assert list_services() == {("door", 7): door}
    await door.stop()
    assert list_services() == {}


async def test_the_services_of_a_namespace_that_nobody_used_are_none() -> None:
    assert list_services("tenant:unheard of") == {}


async def test_blocks_may_be_nested() -> None:
    outside = current_namespace().name
    with namespace("tenant:1"):
        with namespace("tenant:2"):
            inner = current_namespace().name
        between = current_namespace().name

    assert (inner, between, current_namespace().name) == ("tenant:2", "tenant:1", outside)


async def test_tasks_inherit_the_namespace_that_they_were_made_in() -> None:
    with namespace("tenant:1"):
        task = asyncio.create_task(_where())

    assert await task == "tenant:1"


def test_without_a_word_everything_is_in_production() -> None:
    assert asyncio.run(_where()) == PRODUCTION


def test_each_event_loop_has_worlds_of_its_own() -> None:
    async def start_and_count() -> int:
        await child(Door).named("door").start()
        return len(list_services())

    assert [asyncio.run(start_and_count()) for _ in range(3)] == [1, 1, 1]


async def test_names_are_free_again_after_a_crash_that_nobody_restarts() -> None:
    await child(Door).named("door").start()

    Ref(Door, "door").exit("kill")
    await settle()

    again = await child(Door).named("door").start()
    await again.stop()


async def _where() -> str:
    return current_namespace().name


@pytest.mark.parametrize("nonsense", [5, None, ("tenant", 42)])
async def test_a_namespace_has_a_word_for_a_name(nonsense: Any) -> None:
    with pytest.raises(TypeError, match="expected the name of a namespace, as 'tenant:42', got"), namespace(nonsense):
        pass
