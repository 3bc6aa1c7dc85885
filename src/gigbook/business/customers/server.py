"""The process of one customer."""

from __future__ import annotations

from dataclasses import dataclass

from gigbook.business.customers.model import Customer, CustomerChanges, CustomerDraft, revised
from gigbook.business.moments import now
from gigbook.business.records import unexpected
from gigbook.business.refusals import Changed, EmailExists
from gigbook.business.versions import Expected, Versioned, allows
from greenroom.infrastructure import Conflict, Entity


@dataclass
class CustomerServer(Entity[int, Customer], kind="customer"):
    """The one owner of a customer: it answers from memory, and a change after its commit."""

    async def get(self) -> Versioned[Customer]:
        """The customer as it is."""
        return Versioned(self.state, self.version)

    async def change(
        self, by: CustomerDraft | CustomerChanges, expected: Expected
    ) -> Versioned[Customer] | Changed | EmailExists:
        """The customer after a checked change."""
        if not allows(expected, self.version):
            return Changed(self.version)
        customer = revised(self.state, by, now())
        match await self.save(customer):
            case None:
                return Versioned(customer, self.version)
            case Conflict():
                return EmailExists(customer.email)
            case refusal:
                raise unexpected(refusal)

    async def delete(self, expected: Expected) -> Changed | None:
        """Remove the customer, and this process with it."""
        if not allows(expected, self.version):
            return Changed(self.version)
        if refusal := await self.erase():
            raise unexpected(refusal)
        return None
