"""Who asks for something: the process that is running, or the asyncio task of code outside of any process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

from greenroom.foundation.errors import OutsideProcess
from greenroom.foundation.exits import NORMAL, SHUTDOWN
from greenroom.foundation.process import Process
from greenroom.foundation.worker import current_worker

Owner: TypeAlias = "Process[Any] | asyncio.Task[Any]"


def current_owner(what: str) -> Owner:
    """Who is asking right now for what is named.

    Raises:
        OutsideProcess: a callback of the event loop asks, and nobody would be there to hear the answer.
    """
    worker = current_worker()
    process: Any = None if worker is None else worker.process
    owner: Owner | None = process or asyncio.current_task()
    if owner is None:
        raise OutsideProcess(what)
    return owner


def when_over(owner: Owner, tell: Callable[[object], object]) -> Callable[[], object]:
    """Call `tell` with the exit reason when the owner ends; answers the function that calls this off."""
    if isinstance(owner, Process):
        return _watch_process(owner, tell)
    return _watch_task(owner, tell)


def link_to(process: Process[Any], owner: Owner) -> Callable[[], object]:
    """Let the process end with its owner, and a process that owns it the other way round; answers how to undo it.

    An asyncio task takes no exit signals: it learns of the end where it waits for the answer.
    """
    if isinstance(owner, Process):
        process.link(owner)
        return lambda: process.unlink(owner)
    release = when_over(owner, lambda reason: process.signal(reason, None))
    process.tie().releases[release] = None
    return release


def _watch_process(owner: Process[Any], tell: Callable[[object], object]) -> Callable[[], object]:
    token = object()
    owner.tie().watchers[token] = lambda _, reason: tell(reason)
    return lambda: None if owner.ties is None else owner.ties.watchers.pop(token, None)


def _watch_task(owner: asyncio.Task[Any], tell: Callable[[object], object]) -> Callable[[], object]:
    def over(task: asyncio.Task[Any]) -> None:
        tell(_reason_of_task(task))

    owner.add_done_callback(over)
    return lambda: owner.remove_done_callback(over)


def _reason_of_task(task: asyncio.Task[Any]) -> object:
    if task.cancelled():
        return SHUTDOWN
    return task.exception() or NORMAL
