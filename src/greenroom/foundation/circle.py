"""Who waits for whom: a call that closes a circle would wait for ever, and is refused at once."""

from __future__ import annotations

from typing import Any

from greenroom.foundation.errors import CallingSelf, Deadlock
from greenroom.foundation.mailbox import Waiter
from greenroom.foundation.worker import running_processes


def refuse_circle(caller: Any, process: Any, name: str, seconds: float | None) -> None:
    """Let one process call the other, unless that one waits for it, or for others who do.

    Raises:
        CallingSelf: they are the same.
        Deadlock: they are in a circle.
    """
    if caller is process:
        raise CallingSelf(process, name, seconds)
    path: list[Any] = [caller, process]
    while (following := _waits_for(path[-1])) is not None:
        path.append(following)
        if following is caller:
            raise Deadlock(path, name, seconds)
        if following in path[:-1]:
            return


def _waits_for(process: Any) -> Any:
    worker = process.worker
    if worker is not None and worker.process is process and worker.running:
        above = running_processes()
        return above[above.index(process) - 1]
    if worker is not None and worker.process is process and worker.calling is not None:
        return None if _may_come_from_others(worker.calling, worker.answer) else worker.calling
    return None if process.ties is None else process.ties.calling


def _may_come_from_others(process: Any, answer: Waiter | None) -> bool:
    # Whoever holds a `Reply` can send it, whatever the process waits for that has returned it.
    return answer is not None and process.ties is not None and answer in process.ties.promises and not process.is_ending
