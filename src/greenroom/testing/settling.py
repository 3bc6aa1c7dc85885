"""Waiting without sleeping: until nothing is left to do, or until something is true."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from greenroom.testing.loop import StageLoop

PATIENCE: Final = 60.0
"""How many real seconds a test waits for something outside of it to make something true; a machine may be busy."""


async def settle() -> float | None:
    """Run until idle: no process, task or callback has anything to do, and no executor runs a job.

    A handler that waits for a timer or a socket has nothing to do. Answers the seconds until the next timer, or None.
    """
    loop = stage_loop()
    return await loop.until(lambda: not loop.jobs)


async def settle_until(holds: Callable[[], bool], expected: Callable[[], str]) -> None:
    """Run until `holds()`; fail with what was expected as soon as nothing can make it true any more.

    Sockets, threads, and timers that are not on a test's clock get a real minute.
    """
    await stage_loop().until(holds, expected, PATIENCE)


def stage_loop() -> StageLoop:
    """The running event loop of a test.

    Raises:
        RuntimeError: another kind of loop runs, or none.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, StageLoop):
        raise RuntimeError("expected to run in a test of greenroom.testing, got another event loop")
    return loop
