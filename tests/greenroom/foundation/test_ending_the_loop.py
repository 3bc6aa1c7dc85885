"""A program ends with its main coroutine, whatever its processes do at that moment."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from greenroom import GenServer, Ref, Supervisor, Task, child
from greenroom.foundation.worker import WorkerTask
from greenroom.testing import Stage, Tree, crash, settle
from tests.greenroom.foundation.errand import endless

PROGRAM = Path(__file__).with_name("leaving_program.py")


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


@dataclass
class Gate(Doors):
    """Writes down how it is closed."""

    async def init(self) -> None:
        self.trap_exit()

    async def terminate(self, reason: object) -> None:
        self.log.append(f"closes: {reason}")

    async def fail_at_last(self) -> None:
        self.occupied.set()
        try:
            await asyncio.sleep(60)
        finally:
            raise KeyError("lost")


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


async def leave_behind(log: list[str], method: Callable[[Gate], Awaitable[None]]) -> None:
    await start(log, method)


async def start(log: list[str], method: Callable[[Gate], Awaitable[None]]) -> Ref[Supervisor]:
    occupied = asyncio.Event()
    gates = [child(Gate, log, occupied).named("gate"), child(Gate, log).named("idle").id("idle")]
    tree = await Supervisor.start(gates, strategy="one_for_all")
    gate = Ref(Gate, "gate")
    gate.cast(method)
    gate.cast(Gate.wait)
    await occupied.wait()
    return tree


def test_a_program_ends_while_a_handler_waits() -> None:
    log: list[str] = []

    asyncio.run(leave_behind(log, Gate.wait))

    assert log == ["waits", "cleans up"]


def test_a_program_ends_while_a_handler_swallows_its_cancellation() -> None:
    log: list[str] = []

    asyncio.run(leave_behind(log, Gate.insist))

    assert log[0] == "goes on"


@pytest.mark.parametrize(
    "way",
    ["main returns", "main fails", "the program exits", "somebody presses Ctrl-C", "the loop is closed"],
)
def test_a_program_that_leaves_its_processes_behind_ends_in_silence(way: str) -> None:
    command = [sys.executable, "-W", "always", str(PROGRAM), way]

    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_a_clean_up_that_fails_is_reported_also_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        asyncio.run(leave_behind([], Gate.fail_at_last))

    [report] = caplog.records
    assert "crashed: KeyError: 'lost'" in report.message


def test_a_task_that_asyncio_cancels_may_still_stop_its_tree() -> None:
    log: list[str] = []

    async def keep(started: asyncio.Event) -> None:
        tree = await start(log, Gate.wait)
        started.set()
        try:
            await tree.down()
        finally:
            await tree.stop()

    async def main() -> None:
        started = asyncio.Event()
        keeping = asyncio.create_task(keep(started))
        await started.wait()
        await asyncio.sleep(0)
        assert not keeping.done()

    asyncio.run(main())

    assert log == ["waits", "cleans up", "closes: shutdown"]


def test_tasks_of_a_main_coroutine_that_fails_end_without_a_report(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        Task.run(endless)
        await asyncio.sleep(0)
        raise KeyError("mistake")

    with caplog.at_level(logging.WARNING), pytest.raises(KeyError):
        asyncio.run(fail())

    assert caplog.records == []


def test_a_kill_while_the_loop_stands_still_is_not_its_end() -> None:
    async def open_doors() -> Ref[Doors]:
        doors = await stage.tree.start(Doors)
        doors.cast(Doors.wait)
        await settle()
        return doors

    async def reopened(doors: Ref[Doors]) -> bool:
        await settle()
        before = doors.where()
        await crash(doors)
        return doors.where() not in (None, before)

    with Stage("standing still") as stage:
        doors = stage.run(open_doors())
        (process,) = stage.record.alive.keys() - {stage.tree.supervisor}

        process.exit("kill")

        assert stage.run(reopened(doors))


async def open_gates() -> Ref[Supervisor]:
    gates = [child(Gate).named("gate"), child(Gate).named("idle").id("idle")]
    tree = await Supervisor.start(gates, strategy="one_for_one")
    Ref(Gate, "gate").cast(Gate.wait)
    await asyncio.sleep(0)
    return tree


async def comes_back(name: str) -> bool:
    before = Ref(Gate, name).where()
    Ref(Gate, name).exit("kill")
    for _ in range(5):
        await asyncio.sleep(0)
    return Ref(Gate, name).where() not in (None, before)


def test_to_cancel_one_handler_while_the_loop_stands_still_is_not_its_end() -> None:
    async def waiting() -> asyncio.Task[object] | None:
        return next(
            (task for task in asyncio.all_tasks() if isinstance(task, WorkerTask) and task.worker.detached), None
        )

    with asyncio.Runner() as runner:
        tree = runner.run(open_gates())
        task = runner.run(waiting())
        assert task is not None

        task.cancel()

        assert runner.run(comes_back("idle"))
        runner.run(tree.stop())


def test_a_program_that_cancels_all_tasks_may_go_on() -> None:
    with asyncio.Runner() as runner:
        tree = runner.run(open_gates())
        tasks = asyncio.all_tasks(runner.get_loop())
        for task in tasks:
            task.cancel()
        runner.get_loop().run_until_complete(asyncio.wait(tasks))

        assert runner.run(comes_back("idle"))
        runner.run(tree.stop())


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
