"""What type checkers see of tasks: every good line must pass and every `type: ignore` must be needed.

It is never run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, assert_type

from greenroom import (
    Done,
    Exited,
    GenServer,
    Partition,
    PartitionSupervisor,
    Ref,
    StartError,
    Task,
    TaskSpec,
    TaskStream,
    TaskSupervisor,
    child,
)


@dataclass
class Venue(GenServer):
    name: str


async def fetch(url: str, *, retries: int = 0) -> bytes:
    return (url * retries).encode()


async def count(page: bytes) -> int:
    return len(page)


async def urls() -> AsyncIterator[str]:
    yield "greenroom"


async def tasks() -> None:
    page = Task.run(fetch, "greenroom", retries=2)
    assert_type(page, Task[bytes])
    assert_type(await page.await_(), bytes)
    assert_type(await page.yield_(0), Done[bytes] | Exited | None)
    assert_type(await page.shutdown("brutal_kill"), Done[bytes] | Exited | None)
    assert_type(page.ignore(), Done[bytes] | Exited | None)
    assert_type(await Task.await_many([page, page]), list[bytes])
    assert_type(await Task.yield_many([page], limit=1), list[tuple[Task[bytes], Done[bytes] | Exited | None]])
    assert_type(Task.completed(3), Task[int])
    assert_type(Task.start(fetch, "greenroom"), Ref[object])
    assert_type(Task.run(asyncio.to_thread, len, b"page"), Task[int])

    Task.run(fetch)  # type: ignore[call-arg]
    Task.run(fetch, 3)  # type: ignore[arg-type]
    Task.run(fetch, "greenroom", tries=3)  # type: ignore[call-arg]
    Task.run(len, "greenroom")  # type: ignore[arg-type]
    await page.shutdown("later")  # type: ignore[arg-type]
    await Task.yield_many([page], on_timeout="later")  # type: ignore[arg-type]


async def streams() -> None:
    pages = Task.async_stream(["greenroom"], fetch, max_concurrency=2)
    assert_type(pages, TaskStream[bytes])
    assert_type([outcome async for outcome in pages], list[Done[bytes] | Exited])
    assert_type(Task.async_stream(urls(), fetch), TaskStream[bytes])

    Task.async_stream([1], fetch)  # type: ignore[arg-type]
    Task.async_stream(["greenroom"], fetch, on_timeout="later")  # type: ignore[arg-type]
    Task.async_stream(["greenroom"], fetch, shutdown=5.0)  # type: ignore[call-arg]


async def supervised(supervisor: Ref[TaskSupervisor]) -> None:
    spec = Task.child_spec(fetch, "greenroom").restart("transient").shutdown(3.0)
    assert_type(spec, TaskSpec[bytes])
    assert_type(await TaskSupervisor.async_(supervisor, spec), Task[bytes])
    assert_type(await TaskSupervisor.async_nolink(supervisor, fetch, "greenroom", retries=1), Task[bytes])
    assert_type(TaskSupervisor.async_stream(supervisor, [b""], count, shutdown=5.0), TaskStream[int])
    assert_type(await supervisor.call(TaskSupervisor.start_child, spec), Ref[Any] | StartError)
    assert_type(await supervisor.call(TaskSupervisor.children), list[Ref[Any]])

    await TaskSupervisor.async_(supervisor, fetch)  # type: ignore[call-overload]
    await TaskSupervisor.async_(Ref(Venue, "blue-note"), fetch, "greenroom")  # type: ignore[call-overload]
    TaskSupervisor.async_stream_nolink(supervisor, [1], count)  # type: ignore[arg-type]


async def partitions() -> None:
    venues = await PartitionSupervisor.start(child(Venue, "Blue Note"), partitions=2)
    assert_type(venues, Ref[PartitionSupervisor])
    assert_type(await venues.call(PartitionSupervisor.partitions), int)
    assert_type(Ref(Venue, Partition("venues", 7)), Ref[Venue])

    child(PartitionSupervisor, child(Venue, "Blue Note"), partition=2)  # type: ignore[call-arg]


def a_task_that_answers_an_int_answers_an_object(task: Task[int]) -> Task[object]:
    return task
