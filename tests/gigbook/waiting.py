"""Waiting for what tests did not do themselves."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(holds: Callable[[], Awaitable[bool]], *, within: float = 10.0) -> None:
    """Ask again and again until it holds; fail when it does not in time."""
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110  # what happens in other processes sets no event here
            await asyncio.sleep(0)


class Ledger:
    """What was acknowledged by the service, and so must be there for ever."""

    def __init__(self) -> None:
        self.emails: dict[int, str] = {}
        self._grown = asyncio.Event()

    def add(self, id: int, email: str) -> None:
        self.emails[id] = email
        self._grown.set()

    async def has(self, many: int) -> None:
        """Wait until so many were acknowledged."""
        while len(self.emails) < many:
            self._grown.clear()
            await self._grown.wait()
