"""Whose task, time-outs and context variables a handler has: the server's, whoever called it and whichever way."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from greenroom import GenServer, Ref, ServerDown
from greenroom.testing import Stage, Tree, VirtualClock, expected_crash, settle, state

guest: contextvars.ContextVar[str] = contextvars.ContextVar("guest", default="nobody")


@dataclass
class Room(GenServer):
    """Looks at the task and the context that its handlers run in."""

    tasks: list[asyncio.Task[Any] | None] = field(default_factory=list[Any])
    seen: list[str] = field(default_factory=list[str])
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self, turns: int = 0) -> asyncio.Task[Any] | None:
        first = asyncio.current_task()
        for _ in range(turns):
            await asyncio.sleep(0)
        assert asyncio.current_task() is first
        self.tasks.append(first)
        return first

    async def wait(self) -> None:
        await self.gate.wait()

    async def look_twice(self) -> asyncio.Task[Any] | None:
        before = asyncio.current_task()
        await self.gate.wait()
        return before if before is asyncio.current_task() else None

    async def who(self, turns: int = 0) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        self.seen.append(guest.get())
        return guest.get()

    async def welcome(self, name: str, turns: int = 0) -> None:
        guest.set(name)
        for _ in range(turns):
            await asyncio.sleep(0)

    async def welcome_and_reset(self, name: str) -> str:
        token = guest.set(name)
        await asyncio.sleep(0)
        found = guest.get()
        guest.reset(token)
        return found

    async def try_for(self, seconds: float) -> str:
        try:
            async with asyncio.timeout(seconds):
                await asyncio.Event().wait()
        except TimeoutError:
            return "too long"
        return "done"

    async def in_a_group(self, count: int) -> int:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asyncio.sleep(0, number)) for number in range(count)]
        return sum(task.result() for task in tasks)

    async def race(self) -> str:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())
            group.create_task(_fail())
        return "not reached"

    async def in_a_thread(self) -> str:
        return await asyncio.to_thread(guest.get)

    async def cancel_itself(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async def wait_for_itself(self, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        await task

    async def wait_for(self, gate: asyncio.Future[None], turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await gate

    async def shrug(self, turns: int) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        task.cancel("closing time")
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            task.uncancel()
            return f"{error}? Still here"
        return "not reached"

    async def fail_with_a_guest(self) -> None:
        guest.set("ghost")
        raise ValueError


async def _fail() -> None:
    raise ValueError("lost")


async def by_call(room: Ref[Room], turns: int) -> None:
    await room.call(Room.look, turns)


async def by_cast(room: Ref[Room], turns: int) -> None:
    room.cast(Room.look, turns)
    await settle()


Way = Callable[[Ref[Room], int], Any]


# Tasks.


@pytest.mark.parametrize("turns", [0, 1, 5])
@pytest.mark.parametrize("way", [by_call, by_cast])
async def test_a_handler_runs_in_a_task_that_is_not_its_callers(tree: Tree, way: Way, turns: int) -> None:
    room = await tree.start(Room)

    await way(room, turns)

    (task,) = state(room).tasks
    assert task is not None
    assert task is not asyncio.current_task()


async def test_the_caller_has_its_own_task_again_afterwards(tree: Tree) -> None:
    room, before = await tree.start(Room), asyncio.current_task()

    await room.call(Room.look)
    inline = asyncio.current_task()
    await room.call(Room.look, 3)

    assert before is inline is asyncio.current_task()


@pytest.mark.parametrize("seconds", [0.0, 1.5])
async def test_a_time_out_in_a_handler_is_the_handlers(tree: Tree, clock: VirtualClock, seconds: float) -> None:
    room = await tree.start(Room)
    answer = asyncio.ensure_future(room.call(Room.try_for, seconds))

    await clock.advance(seconds)

    assert await answer == "too long"
    assert await room.call(Room.look) is not None


async def test_a_time_out_around_a_call_is_the_callers(tree: Tree, clock: VirtualClock) -> None:
    room = await tree.start(Room)

    async def hurry() -> None:
        async with asyncio.timeout(1.0):
            await room.call(Room.try_for, 2.0)

    hurrying = asyncio.ensure_future(hurry())
    await clock.advance(2.0)

    assert isinstance(hurrying.exception(), TimeoutError)
    assert await room.call(Room.who) == "nobody"


async def test_a_handler_may_have_a_group_of_tasks(tree: Tree) -> None:
    room = await tree.start(Room)

    assert await room.call(Room.in_a_group, 10) == 45


async def test_a_group_that_fails_fails_its_handler(tree: Tree) -> None:
    room = await tree.start(Room)

    with expected_crash(ExceptionGroup), pytest.raises(ServerDown) as down:
        await room.call(Room.race)

    assert isinstance(down.value.reason, ExceptionGroup)


async def test_many_handlers_wait_at_the_same_time_each_in_a_task_of_its_own(tree: Tree) -> None:
    rooms = [await tree.start(Room) for _ in range(100)]

    answers = asyncio.gather(*(room.call(Room.look_twice) for room in rooms))
    await settle()
    for room in rooms:
        state(room).gate.set()

    assert len(set(await answers)) == 100


# Cancellation.


async def test_a_handler_that_cancels_its_own_task_crashes(tree: Tree) -> None:
    room = await tree.start(Room)

    with expected_crash(asyncio.CancelledError), pytest.raises(ServerDown) as down:
        await room.call(Room.cancel_itself)

    assert isinstance(down.value.reason, asyncio.CancelledError)
    assert await room.call(Room.who) == "nobody"


@pytest.mark.parametrize("turns", [0, 1])
async def test_a_handler_that_waits_for_its_own_task_crashes(turns: int) -> None:
    room = await Room.start()

    with expected_crash(RuntimeError), pytest.raises(ServerDown):
        await room.call(Room.wait_for_itself, turns)


@pytest.mark.parametrize("turns", [0, 1])
async def test_a_handler_that_waits_for_a_future_of_another_loop_crashes(turns: int) -> None:
    room, other = await Room.start(), asyncio.new_event_loop()

    with expected_crash(RuntimeError), pytest.raises(ServerDown):
        await room.call(Room.wait_for, other.create_future(), turns)

    other.close()


@pytest.mark.parametrize("turns", [0, 1])
async def test_a_cancellation_that_a_handler_takes_back_is_over(tree: Tree, turns: int) -> None:
    room = await tree.start(Room)

    assert await room.call(Room.shrug, turns) == "closing time? Still here"
    assert await room.call(Room.look, 2) is not None


async def test_a_cancellation_of_the_task_from_outside_crashes_the_process_that_has_it(tree: Tree) -> None:
    room = await tree.start(Room)
    answer = asyncio.ensure_future(room.call(Room.wait))
    await settle()

    with expected_crash(asyncio.CancelledError):
        for task in asyncio.all_tasks():
            if "worker" in task.get_name():
                task.cancel()
        await settle()

    assert isinstance(answer.exception(), ServerDown)


async def test_a_handler_can_be_cancelled_when_what_it_waits_for_is_over(tree: Tree) -> None:
    room, gate = await tree.start(Room), asyncio.get_running_loop().create_future()
    answer = asyncio.ensure_future(room.call(Room.wait_for, gate, 0))
    await settle()

    with expected_crash(asyncio.CancelledError):
        gate.set_result(None)
        for task in asyncio.all_tasks():
            if "worker" in task.get_name():
                task.cancel("closing time")
        await settle()

    down = answer.exception()
    assert isinstance(down, ServerDown)
    assert isinstance(down.reason, asyncio.CancelledError)
    assert down.reason.args == ("closing time",)


async def test_idle_processes_outlive_the_tasks_that_handlers_run_in(tree: Tree) -> None:
    rooms = [await tree.start(Room) for _ in range(10)]
    for task in asyncio.all_tasks():
        if "worker" in task.get_name():
            task.cancel()
    await settle()

    answers = await asyncio.gather(*(room.call(Room.look, turns) for turns, room in enumerate(rooms)))

    assert None not in answers


async def test_a_server_keeps_its_variables_when_the_task_that_holds_them_is_cancelled(tree: Tree) -> None:
    room = await tree.start(Room)
    await room.call(Room.welcome, "Nina", 2)
    for task in asyncio.all_tasks():
        if "worker" in task.get_name():
            task.cancel()

    answers = [await room.call(Room.who), await room.call(Room.who, 2)]

    assert answers == ["Nina", "Nina"]


# Context variables.


async def test_what_a_caller_has_set_is_not_the_servers(tree: Tree) -> None:
    room = await tree.start(Room)
    token = guest.set("Nina")

    inline, slowly = await room.call(Room.who), await room.call(Room.who, 2)
    room.cast(Room.who)
    await settle()

    assert (inline, slowly, state(room).seen) == ("nobody", "nobody", ["nobody"] * 3)
    assert guest.get() == "Nina"
    guest.reset(token)


@pytest.mark.parametrize("turns", [0, 2])
async def test_what_a_handler_sets_stays_with_its_server(tree: Tree, turns: int) -> None:
    room, other = await tree.start(Room), await tree.start(Room)

    await room.call(Room.welcome, "Nina", turns)

    assert (await room.call(Room.who), await room.call(Room.who, 2)) == ("Nina", "Nina")
    room.cast(Room.who)
    await settle()
    assert state(room).seen == ["Nina"] * 3
    assert (await other.call(Room.who), guest.get()) == ("nobody", "nobody")


async def test_what_a_handler_resets_is_as_it_was(tree: Tree) -> None:
    room = await tree.start(Room)

    assert await room.call(Room.welcome_and_reset, "Nina") == "Nina"
    assert await room.call(Room.who) == "nobody"


async def test_what_a_handler_set_before_it_failed_is_gone_with_its_process(tree: Tree) -> None:
    room = await tree.start(Room)

    with expected_crash(ValueError), pytest.raises(ServerDown):
        await room.call(Room.fail_with_a_guest)

    assert [await room.call(Room.who) for _ in range(50)] == ["nobody"] * 50


async def test_many_servers_with_variables_of_their_own_do_not_mix(tree: Tree) -> None:
    rooms = {name: await tree.start(Room) for name in map(str, range(100))}
    for name, room in rooms.items():
        await room.call(Room.welcome, name)

    answers = await asyncio.gather(*(room.call(Room.who, int(name) % 3) for name, room in rooms.items()))

    assert answers == list(rooms)


async def test_threads_that_a_handler_asks_see_the_servers_variables(tree: Tree) -> None:
    room = await tree.start(Room)
    await room.call(Room.welcome, "Nina")

    assert await room.call(Room.in_a_thread) == "Nina"


async def test_the_tasks_of_workers_end_with_the_loop(stage: Stage, tree: Tree) -> None:
    rooms = [await tree.start(Room) for _ in range(50)]
    await asyncio.gather(*(room.call(Room.look, 1) for room in rooms))

    workers = [task for task in asyncio.all_tasks() if "worker" in task.get_name()]

    assert len(workers) <= 60
