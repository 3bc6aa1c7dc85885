"""Who sees to a payment: asks the gateway, tells the payment what it said, and the booking that it is paid for.

A clerk may be killed at any moment: what it learns is stored before it acts on it, what it does can be done again, and
a reminder brings the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Concatenate, ParamSpec, TypeVar

import structlog

from gigbook.business import bookings
from gigbook.business.payments.clerks import CLERKS, Clerks
from gigbook.business.payments.events import EVENTS, stream
from gigbook.business.payments.gateway import GatewayError, Outcome, PaymentGateway, Unseen
from gigbook.business.payments.model import Order, errand, is_payable
from gigbook.business.payments.server import PaymentServer
from gigbook.business.payments.terms import Terms
from gigbook.business.records import ask
from gigbook.business.refusals import NotFound
from gigbook.business.versions import Versioned
from greenroom import GenServer, GreenroomError

P = ParamSpec("P")
R = TypeVar("R")

log: structlog.stdlib.BoundLogger = structlog.get_logger("gigbook.payments")


@dataclass
class Clerk(GenServer, restart="temporary"):
    """Does what is left to do for one payment, as far as it gets, and goes."""

    gateway: PaymentGateway = field(repr=False)
    terms: Terms
    id: int
    tries: int

    async def init(self) -> None:
        """Begin when whoever sent for it has been answered."""
        self.next(Clerk.work)

    async def work(self) -> None:
        """Do it."""
        try:
            await self._work()
        except GreenroomError as error:
            # Nothing is lost by that: the reminder is in the database.
            log.warning("payment is seen to later", payment=self.id, error=str(error))
        self.stop()

    async def _work(self) -> None:
        order = await self._ask(PaymentServer.get)
        if errand(order) == "ask":
            order = await self._consult(order)
        if errand(order) == "book":
            await self._book(order)

    async def _consult(self, order: Order) -> Order:
        try:
            async with asyncio.timeout(self.terms.gateway):
                outcome = await self._outcome(order)
        except (GatewayError, TimeoutError) as error:
            why = str(error) or "no answer came in time"
            log.warning("payment has no outcome yet", payment=self.id, tries=self.tries + 1, error=why)
            await self._ask(PaymentServer.doubt, why, self.tries + 1, self.terms.pause(self.tries))
            return order
        return await self._ask(PaymentServer.settle, outcome, self.terms.patience(0))

    async def _outcome(self, order: Order) -> Outcome:
        known = await self.gateway.look_up(order.key) if self.tries else Unseen()
        if not isinstance(known, Unseen):
            return known
        if order.payment.refunds is not None:
            deposit = await _told(order.payment.refunds, PaymentServer.get)
            return await self.gateway.refund(order.key, _known(deposit.reference), order.money)
        if self.tries and not await _is_wanted(order.payment.booking_id):
            # A request that is still on its way must not be carried out after this.
            return await self.gateway.withdraw(order.key)
        return await self.gateway.charge(order.key, order.money, _known(order.method))

    async def _book(self, order: Order) -> None:
        paid = await EVENTS.last(stream(self.id))
        match await bookings.confirm(order.payment.booking_id, because=paid):
            case Versioned():
                await self._ask(PaymentServer.close)
            case refusal:
                await self._give_back(f"the booking could not be confirmed: {refusal}")

    async def _give_back(self, why: str) -> None:
        match await self._ask(PaymentServer.give_back, why, self.terms.patience(0)):
            case Versioned(refund):
                await CLERKS.call(Clerks.attend, refund.id)
            case _:
                # Somebody else has begun it.
                await self._ask(PaymentServer.close)

    async def _ask(
        self,
        method: Callable[Concatenate[PaymentServer, P], Awaitable[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        return await _told(self.id, method, *args, **kwargs)


async def _told(
    id: int, method: Callable[Concatenate[PaymentServer, P], Awaitable[R]], *args: P.args, **kwargs: P.kwargs
) -> R:
    answer = await ask("Payment", PaymentServer.at(id), method, *args, **kwargs)
    if isinstance(answer, NotFound):
        raise LookupError(f"expected payment {id} to be there for ever, but its row is gone")
    return answer


async def _is_wanted(booking_id: int) -> bool:
    booking = await bookings.fetch(booking_id)
    return not isinstance(booking, NotFound) and is_payable(booking.value.status)


def _known(value: R | None) -> R:
    if value is None:
        raise ValueError("expected an order that has what its gateway needs, got one without")
    return value
