"""What a handler raises ends its process, also if it is what asyncio and Python themselves end coroutines with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

import pytest

from greenroom import (
    Agent,
    Exited,
    GenServer,
    Ref,
    ServerDown,
    StartFailed,
    Supervisor,
    Task,
    TaskSupervisor,
    child,
    spawn,
)
from greenroom.foundation.broadcast import Audience
from greenroom.foundation.namespace import current_namespace
from greenroom.foundation.process import Process
from greenroom.testing import Tree, expected_crash, settle, state
from tests.greenroom.foundation.errand import Thrown

KINDS = [GeneratorExit, asyncio.CancelledError, Thrown]
TURNS = [0, 1]

pytestmark = pytest.mark.parametrize("kind", KINDS)


@dataclass
class Singer(GenServer):
    """Breaks off, at once or after some turns of the loop."""

    async def break_off(self, error: BaseException, turns: int) -> None:
        await _wait(turns)
        raise error

    def break_off_at_once(self, error: BaseException, turns: int) -> None:
        raise error

    async def break_off_next(self, error: BaseException, turns: int) -> None:
        self.next(Singer.break_off, error, turns)

    async def breathe(self) -> None:
        await asyncio.sleep(0)

    async def sing(self) -> str:
        return "la"

    async def handle_info(self, message: object) -> None:
        assert isinstance(message, Boo)
        await _wait(message.turns)
        raise message.error


@dataclass
class Careful(Singer):
    """Has a `terminate`, by way of which it ends."""

    reasons: list[object] = field(default_factory=list[object])

    async def terminate(self, reason: object) -> None:
        self.reasons.append(reason)


@dataclass
class Shy(Singer):
    """Breaks off before it is there."""

    error: BaseException
    turns: int

    async def init(self) -> None:
        await self.break_off(self.error, self.turns)


@dataclass
class Proud(Shy):
    """Breaks off when it is to leave."""

    async def init(self) -> None:
        pass

    async def terminate(self, reason: object) -> None:
        await self.break_off(self.error, self.turns)


@dataclass
class Unborn(GenServer):
    """Is never there."""

    error: BaseException

    def __post_init__(self) -> None:
        raise self.error


@dataclass(frozen=True)
class Boo:
    error: BaseException
    turns: int


Kind: TypeAlias = type[BaseException]
Way: TypeAlias = Callable[[Ref[Singer], BaseException, int], Awaitable[None]]


async def _wait(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


async def call(singer: Ref[Singer], error: BaseException, turns: int) -> None:
    await _expect_down(singer, singer.call(Singer.break_off, error, turns), error)


async def call_plain(singer: Ref[Singer], error: BaseException, turns: int) -> None:
    # A plain method is a handler for casts, and calls run it as well.
    plain: Any = Singer.break_off_at_once
    await _expect_down(singer, singer.call(plain, error, turns), error)


async def call_busy(singer: Ref[Singer], error: BaseException, turns: int) -> None:
    singer.cast(Singer.breathe)
    await _expect_down(singer, singer.call(Singer.break_off, error, turns), error)


async def cast(singer: Ref[Singer], error: BaseException, turns: int) -> None:
    singer.cast(Singer.break_off, error, turns)


async def cast_among_others(singer: Ref[Singer], error: BaseException, turns: int) -> None:
    singer.cast(Singer.breathe)
    singer.cast(Singer.break_off, error, turns)
    await _expect_down(singer, singer.call(Singer.sing), error)


async def send(singer: Ref[Singer], error: BaseException, turns: int) -> None:
    singer.send(Boo(error, turns))


async def continue_with(singer: Ref[Singer], error: BaseException, turns: int) -> None:
    singer.cast(Singer.break_off_next, error, turns)


async def tell_all(singer: Ref[Singer], error: BaseException, turns: int) -> None:
    process = singer.where()
    assert isinstance(process, Process)
    assert Audience([process], current_namespace()).tell(Boo(error, turns)) == []


async def tell_all_twice(singer: Ref[Singer], error: BaseException, turns: int) -> None:
    process = singer.where()
    assert isinstance(process, Process)
    audience = Audience([process], current_namespace())
    audience.tell(Boo(error, turns))
    assert audience.tell(Boo(ValueError("not reached"), 0)) == []


async def _expect_down(singer: Ref[Singer], answer: Awaitable[object], error: BaseException) -> None:
    with pytest.raises(ServerDown) as caught:
        await answer
    assert caught.value.reason is error
    assert singer.where() is None


WAYS = [call, call_plain, call_busy, cast, cast_among_others, send, continue_with, tell_all, tell_all_twice]


@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("server", [Singer, Careful])
async def test_a_handler_ends_its_process(server: type[Singer], way: Way, kind: Kind, turns: int) -> None:
    singer, error = await server.start(), kind("boo")
    down = asyncio.ensure_future(singer.down())
    await settle()
    singing = state(singer)

    with expected_crash(error):
        await way(singer, error, turns)
        assert await down is error

    assert not isinstance(singing, Careful) or singing.reasons == [error]


@pytest.mark.parametrize("turns", TURNS)
async def test_an_init_is_a_start_that_failed(kind: Kind, turns: int) -> None:
    error = kind("boo")

    with pytest.raises(StartFailed) as caught:
        await Shy.start(error, turns)

    assert caught.value.reason is error


@pytest.mark.parametrize("turns", TURNS)
async def test_a_terminate_is_the_reason_of_the_end(kind: Kind, turns: int) -> None:
    error = kind("boo")
    singer = await Proud.start(error, turns)

    with expected_crash(error), pytest.raises(ServerDown) as caught:
        await singer.stop()

    assert caught.value.reason is error


async def test_a_constructor_is_a_start_that_failed(tree: Tree, kind: Kind) -> None:
    sup = await tree.start(Supervisor, strategy="one_for_one")
    before, error = sup.where(), kind("boo")

    outcome = await sup.call(Supervisor.start_child, child(Unborn, error))

    assert isinstance(outcome, StartFailed)
    assert outcome.reason is error
    assert sup.where() is before


@pytest.mark.parametrize("turns", TURNS)
async def test_a_start_function_is_a_start_that_failed(tree: Tree, kind: Kind, turns: int) -> None:
    async def start(error: BaseException) -> NoReturn:
        await _wait(turns)
        raise error

    sup = await tree.start(Supervisor, strategy="one_for_one")
    before, error = sup.where(), kind("boo")

    outcome = await sup.call(Supervisor.start_child, {"id": "singer", "start": (start, (error,))})

    assert isinstance(outcome, StartFailed)
    assert outcome.reason is error
    assert sup.where() is before


@pytest.mark.parametrize("turns", TURNS)
async def test_a_function_ends_its_process(kind: Kind, turns: int) -> None:
    async def break_off() -> None:
        await _wait(turns)
        raise error

    error = kind("boo")

    with expected_crash(error):
        assert await spawn(break_off).down() is error


@pytest.mark.parametrize("turns", TURNS)
async def test_a_task_has_it_for_an_outcome(tree: Tree, kind: Kind, turns: int) -> None:
    async def break_off(_: object) -> None:
        await _wait(turns)
        raise error

    error = kind("boo")
    tasks = await tree.start(TaskSupervisor)

    with expected_crash(error):
        alone = await Task.run(break_off, 1).yield_()
        supervised = await (await TaskSupervisor.async_nolink(tasks, break_off, 1)).yield_()
        stream = [outcome async for outcome in Task.async_stream([1], break_off)]

    assert [alone, supervised, *stream] == [Exited(error)] * 3


async def test_a_function_of_an_agent_ends_the_agent(kind: Kind) -> None:
    def break_off(_: int) -> int:
        raise error

    error, agent = kind("boo"), await Agent[int].start(lambda: 0)

    with expected_crash(error), pytest.raises(ServerDown) as caught:
        await agent.call(Agent[int].get, break_off)

    assert caught.value.reason is error
    with pytest.raises(StartFailed):
        await Agent[int].start(lambda: break_off(0))
