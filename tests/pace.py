"""How fast a machine is, as clients see it: what has to be done by a certain time is later on a slow one."""

from __future__ import annotations

from dataclasses import dataclass, field

STEPS = 3
"""What a late write has to wait for: that somebody looks at the time, the commit under way, and one of its own."""


@dataclass
class Pace:
    """The longest time between two commits, of those that somebody waited for all the time."""

    begun: float
    longest: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._last = self.begun

    def note(self, at: float) -> None:
        """One was answered."""
        self.longest = max(self.longest, at - self._last)
        self._last = at

    def written(self, at: float, within: float) -> float:
        """Until when all must be there at this time, of what was promised to be written `within` so many seconds."""
        return at - within - STEPS * max(self.longest, at - self._last)
