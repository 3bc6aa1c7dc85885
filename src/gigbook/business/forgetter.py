"""The process that makes the keys of requests free again.

It does so beside the requests: whatever a request carries along that is no change of single rows by their keys keeps
it from sharing statements with others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from gigbook.business.database import database
from gigbook.business.once import expired, forgetting
from greenroom import CallError, GenServer
from greenroom.infrastructure import Database, DatabaseError

log: structlog.stdlib.BoundLogger = structlog.get_logger("gigbook.keys")

EVERY: Final = 60.0
"""How often to look for keys that are old enough, in seconds."""

PAGE: Final = 500
"""How many are forgotten in one transaction, so that nobody waits long for it."""


@dataclass
class Forgetter(GenServer):
    """Forgets the keys that are older than they have to be kept; several programs may do so at once."""

    async def init(self) -> None:
        """Begin with those that grew old while nobody was there."""
        self.next(Forgetter.forget)

    async def forget(self) -> None:
        """Forget what is old, and look again after a while."""
        try:
            while await self._forget_some() == PAGE:
                pass
        except (DatabaseError, CallError) as error:
            log.warning("keys are kept longer", error=str(error))
        self.after(EVERY, Forgetter.forget)

    async def _forget_some(self) -> int:
        rows = await database.call(Database.select, expired(PAGE))
        await database.call(Database.transact, *(forgetting(row["id"]) for row in rows))
        return len(rows)
