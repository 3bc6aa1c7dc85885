"""Ctrl-C, SystemExit, cancellations that are swallowed, and kills in the middle of things."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from greenroom import (
    DynamicSupervisor,
    GenServer,
    Ref,
    ServerDown,
    child,
    list_services,
)
from greenroom.testing import Stage, Tree, VirtualClock, settle, state
from tests.greenroom.foundation.one_for_one import OneForOne


@dataclass
class Worker(GenServer):
    """Raises what it is told to, or clings to its work."""

    log: list[str] = field(default_factory=list[str])
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def fail(self, error: BaseException) -> None:
        raise error

    async def fail_slowly(self, error: BaseException) -> None:
        await asyncio.sleep(0)
        raise error

    async def ping(self) -> str:
        return "pong"

    async def cling(self) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.log.append("cancelled")
            await self.gate.wait()
            self.log.append("done")
        return "done"

    async def cling_for_ever(self) -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.log.append("cancelled")

    async def cling_to_the_last(self) -> None:
        for _ in range(3):
            try:
                await asyncio.Event().wait()
            except BaseException as error:
                self.log.append(type(error).__name__)

    async def clean_up(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.log.append("cleaning")
            await asyncio.sleep(0)
            self.log.append("clean")

    async def spin(self, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        self.ref.exit("kill")
        await asyncio.sleep(0)
        self.log.append("not reached")


@pytest.fixture
def sync_stage() -> Iterator[Stage]:
    """A stage that a plain test drives, since the interruption ends the run of an async one."""
    stage = Stage("interrupted")
    yield stage
    stage.close()


# Ctrl-C and SystemExit.


async def call(worker: Ref[Worker], method: Any, error: BaseException) -> None:
    await worker.call(method, error)


async def cast(worker: Ref[Worker], method: Any, error: BaseException) -> None:
    worker.cast(method, error)
    await asyncio.Event().wait()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("method", [Worker.fail, Worker.fail_slowly])
@pytest.mark.parametrize("way", [call, cast])
def test_an_interruption_in_a_handler_ends_its_process_and_reaches_the_program(
    sync_stage: Stage, way: Any, method: Any, error: BaseException
) -> None:
    run = sync_stage.run
    sync_stage.record.expect(error)
    run(sync_stage.tree.start_supervised(child(Worker).named("worker")))
    run(sync_stage.tree.start_supervised(child(Worker).named("other")))
    before = run(down_later())

    with pytest.raises(type(error)):
        run(way(Ref(Worker, "worker"), method, error))

    assert run(wait_for(before)) is error
    assert run(ping("other")) == "pong"
    assert run(ping("worker")) == "pong"


async def down_later() -> asyncio.Future[object]:
    down = asyncio.ensure_future(Ref(Worker, "worker").down())
    await settle()
    return down


async def wait_for(down: asyncio.Future[object]) -> object:
    return await down


async def ping(name: str) -> str:
    return await Ref(Worker, name).call(Worker.ping)


@pytest.mark.parametrize("slow", [False, True])
def test_an_interruption_in_init_reaches_the_program(sync_stage: Stage, slow: bool) -> None:
    class Impatient(Worker):
        async def init(self) -> None:
            if slow:
                await asyncio.sleep(0)
            raise SystemExit(3)

    with pytest.raises(SystemExit):
        sync_stage.run(Impatient.start())

    assert not sync_stage.record.alive


def test_a_program_that_exits_in_a_handler_exits() -> None:
    program = """
import asyncio
from greenroom import GenServer

class Bar(GenServer):
    async def close(self) -> None:
        await asyncio.sleep(0)
        raise SystemExit(3)

async def main() -> None:
    bar = await Bar.start()
    bar.cast(Bar.close)
    await asyncio.sleep(60)

