"""Writing what entities have changed, many states in one transaction.

The states are read where they are: each is one frozen value, so there is nothing to ask the entities for, and none of
them waits while it is written.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from greenroom.foundation.errors import CallError
from greenroom.foundation.exits import Shutdown
from greenroom.foundation.reply import Reply
from greenroom.infrastructure.database import DatabaseError, Refusal
from greenroom.infrastructure.entity.backlog import Unsaved
from greenroom.infrastructure.entity.error import NotSaved, SaveRefused, StaleState
from greenroom.infrastructure.entity.kind import Kind
from greenroom.infrastructure.entity.patience import Pause, all_of
from greenroom.infrastructure.entity.server import Entity, leave, stored
from greenroom.infrastructure.entity.store import Copy, may_be_stored

logger = logging.getLogger("greenroom.entity")

Waiting = Unsaved[Entity[Any, Any]]


class Writing:
    """Writes the backlog of one kind; after a failure not before a while."""

    def __init__(self, kind: Kind[Any, Any]) -> None:
        self.resume = 0.0
        self._kind = kind
        self._pause = Pause(kind.settings.retry, 0.5)

    async def write_due(self) -> None:
        """Write what is due."""
        backlog = self._kind.backlog
        if backlog.is_crowded:
            self._hurry()
        while self.resume <= self._now():
            due = backlog.take_due(self._now(), self._kind.settings.max_batch)
            if not due:
                break
            await self._write(due)

    async def flush(self) -> int:
        """Write all that is not written yet, once; answers how many are left."""
        self._hurry()
        self.resume = 0.0
        await self.write_due()
        return len(self._kind.backlog)

    def _hurry(self) -> None:
        for waiting in self._kind.backlog:
            self._kind.backlog.hurry(waiting, self._now())

    def _now(self) -> float:
        return self._kind.clock.monotonic()

    async def _write(self, due: Sequence[Waiting]) -> None:
        # An entity that is just saving by itself has all of its state in that.
        free = [waiting for waiting in due if waiting.entity.__writing__ is None]
        done = Reply[None]()
        for waiting in free:
            waiting.entity.__writing__ = done
        try:
            await self._write_together([waiting for waiting in free if waiting.doubt is None])
            await all_of(self._write_alone(waiting, doubtful=True) for waiting in free if waiting.doubt is not None)
        finally:
            for waiting in due:
                if waiting.entity.__writing__ is done:
                    waiting.entity.__writing__ = None
                if waiting.taken:
                    self._kind.backlog.failed(waiting, self._now() + self._pause.seconds)
            done.send(None)

    async def _write_together(self, due: Sequence[Waiting]) -> None:
        """All in one transaction, without those, if any, that are refused. Leaves doubt where there is no answer."""
        rest = list(due)
        for waiting in rest:
            waiting.doubt = self._copy(waiting.entity)
        while rest:
            try:
                refused = await self._kind.store.write_together([waiting.doubt for waiting in rest])
            except (DatabaseError, CallError) as error:
                if len(rest) > 1 and _is_of_one(error):
                    await self._write_apart(rest)
                elif not may_be_stored(error):
                    self._fail(rest, error)
                return
            if refused is None:
                self._succeed(rest)
                return
            self._refuse(rest.pop(refused.at), refused.refusal)

    async def _write_apart(self, due: Sequence[Waiting]) -> None:
        """Each in a transaction of its own, since one of them can not be written, and the others must not wait."""
        errors = await all_of(self._write_alone(waiting, doubtful=False) for waiting in due)
        failed = [(waiting, error) for waiting, error in zip(due, errors, strict=True) if error is not None]
        if failed:
            self._fail([waiting for waiting, _ in failed], failed[0][1])

    async def _write_alone(self, waiting: Waiting, *, doubtful: bool) -> NotSaved | None:
        """One state until it is known what became of it; `doubtful` if it may be stored already."""
        try:
            outcome = await self._kind.store.write(waiting.doubt, doubtful=doubtful)
        except StaleState as stale:
            self._overtaken(waiting, stale)
        except NotSaved as error:
            return error
        else:
            if isinstance(outcome, int):
                self._succeed([waiting])
            else:
                self._refuse(waiting, outcome)
        return None

    def _succeed(self, written: Sequence[Waiting]) -> None:
        if self.resume:
            logger.warning("entities of kind %s are saved again", self._kind.name)
        self.resume = 0.0
        self._pause.reset()
        at = self._kind.store.now()
        for waiting in written:
            stored(waiting.entity, waiting.doubt.version + 1, at)
            if waiting.afresh is None and waiting.doubt.state is not waiting.entity.state:
                waiting.afresh = waiting.changed
            waiting.doubt = None
            self._kind.backlog.stored(waiting)
        self._kind.tell("save", {"count": len(written)})
        if self._kind.saved is not None:
            self._kind.saved()

    def _fail(self, failed: Sequence[Waiting], error: Exception) -> None:
        seconds = self._pause.lengthen()
        self.resume = self._now() + seconds
        for waiting in failed:
            waiting.doubt = None
            self._kind.backlog.failed(waiting, self.resume)
        count = len(self._kind.backlog)
        logger.error(
            "%d entities of kind %s are not saved, next try in %g s: %s", count, self._kind.name, seconds, error
        )
        self._kind.tell("save_failed", {"count": len(failed), "waiting": count, "pause": seconds}, error=error)

    def _refuse(self, waiting: Waiting, refusal: Refusal) -> None:
        entity = waiting.entity
        if self._kind.store.is_stale(refusal):
            self._overtaken(waiting, StaleState(self._kind.name, entity.key, entity.version))
        else:
            # What callers were told can not be: the log has it, and the entity goes back to what is stored.
            self._give_up(waiting)
            process = entity.__process__
            if process.ties is not None:
                process.ties.trapping = False
            process.exit(SaveRefused(self._kind.name, entity.key, refusal))

    def _overtaken(self, waiting: Waiting, stale: StaleState) -> None:
        self._give_up(waiting)
        if waiting.entity.__process__.alive:
            # A handler that runs is let finish: it may have stored something, and must not be asked for that again.
            leave(waiting.entity, Shutdown(stale))

    def _give_up(self, waiting: Waiting) -> None:
        # The backlog keeps it: whoever hears of the end reports what was not saved. Nobody has to find out any more
        # what became of it.
        waiting.taken = False
        waiting.doubt = None

    def _copy(self, entity: Entity[Any, Any]) -> Copy[Any, Any]:
        return Copy(entity.key, entity.state, entity.version, self._kind.store.now())


def _is_of_one(error: DatabaseError | CallError) -> bool:
    """Whether it may be a single state's fault that nothing was written."""
    return isinstance(error, DatabaseError) and error.reason == "statement"
