"""The server of Elixir's own tests: a stack."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from greenroom import GenServer, Reply


@dataclass
class Stack(GenServer):
    """A stack of strings, whose state is fresh after each restart."""

    items: list[str] = field(default_factory=list[str])
    heard: list[object] = field(default_factory=list[object], init=False)

    def __post_init__(self) -> None:
        self.items = list(self.items)

    async def push(self, item: str) -> None:
        self.items.append(item)

    async def pop(self) -> str:
        return self.items.pop()

    async def all(self) -> list[str]:
        return list(self.items)

    async def push_slowly(self, item: str, gate: asyncio.Event) -> None:
        await gate.wait()
        self.items.append(item)

    def never(self) -> Reply[None]:
        return Reply[None]()

    async def quit(self, reason: object = "normal") -> str:
        self.stop(reason)
        return "bye"

    async def handle_info(self, message: object) -> None:
        self.heard.append(message)
