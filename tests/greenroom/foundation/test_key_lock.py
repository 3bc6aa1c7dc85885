import asyncio
from collections.abc import Hashable

import pytest

from greenroom import Ref, Registry, Table, child, current_process, spawn
from greenroom.testing import Tree, settle
from tests.greenroom.foundation.in_process import in_process


class Room:
    """Who goes in and out of a lock, and the key to it."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.log: list[str] = []
        self.exits: dict[str, asyncio.Event] = {}

    async def visitor(self, name: str, key: Hashable = "key") -> Ref[object]:
        """A process that goes in and stays until it is sent out."""
        process = spawn(self._visit, name, key)
        await settle()
        return process

    async def send_out(self, name: str) -> None:
        self.exits[name].set()
        await settle()

    async def _visit(self, name: str, key: Hashable) -> None:
        self.exits[name] = asyncio.Event()
        async with self.table.lock(key):
            self.log.append(f"+{name}")
            await self.exits[name].wait()
            self.log.append(f"-{name}")


@pytest.fixture
async def room(tree: Tree) -> Room:
    await tree.start_supervised(child(Registry, "unique").named("names"))
    return Room(Registry.table("names"))


@pytest.mark.conforms("ex.registry.002")
async def test_locks_on_different_keys_do_not_meet(room: Room) -> None:
    await room.visitor("a", 1)
    await room.visitor("b", 2)
    await room.visitor("c", 1.0)

    assert room.log == ["+a", "+b", "+c"]
    for name in "abc":
        await room.send_out(name)
    await room.visitor("d", 1)
    await room.visitor("e", 2)
    assert room.log[6:] == ["+d", "+e"]
    for name in "de":
        await room.send_out(name)


@pytest.mark.conforms("ex.registry.003")
async def test_a_lock_is_waited_for_in_the_order_of_arrival(room: Room) -> None:
    for name in "abc":
        await room.visitor(name)

    assert room.log == ["+a"]
    for name in "abc":
        await room.send_out(name)
    assert room.log == ["+a", "-a", "+b", "-b", "+c", "-c"]


@pytest.mark.conforms("ex.registry.004")
@in_process
async def test_an_error_in_the_block_frees_the_lock_and_reaches_the_holder(room: Room) -> None:
    async def hold() -> None:
        async with room.table.lock("key"):
            await room.visitor("waiter")
            raise KeyError("holder")

    with pytest.raises(KeyError, match="holder"):
        await hold()

    await settle()
    assert room.log == ["+waiter"]
    await room.send_out("waiter")


@pytest.mark.conforms("ex.registry.005")
@pytest.mark.parametrize("reason", ["kill", "shutdown"])
async def test_the_end_of_a_holder_frees_the_lock(room: Room, reason: str) -> None:
    holder = await room.visitor("holder")
    await room.visitor("waiter")

    holder.exit(reason)
    await settle()

    assert room.log == ["+holder", "+waiter"]
    await room.send_out("waiter")
    await room.visitor("later")
    assert room.log[-1] == "+later"
    await room.send_out("later")


@pytest.mark.conforms("ex.registry.006")
@pytest.mark.parametrize("reason", ["kill", "shutdown"])
async def test_a_waiter_that_ended_is_passed_over(room: Room, reason: str) -> None:
    await room.visitor("holder")
    waiter = await room.visitor("waiter")

    waiter.exit(reason)
    await settle()
    await room.send_out("holder")
    await room.visitor("later")

    assert room.log == ["+holder", "-holder", "+later"]
    await room.send_out("later")


async def test_a_waiter_that_ends_just_as_its_turn_comes_passes_it_on(room: Room) -> None:
    await room.visitor("holder")
    waiter = await room.visitor("waiter")
    await room.visitor("next")

    room.exits["holder"].set()
    for _ in range(3):
        await asyncio.sleep(0)
        if room.log == ["+holder", "-holder"]:
            waiter.exit("kill")
    await settle()

    assert "+next" in room.log
    await room.send_out("next")
    if waiter.alive:
        await room.send_out("waiter")


@pytest.mark.conforms("ex.registry.doc.004")
@in_process
async def test_the_block_runs_in_the_process_that_locks(room: Room) -> None:
    me = current_process()

    async with room.table.lock("key"):
        inside = current_process()

    assert inside is me


async def test_one_lock_may_be_used_by_a_process_and_then_by_plain_tasks(room: Room) -> None:
    lock = room.table.lock("key")
    entered: list[str] = []

    async def enter(who: str) -> None:
        async with lock:
            entered.append(who)

    spawn(enter, "process")
    await settle()
    tasks = [asyncio.ensure_future(enter(who)) for who in ("task", "another task")]
    await settle()

    assert entered == ["process", "task", "another task"]
    assert all(task.done() for task in tasks)


async def test_a_plain_task_may_hold_a_lock(room: Room) -> None:
    async with room.table.lock("key"):
        await room.visitor("waiter")
        assert room.log == []

    await settle()
    assert room.log == ["+waiter"]
    await room.send_out("waiter")
