"""The books of the local gateway: one line for each key, written once."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, MetaData, Table, Text, and_

from gigbook.business.database import database
from gigbook.business.moments import now
from gigbook.business.payments.gateway import Charged, Declined, Outcome, Unseen
from gigbook.business.payments.money import Money
from gigbook.business.tables import ID
from greenroom.infrastructure import Conflict, Database, Invalid, NotFound, Row, UtcTimestamp

SUCCEEDED: Final = "succeeded"
DECLINED: Final = "declined"

ledger: Final = Table(
    "gateway_ledger",
    MetaData(),
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("charge", Text),
    Column("amount", ID, nullable=False),
    Column("currency", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    Column("created_at", UtcTimestamp, nullable=False),
)

_given_back = and_(ledger.c.kind == "refund", ledger.c.outcome == SUCCEEDED)

Index(
    "idx_gateway_ledger_one_refund",
    ledger.c.charge,
    unique=True,
    sqlite_where=_given_back,
    postgresql_where=_given_back,
)


async def find(key: str) -> Outcome | Unseen:
    """What the line with this key says."""
    row = await database.call(Database.get, ledger, key)
    return Unseen() if isinstance(row, NotFound) else _outcome(row)


async def enter_charge(key: str, money: Money, declined: str | None) -> Outcome:
    """Take the money, or write down why it was declined; answers what stands under the key."""
    return await _enter(key, "charge", money, None, declined)


async def enter_refund(key: str, charge: str, money: Money, declined: str | None) -> Outcome:
    """Give a charge back, unless it can not or shall not be; answers what stands under the key."""
    return await _enter(key, "refund", money, charge, declined or await _objection(charge, money))


async def enter_withdrawal(key: str) -> Outcome:
    """Take the key out of use; answers what stands under it."""
    return await _enter(key, "withdrawal", None, None, "withdrawn before it was paid")


async def _objection(charge: str, money: Money) -> str | None:
    row = await database.call(Database.get, ledger, charge)
    if isinstance(row, NotFound) or (row["kind"], row["outcome"]) != ("charge", SUCCEEDED):
        return "there is no such charge"
    if row["currency"] != money.currency or row["amount"] < money.amount:
        return f"the charge was of {Money(row['amount'], row['currency'])}"
    return None


async def _enter(key: str, kind: str, money: Money | None, charge: str | None, declined: str | None) -> Outcome:
    values: dict[str, object] = {
        "id": key,
        "kind": kind,
        "charge": charge,
        "amount": money.amount if money else 0,
        "currency": money.currency if money else "",
        "outcome": DECLINED if declined else SUCCEEDED,
        "reason": declined,
        "created_at": now(),
    }
    match await database.call(Database.insert, ledger, values):
        case Conflict():
            known = await find(key)
            if isinstance(known, Unseen):
                # The other rule is that no charge is given back twice.
                return await _enter(key, kind, money, charge, "it was given back before")
            return known
        case Invalid() as broken:
            raise ValueError(f"expected the ledger to take {kind} {key!r}, got {broken}")
        case row:
            return _outcome(row)


def _outcome(row: Row) -> Outcome:
    return Charged(row["id"]) if row["outcome"] == SUCCEEDED else Declined(row["reason"])
