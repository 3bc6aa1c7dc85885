"""Payments over HTTP: `ROUTES` at the end is the table, the functions above it are its entries."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from gigbook.application.api.answers import Created, Listing, created
from gigbook.application.api.endpoint import Endpoint
from gigbook.application.api.idempotency import once
from gigbook.application.api.operations import get, post
from gigbook.application.api.paging import Paging, listed, ordered
from gigbook.application.api.request import Request
from gigbook.business import payments
from gigbook.business.ids import Id
from gigbook.business.payments import (
    AlreadyPaid,
    AlreadyRefunded,
    DepositDraft,
    Filter,
    Kind,
    NotPayable,
    NotRefundable,
    Payment,
    PaymentEntry,
    Status,
)
from gigbook.business.refusals import InvalidData, KeyReused, NotFound
from gigbook.business.versions import Versioned

PATH: Final = "/api/payments"

WantedBooking: TypeAlias = Annotated[Id, Meta(description="Only those for this booking.")]


class PaymentQuery(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which payments to list."""

    booking_id: WantedBooking | UnsetType = UNSET
    status: Annotated[Status, Meta(description="Only those with this status.")] | UnsetType = UNSET
    kind: Annotated[Kind, Meta(description="Only those of this kind.")] | UnsetType = UNSET


async def list_payments(_: Request, query: PaymentQuery) -> Listing[Payment]:
    """List payments in the order of their ids.

    The Link header leads to the next page, as long as there is one.
    """
    wanted = Filter(booking_id=query.booking_id or None, status=query.status or None, kind=query.kind or None)
    return await listed(PATH, query, wanted, payments.page, payments.count)


async def pay_deposit(
    request: Request, draft: DepositDraft
) -> Created[Payment] | InvalidData | NotFound | NotPayable | AlreadyPaid | KeyReused:
    """Pay a deposit for a booking that is held or confirmed.

    It is answered when the payment gateway has answered, or after two seconds: then the payment is pending, and its own
    address tells what becomes of it. A booking that is held is confirmed when the money has come. With an
    Idempotency-Key the request may be sent again within a day: nothing is paid twice, and the answer is what has become
    of the payment.
    """
    return created(await payments.deposit(draft, once(request, draft), request.origin), PATH)


async def show_payment(request: Request) -> Versioned[Payment] | NotFound:
    """Show a payment."""
    return await payments.fetch(request.key("id"))


async def refund_deposit(
    request: Request,
) -> Created[Payment] | NotFound | NotRefundable | AlreadyRefunded | KeyReused:
    """Give a deposit back, all of it, by a payment of its own.

    It is answered as a deposit is. A deposit is refunded once; a refund that was declined may be tried again. When the
    deposit has gone back, another one may be paid for its booking.
    """
    return created(await payments.refund(request.key("id"), once(request), request.origin), PATH)


async def show_payment_history(request: Request, query: Paging) -> Listing[PaymentEntry] | NotFound:
    """Show what happened to the payment, the oldest first.

    The Link header leads to the next page, as long as there is one.
    """
    id = request.key("id")
    if isinstance(found := await payments.fetch(id), NotFound):
        return found
    return await ordered(request.path, query, id, payments.history, payments.count_events, lambda entry: entry.number)


ROUTES: Final = (
    Endpoint(PATH, get(list_payments, PaymentQuery), post(pay_deposit, DepositDraft, payments.RULES)),
    Endpoint(PATH + "/{id}", get(show_payment)),
    Endpoint(PATH + "/{id}/refund", post(refund_deposit)),
    Endpoint(PATH + "/{id}/history", get(show_payment_history, Paging)),
)
