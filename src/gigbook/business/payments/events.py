"""What happens to a payment, for the audit trail: the stream `payment:{id}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from gigbook.business.database import database
from gigbook.business.payments.model import Kind
from greenroom.infrastructure import EventCodec, EventStore


@dataclass(frozen=True, slots=True)
class PaymentStarted:
    """It is intended: from now on it is seen to until there is an outcome."""

    booking_id: int
    kind: Kind
    amount: int
    currency: str
    refunds: int | None = None


@dataclass(frozen=True, slots=True)
class PaymentUnknown:
    """The gateway gave no answer; it is asked again."""

    why: str


@dataclass(frozen=True, slots=True)
class PaymentSucceeded:
    """The money has moved."""

    reference: str


@dataclass(frozen=True, slots=True)
class PaymentDeclined:
    """The money has not moved, and will not."""

    reason: str


@dataclass(frozen=True, slots=True)
class DepositReturned:
    """The deposit goes back, by a payment of its own."""

    refund: int
    why: str


PaymentEvent: TypeAlias = PaymentStarted | PaymentUnknown | PaymentSucceeded | PaymentDeclined | DepositReturned

EVENTS: Final[EventStore[PaymentEvent]] = EventStore(
    database, EventCodec(PaymentStarted, PaymentUnknown, PaymentSucceeded, PaymentDeclined, DepositReturned)
)


def stream(id: int) -> str:
    """Where the events of a payment are."""
    return f"payment:{id}"
