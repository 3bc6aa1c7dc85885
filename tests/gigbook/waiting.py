"""Waiting for what tests did not do themselves."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager

from tests.pace import Pace


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until it holds. What never does is ended with the time that a test has, like all waiting."""
    while not await holds():  # noqa: ASYNC110  # what happens in other processes sets no event here
        await asyncio.sleep(0.005)


class Ledger:
    """What the service has acknowledged, by id, and what was on its way when it went; None stands for deleted."""

    def __init__(self) -> None:
        self.pace = Pace(0.0)
        self.values: dict[int, str | None] = {}
        self.acknowledged = 0
        self._underway: dict[int, str | None] = {}
        self._grown = asyncio.Event()

    def add(self, id: int, value: str | None) -> None:
        """Note that the service has said so."""
        self.values[id] = value
        self.acknowledged += 1
        self.pace.note(asyncio.get_running_loop().time())
        self._grown.set()

    @contextmanager
    def changing(self, id: int, value: str | None) -> Generator[None]:
        """Note a change: acknowledged if the block ends well, and perhaps made if it does not."""
        self._underway[id] = value
        yield
        if self._underway.pop(id, self) is not self:
            self.add(id, value)

    def refused(self, id: int) -> None:
        """Note, while it is under way, that the service has refused a change."""
        del self._underway[id]

    async def has(self, many: int) -> None:
        """Wait until so much was acknowledged."""
        while self.acknowledged < many:
            self._grown.clear()
            await self._grown.wait()

    def contradictions(self, found: Mapping[int, str]) -> list[int]:
        """The ids that are neither as was acknowledged nor as was on its way."""
        return [
            id
            for id, value in self.values.items()
            if found.get(id) != value and (id not in self._underway or found.get(id) != self._underway[id])
        ]
