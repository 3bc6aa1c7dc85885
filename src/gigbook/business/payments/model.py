"""What a payment is, and what may become of it. Nothing here knows of processes, tables, or time that passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Annotated, Final, Literal, TypeAlias, assert_never

from msgspec import Meta, Struct, structs

from gigbook.business import bookings
from gigbook.business.ids import Id
from gigbook.business.moments import later
from gigbook.business.payments.gateway import Charged, Declined, Outcome
from gigbook.business.payments.method import Method
from gigbook.business.payments.money import DIGITS, MOST, Money, amount, currency
from gigbook.business.refusals import Refusal
from gigbook.business.rules import LINE, Rule, line

LONGEST_METHOD: Final = 200

Kind: TypeAlias = Literal["deposit", "refund"]
Status: TypeAlias = Literal["pending", "succeeded", "declined"]
Amount: TypeAlias = Annotated[
    int, Meta(ge=1, le=MOST, description="In the smallest unit of the currency, as cents.", examples=[12_50])
]
Currency: TypeAlias = Annotated[
    str, Meta(description="As ISO 4217 has it.", examples=["EUR"], extra_json_schema={"enum": sorted(DIGITS)})
]
MethodGiven: TypeAlias = Annotated[
    str,
    Meta(
        description="How it is paid, in a text for the payment gateway. Nobody else gets to see it.",
        examples=["ok"],
        extra_json_schema={"minLength": 1, "maxLength": LONGEST_METHOD, "pattern": LINE},
    ),
]

RULES: Final[Mapping[str, Rule]] = {
    "amount": amount,
    "currency": currency,
    "method": partial(line, most=LONGEST_METHOD),
}


class Payment(Struct, frozen=True, kw_only=True, gc=False):
    """Money on its way, in one direction: a deposit for a booking, or a deposit that goes back."""

    id: Id
    booking_id: Id
    kind: Kind
    refunds: Id | None
    amount: Amount
    currency: Currency
    status: Status
    reason: str | None
    created_at: datetime
    updated_at: datetime
    # Answers that were kept for their idempotency keys before there was this field have none.
    refunded_at: Annotated[datetime, Meta(description="When all of a deposit had been given back.")] | None = None


class DepositDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What the one who pays a deposit decides."""

    booking_id: Id
    amount: Amount
    currency: Currency
    method: MethodGiven


@dataclass(frozen=True, slots=True)
class Order:
    """A payment, with what is between the gateway and us.

    The method is forgotten as soon as there is an outcome, and it is closed when nothing is left to do.
    """

    payment: Payment
    method: Method | None = None
    reference: str | None = None
    closed_at: datetime | None = None

    @property
    def key(self) -> str:
        """What the gateway knows the request by; a restored database that gives an id out again makes another one."""
        return f"payment-{self.payment.id}-{round(self.payment.created_at.timestamp() * 1000)}"

    @property
    def money(self) -> Money:
        """How much it is about."""
        return Money(self.payment.amount, self.payment.currency)


@dataclass(frozen=True, slots=True)
class NotPayable(Refusal):
    """Only a booking that is held or confirmed can be paid for."""

    status: bookings.Status

    def __str__(self) -> str:
        return f"Only a booking that is held or confirmed can be paid for, and this one is {self.status}"


@dataclass(frozen=True, slots=True)
class AlreadyPaid(Refusal):
    """The booking has a deposit that has not gone back."""

    def __str__(self) -> str:
        return "A deposit for this booking is paid already, being paid, or on its way back"


@dataclass(frozen=True, slots=True)
class NotRefundable(Refusal):
    """Only a deposit that succeeded can be given back."""

    kind: Kind
    status: Status

    def __str__(self) -> str:
        return f"Only a deposit that succeeded can be refunded, and this is a {self.kind} that is {self.status}"


@dataclass(frozen=True, slots=True)
class AlreadyRefunded(Refusal):
    """The deposit was given back, or is on its way."""

    def __str__(self) -> str:
        return "This deposit is refunded already, or being refunded"


def is_payable(status: bookings.Status) -> bool:
    """Whether somebody may pay for a booking with this status."""
    return status in ("held", "confirmed")


Errand: TypeAlias = Literal["ask", "book"]
"""What is left to do for a payment: ask the gateway what becomes of it, or tell the booking that it is paid for."""


def errand(order: Order) -> Errand | None:
    """What is to be done next; None when nothing is left."""
    if order.closed_at is not None:
        return None
    return "ask" if order.payment.status == "pending" else "book"


def settled(order: Order, outcome: Outcome, at: datetime) -> Order:
    """The order with its outcome; the same one, if it has one already."""
    if order.payment.status != "pending":
        return order
    match outcome:
        case Charged(reference):
            found = touched(replace(order, method=None, reference=reference), at, status="succeeded")
            # Only a deposit has consequences.
            return found if order.payment.kind == "deposit" else replace(found, closed_at=at)
        case Declined(reason):
            return closed(touched(replace(order, method=None), at, status="declined", reason=reason), at)
        case _:
            assert_never(outcome)


def closed(order: Order, at: datetime, reason: str | None = None) -> Order:
    """The order when nothing is left to do, for a reason if there is one."""
    return replace(touched(order, at, reason=reason or order.payment.reason), closed_at=order.closed_at or at)


def touched(order: Order, at: datetime, **changes: object) -> Order:
    """The order after these changes of its payment; each is later than the one before."""
    payment = structs.replace(order.payment, **changes, updated_at=later(at, than=order.payment.updated_at))
    return replace(order, payment=payment)


def refund_refused(order: Order) -> NotRefundable | AlreadyRefunded | None:
    """Why the payment can not be given back; None if it can, or if that has begun: the table tells then."""
    payment = order.payment
    if payment.refunded_at is not None:
        return AlreadyRefunded()
    refundable = payment.kind == "deposit" and payment.status == "succeeded"
    return None if refundable else NotRefundable(payment.kind, payment.status)
