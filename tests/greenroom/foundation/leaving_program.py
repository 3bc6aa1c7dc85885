"""A program that leaves its event loop while processes do all kinds of things: run by the tests, which look at its log.

It takes the way in which it ends from its command line.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass

from greenroom import (
    Application,
    ChildSpec,
    DynamicSupervisor,
    GenServer,
    Ref,
    Supervisor,
    Task,
    TaskSupervisor,
    application,
    child,
    receive,
    send_after,
    spawn,
)

GUEST: ContextVar[str] = ContextVar("guest", default="nobody")


@dataclass
class Room(GenServer):
    """Waits, in many ways."""

    other: Ref[Room] | None = None

    async def wait(self) -> None:
        await asyncio.sleep(60)

    async def wait_with_a_limit(self) -> None:
        async with asyncio.timeout(50), asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(60))

    async def wait_as_a_guest(self) -> None:
        GUEST.set("Nina")
        await asyncio.sleep(60)

    async def wait_for_a_task(self) -> None:
        await Task.run(asyncio.sleep, 60).await_(None)

    async def wait_for_the_other(self) -> None:
        assert self.other is not None
        await self.other.within(None).call(Room.wait)

    async def call_the_other_at_last(self) -> None:
        assert self.other is not None
        try:
            await asyncio.sleep(60)
        finally:
            await self.other.call(Room.wait)

    async def link_to_the_other(self) -> None:
        assert self.other is not None
        self.link(self.other)
        self.monitor(self.other)

    async def never_give_up(self) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    async def handle_info(self, message: object) -> None:
        pass


class Cellar(Room):
    """Takes long to open."""

    async def init(self) -> None:
        await asyncio.sleep(60)


class Attic(Room):
    """Takes long to close."""

    async def init(self) -> None:
        self.trap_exit()

    async def terminate(self, reason: object) -> None:
        await asyncio.sleep(60)


class House(Application):
    """A tree of its own."""

    name = "house"

    def tree(self) -> ChildSpec[Supervisor]:
        return child(Supervisor, [child(Room).named("kitchen")], strategy="one_for_one")


async def open_all() -> Sequence[asyncio.Task[object]]:
    """Let everything happen that may; answers the asyncio tasks that wait for some of it."""
    ways = [
        Room.wait,
        Room.wait_with_a_limit,
        Room.wait_as_a_guest,
        Room.wait_for_a_task,
        Room.never_give_up,
    ]
    rooms = [child(Room).named(way.__name__).id(way) for way in ways]
    await Supervisor.start([*rooms, child(Room).named("idle"), child(Attic).id("attic")], strategy="one_for_all")
    for way in ways:
        Ref(Room, way.__name__).cast(way)
        Ref(Room, way.__name__).cast(Room.wait)
    await application.start(House())
    Ref(Room, "kitchen").cast(Room.wait)
    return [*await open_more(), *await open_and_close()]


async def open_more() -> Sequence[asyncio.Task[object]]:
    """Rooms that wait for each other, and what has no room."""
    rooms = await DynamicSupervisor.start()
    wing = [await started(rooms, child(Room, Ref(Room, "idle"))) for _ in range(20)]
    for way in (Room.link_to_the_other, Room.wait_for_the_other):
        for room in wing[:10]:
            room.cast(way)
    for room in wing[10:]:
        room.cast(Room.call_the_other_at_last)
    tasks = await TaskSupervisor.start()
    await TaskSupervisor.async_nolink(tasks, asyncio.sleep, 60)
    Task.run(asyncio.sleep, 60)
    spawn(receive)
    spawn(consume)
    send_after(Ref(Room, "idle"), "late", 60)
    await asyncio.sleep(0)
    return [asyncio.create_task(consume()), asyncio.create_task(wing[0].call(Room.wait))]


async def started(rooms: Ref[DynamicSupervisor], spec: ChildSpec[Room]) -> Ref[Room]:
    room = await rooms.call(DynamicSupervisor.start_child, spec)
    assert isinstance(room, Ref)
    return room


async def open_and_close() -> Sequence[asyncio.Task[object]]:
    """What is about to start, and about to stop."""
    leaving = await Supervisor.start([child(Room), child(Attic).shutdown("infinity")], strategy="one_for_one")
    coming = await Supervisor.start([], strategy="one_for_one")
    tasks: list[asyncio.Task[object]] = [
        asyncio.create_task(Cellar.start()),
        asyncio.create_task(coming.call(Supervisor.start_child, child(Cellar))),
        asyncio.create_task(leaving.stop()),
    ]
    for _ in range(5):
        await asyncio.sleep(0)
    # Their first turn is still to come.
    spawn(asyncio.sleep, 60)
    (await Room.start()).cast(Room.wait)
    return tasks


async def consume() -> None:
    async for _ in Task.async_stream(range(10), lambda _: asyncio.sleep(60), max_concurrency=3):
        pass


async def leave() -> None:
    waiting = await open_all()
    assert not any(task.done() for task in waiting)


async def fail() -> None:
    await leave()
    raise LookupError("mistake")


async def exit_program() -> None:
    await leave()
    sys.exit()


async def interrupt() -> None:
    waiting = await open_all()
    asyncio.get_running_loop().call_later(0.01, signal.raise_signal, signal.SIGINT)
    await asyncio.gather(*waiting, asyncio.sleep(60))


async def leave_alone() -> None:
    for task in await open_all():
        # A task that asyncio knows of is asyncio's to complain of.
        task.cancel()
    await asyncio.sleep(0)


def close_by_hand(main: Coroutine[None, None, None]) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main)
    loop.close()


def end(way: str) -> None:
    """End in this way."""
    match way:
        case "main returns":
            asyncio.run(leave())
        case "main fails":
            with suppress(LookupError):
                asyncio.run(fail())
        case "the program exits":
            with suppress(SystemExit):
                asyncio.run(exit_program())
        case "somebody presses Ctrl-C":
            with suppress(KeyboardInterrupt):
                asyncio.run(interrupt())
        case "the loop is closed":
            close_by_hand(leave_alone())
        case _:
            raise ValueError(f"expected a way to end, got {way!r}")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    end(sys.argv[1])
    gc.collect()
