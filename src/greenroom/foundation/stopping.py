"""How a supervisor ends its children: asked first, killed when their time is up, and that is reported."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from greenroom.foundation.child import ChildSpec
from greenroom.foundation.child_report import report_child
from greenroom.foundation.exits import KILLED, NORMAL, SHUTDOWN, is_clean
from greenroom.foundation.mailbox import Waiter
from greenroom.foundation.process import Process
from greenroom.foundation.worker import current_worker


async def shut_down(process: Process[Any], spec: ChildSpec[Any]) -> None:
    """End one child and wait until it is gone."""
    leaving = _ask_to_end(process, spec)
    if leaving is not None:
        await leaving


async def shut_down_all(children: Iterable[tuple[Process[Any], ChildSpec[Any]]]) -> None:
    """End many children at the same time, each with its own limit."""
    asked = [_ask_to_end(process, spec) for process, spec in list(children)]
    remaining = [leaving for leaving in asked if leaving is not None]
    if remaining:
        await asyncio.gather(*remaining)


def _ask_to_end(process: Process[Any], spec: ChildSpec[Any]) -> Coroutine[Any, Any, None] | None:
    # Sends the signal that its spec asks for; what waits for its end, if that was not all. Its supervisor does not hear
    # of the end any more.
    supervisor: Process[Any] | None
    supervisor, process.parent = process.parent, None
    if spec.seconds_to_stop == "brutal_kill":
        process.kill()
    else:
        process.signal(SHUTDOWN, supervisor, orderly=True)
    return _see_off(process, spec, supervisor, process.gone()) if process.alive else None


async def _see_off(process: Process[Any], spec: ChildSpec[Any], supervisor: Process[Any] | None, gone: Waiter) -> None:
    # Kills it when its time is up, and reports one that does not end as it was asked to.
    limit = spec.seconds_to_stop
    timer = None
    if not isinstance(limit, str):
        timer = process.namespace.scheduler.timers.schedule(limit, process.kill)
    worker = current_worker()
    if worker is not None:
        # A child that calls its supervisor now would wait for ever: whoever looks for circles has to see this one.
        worker.calling = process
    try:
        reason = await gone
    finally:
        is_late = timer is not None and timer.remaining is None
        if worker is not None:
            worker.calling = None
        if timer is not None and not process.alive:
            # Else its supervisor was killed meanwhile, and nobody but the timer is left to see to it.
            timer.drop()
    if supervisor is not None and not _is_as_asked(reason, spec):
        report_child(
            supervisor, spec, reason, f"since it took more than {limit} s to stop" if is_late else "stopping it"
        )


def _is_as_asked(reason: object, spec: ChildSpec[Any]) -> bool:
    if spec.seconds_to_stop == "brutal_kill":
        return reason == KILLED
    if reason == NORMAL:
        # OTP: a permanent child has no reason to end by itself just now.
        return spec.options.restart != "permanent"
    return is_clean(reason)
