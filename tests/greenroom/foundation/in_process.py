"""Tests that are processes themselves: they link, monitor, register and receive under their own name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

from greenroom import spawn
from greenroom.testing import VirtualClock, settle

P = ParamSpec("P")


def in_process(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, Coroutine[Any, Any, None]]:
    """Run the test in a process of its own, and fail where it fails.

    With a clock among its fixtures, time passes while it waits.
    """

    @wraps(test)
    async def run(*args: P.args, **kwargs: P.kwargs) -> None:
        outcome = asyncio.get_running_loop().create_future()

        async def body() -> None:
            try:
                await test(*args, **kwargs)
            except BaseException as error:
                outcome.set_exception(error)
            else:
                outcome.set_result(None)

        process = spawn(body)
        try:
            await _let_pass(outcome, kwargs.get("clock"))
            await outcome
        except BaseException:
            process.exit("kill")
            raise
        await process.down()

    return run


async def _let_pass(outcome: asyncio.Future[None], clock: object) -> None:
    if isinstance(clock, VirtualClock):
        await settle()
        while not outcome.done() and await clock.skip_to_next_timer():
            pass
