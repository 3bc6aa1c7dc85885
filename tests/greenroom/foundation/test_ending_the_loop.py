"""A program ends with its main coroutine, whatever its processes do at that moment."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

import pytest

from greenroom import GenServer, Ref, Supervisor, child
from greenroom.testing import Tree, settle

pytestmark = pytest.mark.timeout(10)


@dataclass
class Doors(GenServer):
    log: list[str] = field(default_factory=list[str])
    occupied: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        self.log.append("waits")
        self.occupied.set()
        try:
            await asyncio.sleep(60)
        finally:
            self.log.append("cleans up")

    async def insist(self) -> None:
        self.occupied.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        self.log.append("goes on")


SONG: ContextVar[str] = ContextVar("song", default="none")


class Singer(GenServer):
    async def learn(self, title: str) -> None:
        SONG.set(title)

    async def sing(self) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return

    async def song(self) -> str:
        return SONG.get()


async def leave_behind(log: list[str], method: Callable[[Doors], Awaitable[None]]) -> None:
    occupied = asyncio.Event()
    await Supervisor.start([child(Doors, log, occupied).named("doors")], strategy="one_for_one")
    Ref(Doors, "doors").cast(method)
    await occupied.wait()


def test_a_program_ends_while_a_handler_waits() -> None:
    log: list[str] = []

    asyncio.run(leave_behind(log, Doors.wait))

    assert log[:2] == ["waits", "cleans up"]


def test_a_program_ends_while_a_handler_swallows_its_cancellation() -> None:
    log: list[str] = []

    asyncio.run(leave_behind(log, Doors.insist))

    assert log == ["goes on"]


def test_a_program_that_fails_ends_while_its_tree_stops() -> None:
    async def fail() -> None:
        occupied = asyncio.Event()
        doors = child(Doors, [], occupied).named("doors").shutdown("infinity")
        tree = await Supervisor.start([doors], strategy="one_for_one")
        Ref(Doors, "doors").cast(Doors.wait)
        await occupied.wait()
        stopping = asyncio.create_task(tree.stop())
        await asyncio.sleep(0)
        del stopping
        raise KeyError("mistake")

    with pytest.raises(KeyError):
        asyncio.run(fail())


async def test_a_server_with_context_variables_outlives_the_cancellation_of_its_task(tree: Tree) -> None:
    singer = await tree.start(Singer)
    await singer.call(Singer.learn, "Feeling Good")
    singer.cast(Singer.sing)
    await settle()

    for task in asyncio.all_tasks():
        if task is not asyncio.current_task():
            task.cancel()
    await settle()

    assert await singer.call(Singer.song) == "Feeling Good"
