"""What any process may do, server or function: ties to others, exits, names, a label, a dictionary, timers.

Inside a server the methods of `GenServer` do the same. All of these raise `OutsideProcess` in a plain task, unless they
say that they work anywhere.
"""

from __future__ import annotations

import asyncio
import contextvars
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenroom.foundation.errors import NotRunning
from greenroom.foundation.mailbox import NOTHING, Waiter
from greenroom.foundation.namespace import Name, current_namespace, namespace_of
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Monitor, Ref, process_at
from greenroom.foundation.running import running_process
from greenroom.foundation.scheduler import current_scheduler
from greenroom.foundation.seconds import limit_of
from greenroom.foundation.ties import NONE
from greenroom.foundation.timer import Timer


@dataclass(frozen=True, slots=True)
class TimerCancelled:
    """What `cancel_timer(timer, inform=True)` sends: the seconds that were left, None when it was over."""

    timer: Timer
    remaining: float | None


def link(ref: Ref[Any]) -> None:
    """End when the other crashes, and the other way round; right here, with `noproc`, when it is not there."""
    running_process("link").link(ref)


def unlink(ref: Ref[Any]) -> None:
    """Undo the link."""
    running_process("unlink").unlink(ref)


def monitor(ref: Ref[Any]) -> Monitor:
    """Get one `Down` when the other ends, at once if it is not there."""
    return running_process("monitor").monitor(ref)


def demonitor(watch: Monitor) -> bool:
    """Undo the monitor; a `Down` that waits already is dropped. False if it was over already."""
    return running_process("demonitor").demonitor(watch)


def trap_exit(trapping: bool = True) -> bool:
    """Get `Exit` messages in place of exit signals; answers what was set before."""
    ties = running_process("trap_exit").tie()
    before, ties.trapping = ties.trapping, trapping
    return before


def set_label(label: object) -> None:
    """Give the running process a label, for those who look at it; it needs not be unique."""
    running_process("set_label").tie().label = label


def get_label(ref: Ref[Any] | None = None) -> object:
    """The label of a process, the running one by default; None when it has none. Works anywhere with a reference."""
    process = running_process("get_label") if ref is None else _living(ref)
    return None if process is None or process.ties is None else process.ties.label


def process_dictionary() -> dict[Any, Any]:
    """What the running process keeps for itself beside its state, shared by all code that it runs; it ends with it."""
    ties = running_process("process_dictionary").tie()
    if ties.dictionary is NONE:
        ties.dictionary = {}
    return ties.dictionary


def register_name(name: Name, ref: Ref[Any]) -> None:
    """Give a name to a process that runs already. Works anywhere.

    As in OTP it has one name of its namespace at most, and any number of others: `Via` and `Global`.

    Raises:
        AlreadyStarted: another process holds the name.
        NotRunning: there is no process.
        ValueError: it has such a name; or the name is none of the accepted forms.
    """
    process = _living(ref)
    if process is None:
        raise NotRunning(ref, "register_name")
    if isinstance(name, (str, tuple)) and _has_name_of_namespace(process):
        raise ValueError(f"expected a process without a name, got {process}")
    process.namespace.register(name, process)
    if process.name is None:
        process.name = name
    else:
        process.tie().releases[_FurtherName(process, name)] = None


def unregister_name(name: Name) -> None:
    """Take the name from the process that holds it. Works anywhere.

    Raises:
        ValueError: no process holds it.
    """
    process = whereis(name)
    if not isinstance(process, Process):
        raise ValueError(f"expected a name that a process holds, got {name!r}")
    if process.name == name:
        process.name = None
    else:
        process.tie().releases.pop(_FurtherName(process, name), None)
    process.namespace.unregister(name, process)


def whereis(name: Name) -> Ref[Any] | None:
    """The process that holds the name in the current namespace, or None. Works anywhere."""
    found: Ref[Any] | None = current_namespace().find(name)
    return found


def list_processes(name: str | None = None) -> list[Ref[Any]]:
    """The processes that live in a namespace, the current one by default. Works anywhere."""
    namespace = current_namespace() if name is None else namespace_of(current_scheduler(), name)
    return list(namespace.processes)


def send_after(ref: Ref[Any], message: object, seconds: float) -> Timer:
    """Send a message in this many seconds, to whoever is at the address then. Works anywhere.

    A timer for one process, not for a name, goes with that process, and is over at once if that is gone.
    `timer.remaining` reads it, `timer.cancel()` makes sure that it does not fire. Zero seconds and less are as soon as
    can be, and never before this returns.
    """
    process_at(ref)
    if isinstance(ref, Process):
        if ref.alive:
            return ref.later(seconds, (ref.server.__class__.__info__, (message,), NOTHING, None))
        over = current_scheduler().timers.schedule(seconds, ref.send, message)
        over.drop()
        return over
    # The name is looked up in the namespace that is current here, not where the timer happens to fire.
    here = contextvars.copy_context()
    return current_scheduler().timers.schedule(seconds, here.run, ref.send, message)


def send_at(ref: Ref[Any], message: object, moment: float) -> Timer:
    """Send a message at this moment of `monotonic()`, at once when it is over. Works anywhere."""
    return send_after(ref, message, moment - monotonic())


def cancel_timer(timer: Timer, *, inform: bool = False) -> float | None:
    """Cancel, and answer the seconds that were left, None when it was over; `inform` sends a `TimerCancelled` too."""
    informed = running_process("cancel_timer") if inform else None
    remaining = timer.cancel()
    if informed is not None:
        informed.inform(TimerCancelled(timer, remaining))
    return remaining


def monotonic() -> float:
    """Seconds that never go back, on the clock that timers use. Works anywhere."""
    return current_scheduler().clock.monotonic()


def now() -> datetime:
    """The time of day in UTC, on the clock that timers use. Works anywhere."""
    return current_scheduler().clock.now()


async def sleep(seconds: float | None) -> None:
    """Suspend the running handler or task for this long, None for ever; other processes go on. Works anywhere."""
    if isinstance(seconds, (int, float)) and seconds <= 0:
        await asyncio.sleep(0)
        return
    seconds = limit_of("the time to sleep", seconds)
    scheduler = current_scheduler()
    awake = scheduler.loop.create_future()
    timer = None if seconds is None else scheduler.timers.schedule(seconds, _wake, awake)
    try:
        await awake
    finally:
        if timer is not None:
            timer.drop()


@dataclass(frozen=True, slots=True)
class _FurtherName:
    """Called at the end of a process that has more than one name."""

    process: Process[Any]
    name: Name

    def __call__(self) -> None:
        self.process.namespace.unregister(self.name, self.process)


def _has_name_of_namespace(process: Process[Any]) -> bool:
    names = [process.name]
    if process.ties is not None:
        names += [each.name for each in process.ties.releases if isinstance(each, _FurtherName)]
    return any(isinstance(name, (str, tuple)) for name in names)


def _wake(sleeper: Waiter) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


def _living(ref: Ref[Any]) -> Process[Any] | None:
    found = process_at(ref)
    return found if isinstance(found, Process) and found.alive else None
