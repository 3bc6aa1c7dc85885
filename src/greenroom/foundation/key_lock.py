"""Locks by key, held by processes: a holder that ends has let go."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from types import TracebackType
from typing import Any, TypeAlias

from greenroom.foundation.mailbox import Waiter
from greenroom.foundation.process import Process
from greenroom.foundation.worker import current_worker

Locks: TypeAlias = dict[Hashable, deque[Waiter]]
"""Who waits for each key that is held, the first one first."""


class KeyLock:
    """One turn with a key: `async with` waits until nobody else has it."""

    __slots__ = ("_holder", "_key", "_locks")

    def __init__(self, locks: Locks, key: Hashable) -> None:
        self._locks = locks
        self._key = key
        self._holder: Process[Any] | None = None

    async def __aenter__(self) -> None:
        waiting = self._locks.get(self._key)
        if waiting is None:
            self._locks[self._key] = deque()
        else:
            await self._wait_in(waiting)
        worker = current_worker()
        # Not always a process, although one may have used this very lock before.
        holder: Any = None if worker is None else worker.process
        self._holder = holder
        if holder is not None:
            # A holder that ends has let go: what is left of its block then gives back nothing.
            holder.tie().releases[self._pass_on] = None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        holder = self._holder
        if holder is None:
            self._pass_on()
        elif holder.ties is not None and self._pass_on in holder.ties.releases:
            del holder.ties.releases[self._pass_on]
            self._pass_on()

    async def _wait_in(self, waiting: deque[Waiter]) -> None:
        turn = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except BaseException:  # cancelled, or cut off by a kill
            # A turn that came just before belongs to the next one.
            if turn.done() and not turn.cancelled():
                self._pass_on()
            elif turn in waiting:
                waiting.remove(turn)
            raise

    def _pass_on(self) -> None:
        waiting = self._locks[self._key]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._locks[self._key]
