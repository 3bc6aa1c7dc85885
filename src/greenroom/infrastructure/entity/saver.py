"""The write-behind of a kind: one process that writes what is due."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from greenroom.foundation.genserver import GenServer
from greenroom.foundation.mailbox import NOTHING
from greenroom.foundation.timer import Timer
from greenroom.infrastructure.entity.kind import Kind
from greenroom.infrastructure.entity.writing import Writing


@dataclass
class Saver(GenServer):
    """Writes the backlog of one kind, and tries again for as long as it takes."""

    kind: Kind[Any, Any]
    _writing: Writing = field(init=False, repr=False)
    _timer: Timer | None = field(default=None, init=False, repr=False)
    _at: float = field(default=0.0, init=False, repr=False)
    _called: bool = field(default=False, init=False, repr=False)

    async def init(self) -> None:
        """Take up what another before it has left."""
        self._writing = Writing(self.kind)
        self.kind.writer = self
        self.arm()

    def arm(self) -> None:
        """Look at the backlog when it is due next; at once when too much waits in it."""
        backlog = self.kind.backlog
        due = backlog.next_due
        if due is None or self._called or not self.__process__.alive:
            return
        now = self.kind.clock.monotonic()
        due = max(self._writing.resume, now if backlog.is_crowded else due)
        if due <= now:
            self._called = True
            self.__process__.put((Saver.work, (), NOTHING, None))
        elif self._timer is None or self._timer.remaining is None or due < self._at:
            if self._timer is not None:
                self._timer.drop()
            self._at = due
            self._timer = self.after(due - now, Saver.work)

    async def work(self) -> None:
        """Write what is due."""
        self._called = False
        await self._writing.write_due()
        self.arm()
