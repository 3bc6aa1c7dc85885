"""The write-behind of a kind: one process that writes what is due, many states in one transaction.

It reads the states where they are: each is one frozen value, so there is nothing to ask the entities for, and none of
them waits while it is written.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from greenroom.foundation.errors import CallError
from greenroom.foundation.exits import Shutdown
from greenroom.foundation.genserver import GenServer
from greenroom.foundation.mailbox import NOTHING
from greenroom.foundation.reply import Reply
from greenroom.foundation.timer import Timer
from greenroom.infrastructure.database import DatabaseError, Refusal
from greenroom.infrastructure.entity.backlog import Unsaved
from greenroom.infrastructure.entity.error import SaveRefused, StaleState
from greenroom.infrastructure.entity.kind import Kind
from greenroom.infrastructure.entity.patience import Pause, all_of
from greenroom.infrastructure.entity.server import Entity, stored
from greenroom.infrastructure.entity.store import Copy, may_be_stored

logger = logging.getLogger("greenroom.entity")

Waiting = Unsaved[Entity[Any, Any]]


@dataclass
class Saver(GenServer):
    """Writes the backlog of one kind, and tries again for as long as it takes."""

    kind: Kind[Any, Any]
    _timer: Timer | None = field(default=None, init=False, repr=False)
    _at: float = field(default=0.0, init=False, repr=False)
    _called: bool = field(default=False, init=False, repr=False)
    _pause: Pause = field(init=False, repr=False)
    _resume: float = field(default=0.0, init=False, repr=False)

    async def init(self) -> None:
        """Take up what another before it has left."""
        self._pause = Pause(self.kind.settings.retry, 0.5)
        for waiting in self.kind.backlog:
            if waiting.taken:
                self.kind.backlog.failed(waiting, self._now())
        self.kind.writer = self
        self.arm()

    def arm(self) -> None:
        """Look at the backlog when it is due next; at once when too much waits in it."""
        backlog = self.kind.backlog
        due = backlog.next_due
        if due is None or self._called:
            return
        now = self._now()
        due = max(self._resume, now if backlog.is_crowded else due)
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
        backlog = self.kind.backlog
        if backlog.is_crowded:
            self._hurry()
        while self._resume <= self._now():
            due = backlog.take_due(self._now(), self.kind.settings.max_batch)
            if not due:
                break
            await self._write(due)
        self.arm()

    async def flush(self) -> int:
        """Write all that is not written yet, once; answers how many are left."""
        self._hurry()
        self._resume = 0.0
        await self.work()
        return len(self.kind.backlog)

    def _hurry(self) -> None:
        for waiting in self.kind.backlog:
            self.kind.backlog.hurry(waiting, self._now())

    def _now(self) -> float:
        return self.kind.clock.monotonic()

    async def _write(self, due: Sequence[Waiting]) -> None:
        # An entity that is just saving by itself has all of its state in that.
        free = [waiting for waiting in due if waiting.entity.__writing__ is None]
        done = Reply[None]()
        for waiting in free:
            waiting.entity.__writing__ = done
        try:
            await self._write_together([waiting for waiting in free if waiting.doubt is None])
            await all_of(self._write_again(waiting) for waiting in free if waiting.doubt is not None)
        finally:
            for waiting in due:
                if waiting.entity.__writing__ is done:
                    waiting.entity.__writing__ = None
                if waiting.taken:
                    self.kind.backlog.failed(waiting, self._now() + self._pause.seconds)
            done.send(None)

    async def _write_together(self, due: Sequence[Waiting]) -> None:
        """All in one transaction, without those, if any, that are refused. Leaves doubt where there is no answer."""
        rest = list(due)
        for waiting in rest:
            waiting.doubt = _copy(waiting.entity)
        while rest:
            try:
                refused = await self.kind.store.write_together([waiting.doubt for waiting in rest])
            except (DatabaseError, CallError) as error:
                if not may_be_stored(error):
                    self._fail(rest, error)
                return
            if refused is None:
                self._succeed(rest)
                return
            self._refuse(rest.pop(refused.at), refused.refusal)

    async def _write_again(self, waiting: Waiting) -> None:
        """What may be stored already, until it is known that it is."""
        try:
            outcome = await self.kind.store.write(waiting.doubt, doubtful=True)
        except StaleState as stale:
            self._overtaken(waiting, stale)
        else:
            if isinstance(outcome, int):
                self._succeed([waiting])
            else:
                self._refuse(waiting, outcome)

    def _succeed(self, written: Sequence[Waiting]) -> None:
        if self._resume:
            logger.warning("entities of kind %s are saved again", self.kind.name)
        self._resume = 0.0
        self._pause.reset()
        at = self.kind.store.now()
        for waiting in written:
            stored(waiting.entity, waiting.doubt.version + 1, at)
            if waiting.afresh is None and waiting.doubt.state is not waiting.entity.state:
                waiting.afresh = waiting.changed
            waiting.doubt = None
            self.kind.backlog.stored(waiting)
        self.kind.tell("save", {"count": len(written)})
        if self.kind.saved is not None:
            self.kind.saved()

    def _fail(self, failed: Sequence[Waiting], error: Exception) -> None:
        seconds = self._pause.lengthen()
        self._resume = self._now() + seconds
        for waiting in failed:
            waiting.doubt = None
            self.kind.backlog.failed(waiting, self._resume)
        count = len(self.kind.backlog)
        logger.error(
            "%d entities of kind %s are not saved, next try in %g s: %s", count, self.kind.name, seconds, error
        )
        self.kind.tell("save_failed", {"count": len(failed), "waiting": count, "pause": seconds}, error=error)

    def _refuse(self, waiting: Waiting, refusal: Refusal) -> None:
        entity = waiting.entity
        if self.kind.store.is_stale(refusal):
            self._overtaken(waiting, StaleState(self.kind.name, entity.key, entity.version))
        else:
            # What callers were told can not be: the log has it, and the entity goes back to what is stored.
            self._end(waiting, SaveRefused(self.kind.name, entity.key, refusal))

    def _overtaken(self, waiting: Waiting, stale: StaleState) -> None:
        self._end(waiting, Shutdown(stale))

    def _end(self, waiting: Waiting, reason: object) -> None:
        # The backlog keeps it: whoever hears of the end reports what was not saved.
        waiting.taken = False
        process = waiting.entity.__process__
        if process.ties is not None:
            process.ties.trapping = False
        process.exit(reason)


def _copy(entity: Entity[Any, Any]) -> Copy[Any, Any]:
    return Copy(entity.key, entity.state, entity.version)
