"""Who asks for something: the process that is running, or the asyncio task of code outside of any process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

from greenroom.foundation.errors import OutsideProcess
from greenroom.foundation.exits import NORMAL, SHUTDOWN
from greenroom.foundation.process import Process
from greenroom.foundation.worker import current_worker

Owner: TypeAlias = "Process[Any] | asyncio.Task[Any]"


def running_owner() -> Owner | None:
    """Who is asking right now; None where neither a process nor an asyncio task runs."""
    worker = current_worker()
    if worker is not None and worker.process is not None:
        return cast("Process[Any]", worker.process)
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def current_owner(what: str) -> Owner:
    """Who is asking right now for what is named.

    Raises:
        OutsideProcess: a callback of the event loop asks, and nobody would be there to hear the answer.
    """
    owner = running_owner()
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
    # One callback for all who watch: taking one of many callbacks back is a search through all of them.
    watchers = _watchers.get(owner)
    if watchers is None:
        watchers = _watchers[owner] = {}
        owner.add_done_callback(_over)
    token = object()
    watchers[token] = tell
    return lambda: watchers.pop(token, None)


def _over(task: asyncio.Task[Any]) -> None:
    # `exception()` would count as having looked after it, and asyncio would not complain of one that nobody sees.
    error: BaseException | None = task._exception  # noqa: SLF001
    reason = SHUTDOWN if task.cancelled() else error or NORMAL
    for tell in list(_watchers.pop(task, {}).values()):
        tell(reason)


_watchers: Final[dict[asyncio.Task[Any], dict[object, Callable[[object], object]]]] = {}
