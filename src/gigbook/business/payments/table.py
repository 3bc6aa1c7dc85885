"""Where payments are kept: one row each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct, structs
from sqlalchemy import Column, ColumnElement, Index, Text, and_

from gigbook.business.payments.method import Method, MethodText
from gigbook.business.payments.model import DepositDraft, Kind, Order, Payment, Status
from gigbook.business.tables import ID, table
from gigbook.business.versions import Versioned
from greenroom.infrastructure import Columns, Row, UtcTimestamp, Values

payments: Final = table(
    "payments",
    Column("booking_id", ID, nullable=False),
    Column("kind", Text, nullable=False),
    Column("refunds", ID),
    Column("amount", ID, nullable=False),
    Column("currency", Text, nullable=False),
    Column("method", MethodText),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("reference", Text),
    Column("closed_at", UtcTimestamp),
    Column("refunded_at", UtcTimestamp),
)


def _at_most_one(name: str, column: str, kind: Kind, *conditions: ColumnElement[bool]) -> None:
    # Told here too, so that a refusal names the column.
    live = and_(payments.c.kind == kind, payments.c.status.in_(("pending", "succeeded")), *conditions)
    Index(name, payments.c[column], unique=True, sqlite_where=live, postgresql_where=live)


_at_most_one("idx_payments_one_deposit", "booking_id", "deposit", payments.c.refunded_at.is_(None))
_at_most_one("idx_payments_one_refund", "refunds", "refund")


class Filter(Struct, frozen=True, kw_only=True):
    """Which payments are meant. None means all."""

    booking_id: int | None = None
    status: Status | None = None
    kind: Kind | None = None


def payment(row: Row) -> Payment:
    """The payment in the row."""
    return Payment(**{field: row[field] for field in Payment.__struct_fields__})


def versioned(row: Row) -> Versioned[Payment]:
    """The payment in the row, with the row's version."""
    return Versioned(payment(row), row["version"])


def _order(row: Row) -> Order:
    return Order(payment(row), row["method"], row["reference"], row["closed_at"])


def _values(order: Order) -> Values:
    return {
        **structs.asdict(order.payment),
        "method": order.method,
        "reference": order.reference,
        "closed_at": order.closed_at,
    }


def deposit_values(draft: DepositDraft, at: datetime) -> Values:
    """The row of a deposit that is intended."""
    given = {**structs.asdict(draft), "method": Method(draft.method)}
    return {**given, "kind": "deposit", "status": "pending", "created_at": at, "updated_at": at}


def refund_values(deposit: Payment, at: datetime) -> Values:
    """The row of a refund that is intended."""
    return {
        "booking_id": deposit.booking_id,
        "kind": "refund",
        "refunds": deposit.id,
        "amount": deposit.amount,
        "currency": deposit.currency,
        "status": "pending",
        "created_at": at,
        "updated_at": at,
    }


HOME: Final = Columns(payments, Order, read=_order, write=_values)


def conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    """What the rows of those that are wanted meet."""
    for field, value in structs.asdict(wanted).items():
        if value is not None:
            yield payments.c[field] == value
