"""Tests that are processes themselves: they link, monitor, register and receive under their own name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

from greenroom import spawn

P = ParamSpec("P")


def in_process(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, Coroutine[Any, Any, None]]:
    """Run the test in a process of its own, and fail where it fails."""

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
            await outcome
        finally:
            await process.down()

    return run
