"""Which task asyncio takes for the running one, to read and to set: workers take the place of others."""

from __future__ import annotations

import asyncio
import sys
from typing import Any


class _CurrentTasks:
    """From 3.14 on asyncio keeps no dictionary; this looks like the one before."""

    __slots__ = ()

    def get(self, loop: asyncio.AbstractEventLoop) -> object:
        return asyncio.current_task(loop)

    def __getitem__(self, loop: asyncio.AbstractEventLoop) -> object:
        task = asyncio.current_task(loop)
        if task is None:
            raise KeyError(loop)
        return task

    def __setitem__(self, loop: asyncio.AbstractEventLoop, task: Any) -> None:
        asyncio.tasks._swap_current_task(loop, task)  # type: ignore[attr-defined]

    def __delitem__(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.tasks._swap_current_task(loop, None)  # type: ignore[attr-defined]


if sys.version_info < (3, 14):
    CURRENT: Any = asyncio.tasks._current_tasks  # type: ignore[attr-defined]
else:
    CURRENT: Any = _CurrentTasks()
"""The running task of each loop, by loop.

To set and restore it is what asyncio asks of those who bring their own tasks.
"""
