"""The reminders of a kind: one process that claims what is due, and tells the entities."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from greenroom.foundation.errors import CallError, GreenroomError
from greenroom.foundation.genserver import GenServer
from greenroom.foundation.ref import Ref
from greenroom.foundation.timer import Timer
from greenroom.infrastructure.database import Database, DatabaseError, Refusal, Row, Values
from greenroom.infrastructure.entity.error import NoSuchEntity, StaleState
from greenroom.infrastructure.entity.kind import Kind
from greenroom.infrastructure.entity.patience import all_of
from greenroom.infrastructure.entity.reminder import Reminder, due_query, entity_reminders, next_due, next_query
from greenroom.infrastructure.entity.server import Entity

logger = logging.getLogger("greenroom.entity")

EVERY: Final = 10.0
"""How often to look for reminders that other programs have set, in seconds."""

HELD: Final = 30.0
"""How long a reminder is this program's alone; it is claimed anew while the entity is at it, if that takes longer."""

BATCH: Final = 100
"""How many reminders of a kind may be under way at once."""

TRIES: Final = 10
"""How many times in a row an entity may find its row changed by another program before its reminder has to wait."""


@dataclass
class Alarm(GenServer):
    """Delivers the reminders of one kind. Whoever claims one, by raising its version, is its only owner for a while."""

    entity: type[Entity[Any, Any]]
    kind: Kind[Any, Any]
    database: Ref[Database]
    _timer: Timer | None = field(default=None, init=False, repr=False)
    # Those under way, and since when.
    _deliveries: dict[asyncio.Task[None], float] = field(
        default_factory=dict[asyncio.Task[None], float], init=False, repr=False
    )

    async def init(self) -> None:
        """Look for what became due while nobody was there."""
        # What this process has begun ends with it; another one, or another program, takes it up.
        self.__process__.tie().releases[self._leave] = None
        self.kind.alarms = self
        self.expect(0.0)

    def expect(self, seconds: float) -> None:
        """Look for due reminders in this many seconds, if no look comes before."""
        left = None if self._timer is None else self._timer.remaining
        if left is None or seconds < left:
            if self._timer is not None:
                self._timer.drop()
            self._timer = self.after(max(0.0, seconds), Alarm.look)

    async def look(self) -> None:
        """Claim what is due and have it delivered, then sleep until the next is."""
        seconds = EVERY
        try:
            await self._begin_some()
            seconds = await self._seconds_to_next()
        except (DatabaseError, GreenroomError) as error:
            logger.warning("reminders of kind %s can not be read, next try in %g s: %s", self.kind.name, seconds, error)
        self.expect(seconds)

    async def _begin_some(self) -> None:
        """Begin to deliver as many as may be under way at once; whoever is through looks for more."""
        now = self.kind.clock.monotonic()
        # Entities that are stuck must not keep the others from being reminded.
        room = BATCH - sum(now - begun < HELD for begun in self._deliveries.values())
        if room <= 0:
            return
        rows = await self.database.call(Database.select, due_query(self.kind.name, self._now(), room))
        for row in await all_of(map(self._claim, rows)):
            if row is not None:
                # Nobody waits for it: an entity that takes its time must not hold up the others' reminders.
                task = asyncio.get_running_loop().create_task(self._see_to(row))
                self._deliveries[task] = now
                task.add_done_callback(self._deliveries.pop)

    async def _see_to(self, row: Row) -> None:
        try:
            await self._deliver(row)
        except (DatabaseError, CallError) as error:
            logger.warning("a reminder of kind %s that was delivered may come again: %s", self.kind.name, error)
        if len(self._deliveries) >= BATCH:
            self.expect(0.0)

    def _leave(self) -> None:
        # Entities that save after its end have nobody to tell when: the next one, or another program, looks anyway.
        if self.kind.alarms is self:
            self.kind.alarms = None
        for task in self._deliveries:
            task.cancel()

    async def _seconds_to_next(self) -> float:
        rows = await self.database.call(Database.select, next_query(self.kind.name, self._now()))
        if not rows:
            return EVERY
        due: datetime = rows[0]["due"]
        return min(EVERY, max(0.0, (due - self._now()).total_seconds()))

    async def _claim(self, row: Row) -> Row | None:
        held = {"held_until": self._now() + timedelta(seconds=HELD)}
        try:
            outcome = await self._update(row, held)
        except (DatabaseError, CallError) as error:
            # By itself, so that those that are claimed beside it are delivered.
            logger.warning("a reminder of kind %s can not be claimed: %s", self.kind.name, error)
            return None
        return outcome if isinstance(outcome, dict) else None

    async def _deliver(self, row: Row) -> None:
        reminder = Reminder(row["name"], row["due"], row["note"])
        entity = self.entity.at(json.loads(row["key"])).within(None)
        telling = asyncio.ensure_future(_tell(entity, reminder))
        try:
            row = await self._keep(row, telling)
            telling.result()
        except NoSuchEntity as error:
            logger.warning("%s: its reminder %r is dropped", error, reminder.name)
            await self._take_back(row)
        except GreenroomError as error:
            # It stays claimed for a while, and comes again then.
            logger.error("the reminder %r of %s failed, and will be repeated: %s", reminder.name, entity, error)
        else:
            await self._done(row)
        finally:
            telling.cancel()

    async def _keep(self, row: Row, telling: asyncio.Task[None]) -> Row:
        """Hold the claim until the entity is through; answers the row as it was claimed last."""
        while not (await asyncio.wait([telling], timeout=HELD / 2))[0]:
            row = await self._claim(row) or row
        return row

    async def _done(self, row: Row) -> None:
        due = next_due(row, self._now())
        if due is None:
            await self._take_back(row)
        else:
            # Whoever set it anew meanwhile has the last word: the version tells.
            await self._update(row, {"due": due, "held_until": None})
            self.expect((due - self._now()).total_seconds())

    async def _update(self, row: Row, values: Values) -> Row | Refusal:
        return await self.database.call(Database.update, entity_reminders, row["id"], values, version=row["version"])

    async def _take_back(self, row: Row) -> None:
        await self.database.call(Database.delete, entity_reminders, row["id"], version=row["version"])

    def _now(self) -> datetime:
        return self.kind.store.now()


async def _tell(entity: Ref[Any], reminder: Reminder) -> None:
    for left in reversed(range(TRIES)):
        try:
            await entity.call(Entity[Any, Any].handle_reminder, reminder)
        except StaleState:
            # It has done nothing, and left; the next one has read the row anew.
            if not left:
                raise
        else:
            return
