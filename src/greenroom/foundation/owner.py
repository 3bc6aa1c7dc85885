"""Who asks for something: the process that is running, or the asyncio task of code outside of any process."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias, cast

from greenroom.foundation.errors import OutsideProcess
from greenroom.foundation.exits import NORMAL, SHUTDOWN
from greenroom.foundation.process import Process
from greenroom.foundation.ties import Watcher
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


def watch(owner: Owner, key: Hashable, tell: Watcher) -> None:
    """Call `tell` with the key and the exit reason when the owner ends."""
    if isinstance(owner, Process):
        owner.tie().tell(key, tell)
        return
    watchers = _watchers.get(owner)
    if watchers is None:
        # One callback for all who watch: to take one of many back would be a search through all of them.
        watchers = _watchers[owner] = {}
        owner.add_done_callback(_over)
    watchers[key] = tell


def unwatch(owner: Owner, key: Hashable) -> None:
    """Call that off."""
    if isinstance(owner, Process):
        if owner.ties is not None:
            owner.ties.watchers.pop(key, None)
    elif owner in _watchers:
        _watchers[owner].pop(key, None)


def link_to(process: Process[Any], owner: Owner) -> None:
    """Let the process end with its owner, and a process that owns it the other way round.

    An asyncio task takes no exit signals: it learns of the end where it waits for the answer.
    """
    if isinstance(owner, Process):
        process.link(owner)
    else:
        watch(owner, process, _end_with_owner)
        process.tie().releases[partial(unwatch, owner, process)] = None


def unlink_from(process: Process[Any], owner: Owner) -> None:
    """Undo the link."""
    if isinstance(owner, Process):
        process.unlink(owner)
    else:
        unwatch(owner, process)


def _end_with_owner(process: Any, reason: object) -> None:
    # That the main task failed is for the program to report, and not for each process that ends with it.
    process.signal(SHUTDOWN if process.namespace.scheduler.is_ending else reason, None)


def _over(task: asyncio.Task[Any]) -> None:
    # `exception()` would count as having looked after it, and asyncio would not complain of one that nobody sees.
    error: BaseException | None = task._exception  # noqa: SLF001
    reason = SHUTDOWN if task.cancelled() else error or NORMAL
    # Not before it is known whether the loop ends with this task.
    task.get_loop().call_soon(_tell_all, _watchers.pop(task, {}), reason)


def _tell_all(watchers: Mapping[Hashable, Watcher], reason: object) -> None:
    for key, tell in watchers.items():
        tell(key, reason)


_watchers: Final[dict[asyncio.Task[Any], dict[Hashable, Watcher]]] = {}
