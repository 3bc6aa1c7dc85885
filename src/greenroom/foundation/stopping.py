"""How a supervisor ends its children: asked first, killed when their time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from greenroom.foundation.child import ChildSpec
from greenroom.foundation.exits import SHUTDOWN
from greenroom.foundation.process import Process
from greenroom.foundation.worker import current_worker


async def shut_down(process: Process[Any], spec: ChildSpec[Any]) -> None:
    """End one child and wait until it is gone."""
    ask_to_end(process, spec)
    await see_off(process, spec)


async def shut_down_all(children: Iterable[tuple[Process[Any], ChildSpec[Any]]]) -> None:
    """End many children at the same time, each with its own limit."""
    asked = list(children)
    for process, spec in asked:
        ask_to_end(process, spec)
    remaining = [see_off(process, spec) for process, spec in asked if process.alive]
    if remaining:
        await asyncio.gather(*remaining)


def ask_to_end(process: Process[Any], spec: ChildSpec[Any]) -> None:
    """Send the signal that its spec asks for; its supervisor does not hear of its end any more."""
    parent, process.parent = process.parent, None
    if spec.seconds_to_stop == "brutal_kill":
        process.kill()
    else:
        process.signal(SHUTDOWN, parent, orderly=True)


async def see_off(process: Process[Any], spec: ChildSpec[Any]) -> None:
    """Wait for its end, and kill it when its time is up."""
    if not process.alive:
        return
    limit = spec.seconds_to_stop
    gone = process.gone()
    timer = None
    if not isinstance(limit, str):
        timer = process.namespace.scheduler.timers.schedule(limit, process.kill)
    worker = current_worker()
    if worker is not None:
        # A child that calls its supervisor now would wait for ever: whoever looks for circles has to see this one.
        worker.calling = process
    try:
        await gone
    finally:
        if worker is not None:
            worker.calling = None
        if timer is not None:
            timer.drop()
