"""Functions that tasks run, and how they end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import pytest

from greenroom import (
    GreenroomError,
    Task,
    TaskDown,
    exit_with,
    spawn,
    trap_exit,
)
from greenroom.testing import Probe, settle


class Thrown(BaseException):
    """What no `except Exception` stops."""


async def answer(value: object = "done") -> object:
    return value


async def endless() -> object:
    return await asyncio.Event().wait()


async def leave(reason: object) -> None:
    exit_with(reason)


async def fail(error: BaseException) -> NoReturn:
    raise error


async def trapping() -> None:
    trap_exit()
    await endless()


async def answer_at_the_last_moment() -> str:
    try:
        await endless()
    except asyncio.CancelledError:
        pass
    return "done"


async def ended(task: Task[Any]) -> Task[Any]:
    """The task, once its process is gone."""
    assert task.ref is not None
    await task.ref.down()
    return task


async def ended_after_answering(reason: object) -> Task[Any]:
    """A task whose answer is there, and whose process ended for this reason all the same."""
    if reason == "normal":
        return await ended(Task.run(answer))
    task = Task.run(answer_at_the_last_moment)
    assert task.ref is not None
    await settle()
    task.ref.exit(reason)
    return await ended(task)


async def in_a_process(work: Callable[[], Awaitable[Any]]) -> Any:
    """What the work answers, when it is done by a process of its own."""
    answers: list[Any] = []

    async def body() -> None:
        answers.append(await work())

    reason = await spawn(body).down()
    assert reason == "normal", reason
    return answers[0]


async def failure_of(probe: Probe, work: Callable[[], Awaitable[object]]) -> TaskDown:
    """How an await fails in a process that traps exits, and lives on."""

    async def catch() -> TaskDown:
        with pytest.raises(TaskDown) as caught:
            await work()
        return caught.value

    probe.trap_exit()
    return await probe.perform(catch)


async def in_probe(probe: Probe, work: Callable[[], Awaitable[object]]) -> object:
    """What the work does in the probe; its exceptions come back."""

    async def catch() -> BaseException | None:
        try:
            await work()
        except GreenroomError as error:
            return error
        return None

    error = await probe.perform(catch)
    if error is not None:
        raise error
    return None


async def killed() -> Task[Any]:
    task = Task.run(endless)
    assert task.ref is not None
    task.ref.exit("kill")
    return await ended(task)
