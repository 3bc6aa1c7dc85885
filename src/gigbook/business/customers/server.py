"""The process of one customer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Concatenate, Final, ParamSpec, TypeVar

from gigbook.business.customers.model import Customer, CustomerChanges, CustomerDraft, EmailExists, revised
from gigbook.business.customers.table import customers, versioned
from gigbook.business.database import database
from gigbook.business.moments import now
from gigbook.business.refusals import Changed, NotFound
from gigbook.business.versions import Expected, Versioned, allows
from greenroom import GenServer, NotRunning, Shutdown, Timeout
from greenroom.infrastructure import Conflict, Database, DatabaseError, Invalid, Row, Stale
from greenroom.infrastructure import NotFound as NoRow

P = ParamSpec("P")
R = TypeVar("R")

GONE: Final = NotFound("Customer")

MISSING: Final = Shutdown("no such customer")
"""Why a process leaves that found no row to own; whoever waited for it is told so."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """Another program changed the row; this process has left, and a new one will have read it."""


@dataclass(frozen=True, slots=True)
class Untouched:
    """The database failed before it changed anything: what this process knows is still right."""

    error: Exception


@dataclass
class CustomerServer(GenServer, restart="temporary"):
    """The one owner of a customer: it answers from memory, and a change after its commit.

    If the database may have stored a change without saying so, this process ends, since it cannot know; the next
    request starts a new one, which reads the row. It also ends after a while without any request.
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
    ) -> Versioned[Customer] | Changed | EmailExists | NotFound | Outdated | Untouched:
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
        match await self._asked(Database.update, customers, self.id, values, version=self.kept.version):
            case Untouched() as failed:
                return failed
            case Conflict():
                return EmailExists(customer.email)
            case Invalid() as broken:
                # The rules let nothing through that the table forbids.
                raise ValueError(broken.message)
            case NoRow() | Stale() as lost:
                return self._leave(lost)
            case row:
                return self._own(row)

    async def delete(self, expected: Expected) -> Changed | NotFound | Outdated | Untouched | None:
        """Remove the customer, and this process with it."""
        self.idle(self.idle_seconds)
        if not allows(expected, self.kept.version):
            return Changed(self.kept.version)
        match await self._asked(Database.delete, customers, self.id, version=self.kept.version):
            case Untouched() as failed:
                return failed
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

    async def _asked(
        self, method: Callable[Concatenate[Database, P], Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R | Untouched:
        try:
            return await database.call(method, *args, **kwargs)
        except NotRunning as error:
            return Untouched(error)
        except DatabaseError as error:
            if error.maybe_applied:
                raise
            return Untouched(error)

    def _own(self, row: Row) -> Versioned[Customer]:
        self.kept = versioned(row)
        self.idle(self.idle_seconds)
        return self.kept

    def _leave(self, lost: NoRow | Stale) -> NotFound | Outdated:
        self.stop()
        return GONE if isinstance(lost, NoRow) else Outdated()
