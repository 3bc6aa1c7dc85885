"""A process that registers what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from greenroom import GenServer, Ref, Table

T = TypeVar("T")


class Registrant(GenServer, restart="temporary"):
    """Does as it is told, in its own process."""

    async def perform(self, work: Callable[[], T]) -> T:
        return work()

    async def ping(self) -> str:
        return "pong"


async def register(table: Table, process: Ref[Registrant], key: Hashable, value: Any = None) -> object:
    """Register the process, not the test."""
    return await process.call(Registrant.perform, lambda: table.register(key, value))
