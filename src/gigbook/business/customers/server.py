"""The process of one customer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gigbook.business.customers.model import Customer, CustomerChanges, CustomerDraft, EmailExists, revised
from gigbook.business.customers.table import customers, versioned
from gigbook.business.database import database
from gigbook.business.moments import now
from gigbook.business.refusals import Changed, NotFound
from gigbook.business.versions import Expected, Versioned, allows
from greenroom import GenServer, Shutdown, Timeout
from greenroom.infrastructure import Conflict, Database, Invalid, Row, Stale
from greenroom.infrastructure import NotFound as NoRow

GONE: Final = NotFound("Customer")

MISSING: Final = Shutdown("no such customer")
"""Why a process leaves that found no row to own; whoever waited for it is told so."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """Another program changed the row; this process has left, and a new one will have read it."""


@dataclass
class CustomerServer(GenServer, restart="temporary"):
    """The one owner of a customer: it answers from memory, and a change after its commit.

    Whatever the database raises ends it, for then it cannot know what is stored; the next request starts a new one,
    which reads the row. So does a while without any request.
    """

    idle_seconds: float = 1800.0
    id: int = field(kw_only=True)
    kept: Versioned[Customer] = field(init=False)

    async def init(self) -> None:
        """Read the customer next: the supervisor can start others meanwhile, and one query serves them all."""
        self.next(CustomerServer.load)

    async def load(self) -> None:
        """Take the customer from its row; without one there is nothing to own."""
        match await database.call(Database.get, customers, self.id):
            case NoRow():
                self.stop(MISSING)
            case row:
                self._own(row)

    async def get(self) -> Versioned[Customer]:
        """The customer as it is."""
        self.idle(self.idle_seconds)
        return self.kept

    async def change(
        self, by: CustomerDraft | CustomerChanges, expected: Expected
    ) -> Versioned[Customer] | Changed | EmailExists | NotFound | Outdated:
        """The customer after a checked change."""
        self.idle(self.idle_seconds)
        if not allows(expected, self.kept.version):
            return Changed(self.kept.version)
        customer = revised(self.kept.value, by, now())
        values = {
            "name": customer.name,
            "email": customer.email,
            "phone": customer.phone,
            "address": customer.address,
            "updated_at": customer.updated_at,
        }
        match await database.call(Database.update, customers, self.id, values, version=self.kept.version):
            case Conflict():
                return EmailExists(customer.email)
            case Invalid() as broken:
                # The rules let nothing through that the table forbids.
                raise ValueError(broken.message)
            case NoRow() | Stale() as lost:
                return self._leave(lost)
            case row:
                return self._own(row)

    async def delete(self, expected: Expected) -> Changed | NotFound | Outdated | None:
        """Remove the customer, and this process with it."""
        if not allows(expected, self.kept.version):
            return Changed(self.kept.version)
        match await database.call(Database.delete, customers, self.id, version=self.kept.version):
            case NoRow() | Stale() as lost:
                return self._leave(lost)
            case Conflict() as held:
                raise ValueError(f"expected nothing to refer to customer {self.id}, got {held.constraint}")
            case _:
                self.stop()
                return None

    async def handle_info(self, message: object) -> None:
        """Leave when nobody has asked for a while."""
        if isinstance(message, Timeout):
            self.stop()
        else:
            await super().handle_info(message)

    def _own(self, row: Row) -> Versioned[Customer]:
        self.kept = versioned(row)
        self.idle(self.idle_seconds)
        return self.kept

    def _leave(self, lost: NoRow | Stale) -> NotFound | Outdated:
        self.stop()
        return GONE if isinstance(lost, NoRow) else Outdated()
