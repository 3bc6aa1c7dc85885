"""The audit trail of a payment, as it is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias, assert_never

from msgspec import Meta, Struct

from gigbook.business.payments.events import (
    DepositReturned,
    PaymentDeclined,
    PaymentEvent,
    PaymentStarted,
    PaymentSucceeded,
    PaymentUnknown,
)
from greenroom.infrastructure import Recorded

What: TypeAlias = Literal["started", "unknown", "succeeded", "declined", "returned"]


class PaymentEntry(Struct, frozen=True, kw_only=True, gc=False):
    """What happened to a payment, and in answer to which request."""

    number: Annotated[int, Meta(ge=1, description="The events of a payment are counted from one.")]
    what: What
    at: datetime
    reason: str | None = None
    refund_id: Annotated[int, Meta(ge=1, description="The payment by which the deposit goes back.")] | None = None
    request_id: str | None = None


def entry(recorded: Recorded[PaymentEvent]) -> PaymentEntry:
    """The event as it is shown."""
    event = recorded.event
    what, reason, refund = _told(event)
    return PaymentEntry(
        number=recorded.version,
        what=what,
        at=recorded.recorded_at,
        reason=reason,
        refund_id=refund,
        request_id=recorded.correlation_id,
    )


def _told(event: PaymentEvent) -> tuple[What, str | None, int | None]:
    match event:
        case PaymentStarted():
            return "started", None, None
        case PaymentUnknown(why):
            return "unknown", why, None
        case PaymentSucceeded():
            return "succeeded", None, None
        case PaymentDeclined(reason):
            return "declined", reason, None
        case DepositReturned(refund, why):
            return "returned", why, refund
        case _:
            assert_never(event)
