"""A process that consumes streams of tasks, and what the tasks do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from greenroom import (
    Done,
    Exited,
    Ref,
    TaskStream,
    TaskSupervisor,
    exit_with,
    list_processes,
)
from greenroom.foundation.function_process import FunctionProcess
from greenroom.testing import Probe, VirtualClock, settle

FOREVER = float("inf")


async def sleep(milliseconds: float) -> float:
    if milliseconds == FOREVER:
        await asyncio.Event().wait()
    await asyncio.sleep(milliseconds / 1000)
    return milliseconds


async def leave_as(reason: object) -> NoReturn:
    exit_with(str(reason))


def done(*values: object) -> list[object]:
    return [Done(value) for value in values]


def exited(*reasons: object) -> list[object]:
    return [Exited(reason) for reason in reasons]


async def results(stream: TaskStream[Any], take: int | None = None) -> list[Any]:
    """What comes out of the stream, or the beginning of it."""
    found: list[Any] = []
    async for outcome in stream:
        found.append(outcome)
        if len(found) == take:
            break
    return found


class Consumer:
    """A process that traps exits and consumes streams, in as much time of the test's clock as it takes.

    It may be linked to a task supervisor, and then to nobody else.
    """

    def __init__(self, probe: Probe, clock: VirtualClock, tasks: Ref[TaskSupervisor] | None = None) -> None:
        self.probe = probe
        self.clock = clock
        probe.trap_exit()
        self.links: list[Ref[Any] | None] = []
        if tasks is not None:
            self.tasks = tasks
            self.links.append(tasks.where())
            probe.link(tasks)

    async def consume(self, work: Callable[[], Awaitable[Any]]) -> Any:
        running = asyncio.ensure_future(self.probe.perform(work))
        await settle()
        while not running.done() and await self.clock.skip_to_next_timer():
            pass
        return await running

    async def results(self, stream: TaskStream[Any], take: int | None = None) -> list[Any]:
        found: list[Any] = await self.consume(lambda: results(stream, take))
        return found

    async def assert_alone(self) -> None:
        """Nothing is left of a stream: no process, no link, no message."""
        await settle()
        ties = self.probe.ref.find().ties
        assert list(ties.links) == self.links
        assert not ties.watchers
        assert self.probe.messages == []
        assert [process for process in list_processes() if isinstance(process, FunctionProcess)] == []
