"""Payments: what others may do with them. Only this context talks to their processes, their table, and the gateway.

    made = await deposit(DepositDraft(booking_id=7, amount=12_50, currency="EUR", method="ok"))
    await fetch(made.value.id)
    await refund(made.value.id)

A payment is on disk before the gateway is asked. From then on it is seen to until there is an outcome, whatever fails.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

from gigbook.business import bookings, records
from gigbook.business import once as keys
from gigbook.business.database import database
from gigbook.business.ids import can_be_id
from gigbook.business.moments import now
from gigbook.business.once import Once, Repeated
from gigbook.business.payments.clerk import Clerk
from gigbook.business.payments.clerks import CLERKS, SUPERVISOR, Clerks
from gigbook.business.payments.events import EVENTS, stream
from gigbook.business.payments.gateway import PaymentGateway
from gigbook.business.payments.history import PaymentEntry, entry
from gigbook.business.payments.local_gateway import LocalGateway
from gigbook.business.payments.model import (
    RULES,
    AlreadyPaid,
    AlreadyRefunded,
    DepositDraft,
    Kind,
    NotPayable,
    NotRefundable,
    Payment,
    Status,
    is_payable,
)
from gigbook.business.payments.server import PaymentServer, beginning
from gigbook.business.payments.table import HOME, Filter, conditions, deposit_values, payment, payments, versioned
from gigbook.business.payments.terms import Terms
from gigbook.business.refusals import InvalidData, KeyReused, NotFound
from gigbook.business.rules import checked
from gigbook.business.versions import Versioned, bare
from greenroom import ChildSpec, GreenroomError, child
from greenroom.infrastructure import (
    Conflict,
    Database,
    Entities,
    EntityRef,
    EntitySettings,
    Invalid,
    Origin,
    entities,
)
from greenroom.infrastructure import NotFound as NoRow

__all__ = [
    "CLERKS",
    "RULES",
    "SUPERVISOR",
    "AlreadyPaid",
    "AlreadyRefunded",
    "DepositDraft",
    "Filter",
    "Kind",
    "LocalGateway",
    "NotPayable",
    "NotRefundable",
    "Payment",
    "PaymentEntry",
    "PaymentGateway",
    "Status",
    "Terms",
    "count",
    "count_events",
    "deposit",
    "ensure_server",
    "fetch",
    "get_state",
    "history",
    "page",
    "processes",
    "refund",
]

WHAT: Final = "Payment"

SECONDS_TO_ANSWER: Final = 2.0
"""How long whoever pays waits for the gateway; then the answer is that the payment is pending."""


def processes(
    settings: EntitySettings, gateway: PaymentGateway, terms: Terms | None = None
) -> tuple[ChildSpec[Clerks], ChildSpec[Entities]]:
    """The parts of the tree in which payments live; the database and the bookings come before them."""
    agreed = terms or Terms()

    def clerk(id: int, tries: int) -> ChildSpec[Clerk]:
        return child(Clerk, gateway, agreed, id, tries)

    # Clerks first: the reminders of payments ask for them from the first moment.
    return child(Clerks, clerk=clerk, terms=agreed).named(SUPERVISOR), entities(PaymentServer, HOME, settings)


async def ensure_server(id: int) -> EntityRef[PaymentServer] | NotFound:
    """The process of the payment, started if it is not there."""
    return await records.ensured(WHAT, PaymentServer.at(id), PaymentServer.get)


async def get_state(id: int) -> Payment | NotFound:
    """The payment with this id, without its version."""
    return bare(await fetch(id))


async def deposit(
    draft: DepositDraft, once: Once | None = None, because: Origin | None = None
) -> Versioned[Payment] | Repeated[Versioned[Payment]] | InvalidData | NotFound | NotPayable | AlreadyPaid | KeyReused:
    """Pay a deposit for a booking that is held or confirmed; it is confirmed when the money has come.

    Answers when there is an outcome, or after a moment with what is known by then: it may be pending. With `once`,
    the same request sent again pays nothing, and is answered with what has become of the first.
    """
    clean = checked(draft, RULES)
    if isinstance(clean, InvalidData):
        return clean
    refused = await _not_payable(clean.booking_id)
    if refused is not None:
        # It may have been payable when the same request came first. The key tells.
        earlier = await keys.recall(once, Versioned[Payment])
        return await _answered(earlier) if isinstance(earlier, Repeated) else earlier or refused
    begun = await _begin(clean, once, because)
    return await _answered(begun) if isinstance(begun, Versioned | Repeated) else begun


async def refund(
    id: int, once: Once | None = None, because: Origin | None = None
) -> Versioned[Payment] | Repeated[Versioned[Payment]] | NotFound | NotRefundable | AlreadyRefunded | KeyReused:
    """Give a deposit back, all of it, once; the refund is a payment of its own, and is answered as a deposit is."""
    patience = await CLERKS.call(Clerks.patience)
    server = PaymentServer.at(id)
    begun = await records.ask(
        WHAT, server, PaymentServer.give_back, "refunded as was asked for", patience, once, because
    )
    return await _answered(begun) if isinstance(begun, Versioned | Repeated) else begun


async def fetch(id: int) -> Versioned[Payment] | NotFound:
    """The payment with this id.

    It is read from its row, since another program on the same database may have been told the outcome.
    """
    if not can_be_id(id):
        return NotFound(WHAT)
    row = await database.call(Database.get, payments, id)
    return NotFound(WHAT) if isinstance(row, NoRow) else versioned(row)


async def history(id: int, *, after: int, limit: int) -> list[PaymentEntry]:
    """What happened to the payment, in order, from the first one whose number is above `after`."""
    return [entry(it) for it in await EVENTS.read_stream(stream(id), after=after, limit=limit)]


async def count_events(id: int) -> int:
    """How much has happened to the payment."""
    return await EVENTS.version(stream(id))


async def page(wanted: Filter, *, after: int, limit: int) -> list[Payment]:
    """The payments that are wanted, in the order of their ids, from the first one above `after`."""
    return [payment(row) for row in await records.page(payments, *conditions(wanted), after=after, limit=limit)]


async def count(wanted: Filter) -> int:
    """How many payments are wanted."""
    return await records.count(payments, *conditions(wanted))


async def _begin(
    draft: DepositDraft, once: Once | None, because: Origin | None
) -> Versioned[Payment] | Repeated[Versioned[Payment]] | AlreadyPaid | KeyReused:
    """Store the intent to pay, from which all else follows."""
    at = now()
    due = at + timedelta(seconds=await CLERKS.call(Clerks.patience))
    steps = beginning(lambda rows: rows[0], due, because)
    match await records.add(payments, deposit_values(draft, at), versioned, once, Versioned[Payment], *steps):
        case Conflict():
            return AlreadyPaid()
        case Invalid() as broken:
            raise records.unexpected(broken)
        case outcome:
            return outcome


async def _not_payable(booking_id: int) -> NotFound | NotPayable | None:
    found = await bookings.fetch(booking_id)
    if isinstance(found, NotFound):
        return found
    return None if is_payable(found.value.status) else NotPayable(found.value.status)


async def _answered(
    begun: Versioned[Payment] | Repeated[Versioned[Payment]],
) -> Versioned[Payment] | Repeated[Versioned[Payment]]:
    if isinstance(begun, Repeated):
        return Repeated(await _after_a_moment(begun.answer))
    return await _after_a_moment(begun)


async def _after_a_moment(begun: Versioned[Payment]) -> Versioned[Payment]:
    try:
        clerk = await CLERKS.call(Clerks.attend, begun.value.id)
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_ANSWER):
                await clerk.down()
        found = await fetch(begun.value.id)
    except GreenroomError:
        # It has begun, and that is the answer; its reminder is in the database.
        return begun
    return begun if isinstance(found, NotFound) else found
