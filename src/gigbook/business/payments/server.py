"""The process of one payment: it decides what becomes of it, and stores that before anybody acts on it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from gigbook.business import once as keys
from gigbook.business.database import database
from gigbook.business.moments import now
from gigbook.business.once import Once, Repeated
from gigbook.business.payments.clerks import CLERKS, Clerks
from gigbook.business.payments.events import (
    EVENTS,
    DepositReturned,
    PaymentDeclined,
    PaymentEvent,
    PaymentStarted,
    PaymentSucceeded,
    PaymentUnknown,
    stream,
)
from gigbook.business.payments.gateway import Charged, Outcome
from gigbook.business.payments.model import (
    AlreadyRefunded,
    NotRefundable,
    Order,
    Payment,
    closed,
    errand,
    refund_refused,
    settled,
    touched,
)
from gigbook.business.payments.table import payments, refund_values, versioned
from gigbook.business.records import unexpected
from gigbook.business.refusals import KeyReused
from gigbook.business.versions import Versioned
from greenroom import CallError, Shutdown
from greenroom.infrastructure import (
    Append,
    Conflict,
    Database,
    DatabaseError,
    Entity,
    Insert,
    NotFound,
    NotSaved,
    Origin,
    Recorded,
    Refusal,
    Reminder,
    Returning,
    Row,
    StaleState,
    Step,
    Update,
)

SETTLE: Final = "settle"
"""The reminder to look at a payment again; its note is how often the gateway may have been asked."""


@dataclass
class PaymentServer(Entity[int, Order], kind="payment"):
    """The one owner of a payment. It never waits for the gateway: a clerk does, and tells it what came of that.

    Whatever it is told, it may be told twice, or by one of two programs that both saw to the payment.
    """

    async def get(self) -> Order:
        """The payment as it is."""
        return self.state

    async def settle(self, outcome: Outcome, again: float) -> Order:
        """Store what the gateway said. What follows from it is looked at again in so many seconds."""
        order = settled(self.state, outcome, now())
        if order is not self.state:
            told = PaymentSucceeded(outcome.reference) if isinstance(outcome, Charged) else None
            await self._store(
                order,
                *(self.remind(SETTLE, again, note="1") if errand(order) else (self.forget(SETTLE),)),
                *_freeing(order.payment),
                *await self._telling(told or PaymentDeclined(order.payment.reason or "")),
            )
        return self.state

    async def doubt(self, why: str, tries: int, again: float) -> None:
        """Note that the gateway gave no answer, and have it looked at again in so many seconds."""
        if errand(self.state) == "ask":
            last = await self._last()
            told = PaymentUnknown(why)
            news = (
                () if last is not None and last.event == told else EVENTS.steps(stream(self.key), [told], because=last)
            )
            again_then = self.remind(SETTLE, again, note=str(tries))
            await self._store(touched(self.state, now()), *again_then, *news)

    async def close(self) -> None:
        """Note that the booking knows of its deposit: nothing is left to do."""
        if errand(self.state) == "book":
            await self._store(closed(self.state, now()), self.forget(SETTLE))

    async def give_back(
        self, why: str, patience: float, once: Once | None = None, because: Origin | None = None
    ) -> Versioned[Payment] | Repeated[Versioned[Payment]] | NotRefundable | AlreadyRefunded | KeyReused:
        """Begin to give the deposit back; nothing else is left to do for it then."""
        if (refused := refund_refused(self.state)) is not None:
            await self._be_current()
            return await self._repeated(once) or refused
        last = await self._last()
        cause = last if because is None else replace(because, causation_id=last.id if last else None)
        refund = Returning(Insert(payments, refund_values(self.state.payment, now())))
        outcome = await self.save(
            closed(self.state, now(), why),
            self.forget(SETTLE),
            refund,
            *beginning(lambda _: refund.row, now() + timedelta(seconds=patience), cause),
            *EVENTS.steps(lambda _: Append(stream(self.key), [DepositReturned(refund.row["id"], why)], because=cause)),
            *(() if once is None else (keys.remember(once, lambda _: versioned(refund.row)),)),
        )
        if outcome is None:
            return versioned(refund.row)
        return await self._refused(outcome, once)

    async def handle_reminder(self, reminder: Reminder) -> None:
        """See to it that somebody sees to the payment, and look at it again if nothing comes of that."""
        if errand(self.state) is None:
            return
        tries = int(reminder.note)
        with self._nothing_changed():
            await CLERKS.call(Clerks.attend, self.key, tries)
            again = await CLERKS.call(Clerks.patience, tries)
        # Not before a clerk has been told: this reminder is repeated until its successor is stored.
        await self._store(touched(self.state, now()), *self.remind(SETTLE, again, note=str(tries + 1)))

    async def _store(self, order: Order, *also: Step) -> None:
        refusal = await self.save(order, *also)
        if refusal is not None:
            raise unexpected(refusal)

    async def _refused(
        self, refusal: Refusal, once: Once | None
    ) -> Repeated[Versioned[Payment]] | KeyReused | AlreadyRefunded:
        # The first request with this key began the only refund there can be: any refusal may mean a repetition.
        if (repeated := await self._repeated(once)) is not None:
            return repeated
        if isinstance(refusal, Conflict) and refusal.covers("refunds"):
            return AlreadyRefunded()
        raise unexpected(refusal)

    async def _be_current(self) -> None:
        """Leave, if another program has changed the row: what it knows would be refused by mistake here."""
        with self._nothing_changed():
            row = await database.call(Database.get, payments, self.key)
        if isinstance(row, NotFound) or row["version"] != self.version:
            stale = StaleState(self.kind, self.key, self.version)
            self.stop(Shutdown(stale))
            raise stale

    async def _repeated(self, once: Once | None) -> Repeated[Versioned[Payment]] | KeyReused | None:
        with self._nothing_changed():
            return await keys.recall(once, Versioned[Payment])

    async def _last(self) -> Recorded[PaymentEvent] | None:
        with self._nothing_changed():
            return await EVENTS.last(stream(self.key))

    @contextmanager
    def _nothing_changed(self) -> Generator[None]:
        # Whoever asks may ask again; there is no reason for this process to end.
        try:
            yield
        except (DatabaseError, CallError) as error:
            raise NotSaved(self.kind, self.key, str(error)) from error

    async def _telling(self, event: PaymentEvent) -> tuple[Step, ...]:
        return EVENTS.steps(stream(self.key), [event], because=await self._last())


def _freeing(settled: Payment) -> tuple[Step, ...]:
    """What goes into the transaction that stores that a deposit has gone back: its booking may have another one."""
    if settled.refunds is None or settled.status != "succeeded":
        return ()
    # Not left to the process of the deposit: then there would be a moment in which the one is known, and not the other.
    # That process finds its row changed when it next writes, and reads it anew.
    at = settled.updated_at
    return (Update(payments, settled.refunds, {"refunded_at": at, "updated_at": at}, row=False),)


def beginning(
    row: Callable[[Sequence[Row]], Row], due: datetime, because: Recorded[PaymentEvent] | Origin | None
) -> tuple[Step, ...]:
    """What goes into the transaction that makes a payment: when to look what became of it, and that it has begun."""

    def look(rows: Sequence[Row]) -> Insert:
        return PaymentServer.first_reminder(row(rows)["id"], SETTLE, due, note="1")

    def started(rows: Sequence[Row]) -> Append[PaymentEvent]:
        made = versioned(row(rows)).value
        event = PaymentStarted(made.booking_id, made.kind, made.amount, made.currency, made.refunds)
        return Append(stream(made.id), [event], expected=0, because=because)

    return look, *EVENTS.steps(started)
