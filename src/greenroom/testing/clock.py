"""Time that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from greenroom.testing.settling import settle

NANOSECONDS: Final = 1_000_000_000
OPENING: Final = datetime(2026, 1, 1, tzinfo=UTC)


class VirtualClock:
    """The clock of one test: `await clock.advance(30)`, and every timer of these 30 seconds has fired.

    Greenroom's own timers, `asyncio.sleep`, `asyncio.timeout` and everything else that the event loop times go by it.
    What waits for sockets and threads still waits for them in real time.
    """

    __slots__ = ("_nanoseconds", "_opening")

    def __init__(self, opening: datetime = OPENING) -> None:
        self._opening = opening
        # An integer, so that ten times 0.1 s is 1 s.
        self._nanoseconds = 0

    def monotonic(self) -> float:
        """Seconds since the test began."""
        return self._nanoseconds / NANOSECONDS

    def now(self) -> datetime:
        """The time of day, in UTC; a test begins with the year 2026 unless it says otherwise."""
        return self._opening + timedelta(microseconds=self._nanoseconds // 1000)

    async def advance(self, seconds: float) -> None:
        """Let this much time pass, from timer to timer; after each, everything runs that it set off."""
        if seconds < 0:
            raise ValueError(f"expected a clock to go forward, got {seconds!r} s")
        target = self._nanoseconds + round(seconds * NANOSECONDS)
        while (step := await self._to_next_timer()) is not None and self._nanoseconds + step <= target:
            self._nanoseconds += step
        self._nanoseconds = target
        await settle()

    async def skip_to_next_timer(self) -> bool:
        """Let time pass until the next timer is due; False when there is none."""
        step = await self._to_next_timer()
        if step is not None:
            self._nanoseconds += step
            await settle()
        return step is not None

    async def _to_next_timer(self) -> int | None:
        seconds = await settle()
        return None if seconds is None else max(1, round(seconds * NANOSECONDS))

    def __repr__(self) -> str:
        return f"<virtual clock at {self.monotonic():g} s>"