asyncio.run(main())
"""

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 3


# Cancellations that are swallowed.


async def test_a_handler_that_swallows_the_signal_goes_on_and_its_process_ends_after_it() -> None:
    worker = await Worker.start()
    answer = asyncio.ensure_future(worker.call(Worker.cling))
    await settle()

    worker.exit("shutdown")
    await settle()
    log, gate = state(worker).log, state(worker).gate
    between = worker.alive
    gate.set()
    await settle()

    error = answer.exception()
    assert isinstance(error, ServerDown)
    assert (between, error.reason, log) == (True, "shutdown", ["cancelled", "done"])
    assert not worker.alive


@pytest.mark.parametrize("kind", [OneForOne, DynamicSupervisor])
async def test_a_handler_that_never_gives_up_is_killed_when_its_time_is_up(clock: VirtualClock, kind: Any) -> None:
    sup = await kind.start()
    worker: Ref[Worker] = await sup.call(kind.start_child, child(Worker).shutdown(2.0))
    answer = asyncio.ensure_future(worker.call(Worker.cling_for_ever))
    await settle()
    log = state(worker).log

    stopping = asyncio.ensure_future(sup.stop())
    await clock.advance(1.999)
    before = stopping.done(), list(log)
    await clock.advance(0.001)

    error = answer.exception()
    assert isinstance(error, ServerDown)
    assert (before, stopping.done(), error.reason) == ((False, ["cancelled"]), True, "killed")


@pytest.mark.filterwarnings("ignore:Exception ignored in.*cling_to_the_last:pytest.PytestUnraisableExceptionWarning")
async def test_a_kill_cuts_off_a_handler_that_catches_everything() -> None:
    worker = await Worker.start()
    answer = asyncio.ensure_future(worker.call(Worker.cling_to_the_last))
    await settle()
    log = state(worker).log

    worker.exit("kill")
    await settle()

    assert isinstance(answer.exception(), ServerDown)
    assert log[0] == "GeneratorExit"


async def test_a_handler_that_cleans_up_after_a_signal_is_waited_for() -> None:
    worker = await Worker.start()
    worker.cast(Worker.clean_up)
    await settle()
    log = state(worker).log

    worker.exit("shutdown")

    assert await worker.down() == "shutdown"
    assert log == ["cleaning", "clean"]


async def test_a_kill_waits_for_no_cleaning_up() -> None:
    worker = await Worker.start()
    worker.cast(Worker.clean_up)
    await settle()
    log = state(worker).log

    worker.exit("kill")
    await settle()

    assert log == ["cleaning"]


@pytest.mark.parametrize("turns", range(4))
async def test_a_process_that_kills_itself_runs_to_where_it_waits_next(turns: int) -> None:
    worker = await Worker.start()
    log = state(worker).log

    worker.cast(Worker.spin, turns)

    assert await worker.down() == "killed"
    assert log == []


async def test_a_second_signal_changes_nothing() -> None:
    worker = await Worker.start()
    worker.cast(Worker.cling)
    await settle()
    gate = state(worker).gate

    worker.exit("first")
    await settle()
    worker.exit("second")
    gate.set()

    assert await worker.down() == "first"


async def test_a_kill_after_a_swallowed_signal_still_kills() -> None:
    worker = await Worker.start()
    worker.cast(Worker.cling_for_ever)
    await settle()

    worker.exit("shutdown")
    await settle()
    worker.exit("kill")
    await settle()

    assert not worker.alive


async def test_the_workers_of_killed_handlers_do_not_come_back(tree: Tree) -> None:
    for _ in range(20):
        worker = await Worker.start()
        worker.cast(Worker.cling_for_ever)
        await settle()
        worker.exit("kill")
    other = await tree.start(Worker)

    assert [await other.call(Worker.ping) for _ in range(100)] == ["pong"] * 100
    assert list_services() == {}


@pytest.mark.filterwarnings("ignore:Exception ignored in.*cling_to_the_last:pytest.PytestUnraisableExceptionWarning")
async def test_the_worker_of_a_killed_handler_that_catches_everything_gets_no_other_work(tree: Tree) -> None:
    worker = await Worker.start()
    other = await tree.start(Worker)
    worker.cast(Worker.cling_to_the_last)
    await settle()

    worker.exit("kill")

    for _ in range(4):
        assert await other.call(Worker.ping) == "pong"
        await asyncio.sleep(0)


async def test_stop_waits_behind_the_handler_that_runs() -> None:
    worker = await Worker.start()
    answer = asyncio.ensure_future(worker.call(Worker.cling))
    await settle()
    stopping = asyncio.ensure_future(worker.stop())
    await settle()

    assert not stopping.done()
    worker.exit("kill")
    await settle()
    assert isinstance(stopping.exception(), ServerDown)
    assert isinstance(answer.exception(), ServerDown)
