"""What the local gateway has written down, read without it."""

from __future__ import annotations

from gigbook.business.database import database
from gigbook.business.payments.ledger import ledger
from gigbook.business.payments.local_gateway import LocalGateway
from greenroom.infrastructure import Database


class LocalBank(LocalGateway):
    """The local gateway, and how much money it holds."""

    async def balance(self) -> int:
        return await held()


async def held() -> int:
    """All that was charged less all that was given back, in minor units."""
    rows = await database.call(Database.select, ledger.select().where(ledger.c.outcome == "succeeded"))
    return sum(row["amount"] if row["kind"] == "charge" else -row["amount"] for row in rows)


async def entries(kind: str) -> int:
    """How many requests of this kind have moved money."""
    moved = ledger.select().where(ledger.c.outcome == "succeeded", ledger.c.kind == kind)
    return len(await database.call(Database.select, moved))
