"""Customers: what others may do with them. Only this context talks to their processes and their table.

    made = await create(CustomerDraft(name="Ada Lovelace", email="ada@example.com"))
    await patch(made.value.id, CustomerChanges(phone="+44 20 7946 0958"))
    await fetch(made.value.id)

Every change is on disk before it is answered. What the database raises reaches the caller.
"""

from __future__ import annotations

from typing import Final

from msgspec import structs

from gigbook.business import records
from gigbook.business.customers.model import (
    RULES,
    Customer,
    CustomerChanges,
    CustomerDraft,
)
from gigbook.business.customers.server import CustomerServer
from gigbook.business.customers.table import HOME, Filter, conditions, customers, versioned
from gigbook.business.moments import now
from gigbook.business.once import Once, Repeated
from gigbook.business.refusals import Changed, EmailExists, InvalidData, KeyReused, NotFound
from gigbook.business.rules import checked
from gigbook.business.versions import Expected, Versioned, bare
from greenroom import ChildSpec
from greenroom.infrastructure import Conflict, Entities, EntityRef, EntitySettings, Invalid, Values, entities

__all__ = [
    "RULES",
    "Customer",
    "CustomerChanges",
    "CustomerDraft",
    "Filter",
    "count",
    "create",
    "delete",
    "ensure_server",
    "fetch",
    "get_state",
    "page",
    "patch",
    "processes",
    "update",
]

WHAT: Final = "Customer"


def processes(settings: EntitySettings) -> ChildSpec[Entities]:
    """The part of the tree in which customers live; the database comes before it."""
    return entities(CustomerServer, HOME, settings)


async def ensure_server(id: int) -> EntityRef[CustomerServer] | NotFound:
    """The process of the customer, started if it is not there."""
    return await records.ensured(WHAT, CustomerServer.at(id), CustomerServer.get)


async def get_state(id: int) -> Customer | NotFound:
    """The customer with this id, without its version."""
    return bare(await fetch(id))


async def create(
    draft: CustomerDraft, once: Once | None = None
) -> Versioned[Customer] | Repeated[Versioned[Customer]] | InvalidData | EmailExists | KeyReused:
    """Add a customer. With `once`, the same request sent again is answered as it was, and adds nothing."""
    clean = checked(draft, RULES)
    if isinstance(clean, InvalidData):
        return clean
    at = now()
    values: Values = {**structs.asdict(clean), "created_at": at, "updated_at": at}
    match await records.add(customers, values, versioned, once, Versioned[Customer]):
        case Conflict():
            return EmailExists(clean.email)
        case Invalid() as broken:
            raise records.unexpected(broken)
        case outcome:
            return outcome


async def fetch(id: int) -> Versioned[Customer] | NotFound:
    """The customer with this id."""
    return await records.ask(WHAT, CustomerServer.at(id), CustomerServer.get)


async def update(
    id: int, draft: CustomerDraft, expected: Expected = None
) -> Versioned[Customer] | InvalidData | NotFound | EmailExists | Changed:
    """Replace all that the customer is made of, if it is at a version that the caller expects."""
    return await records.change(WHAT, CustomerServer.at(id), CustomerServer.change, checked(draft, RULES), expected)


async def patch(
    id: int, changes: CustomerChanges, expected: Expected = None
) -> Versioned[Customer] | InvalidData | NotFound | EmailExists | Changed:
    """Change some fields of the customer, if it is at a version that the caller expects."""
    return await records.change(WHAT, CustomerServer.at(id), CustomerServer.change, checked(changes, RULES), expected)


async def delete(id: int, expected: Expected = None) -> NotFound | Changed | None:
    """Remove the customer, if it is at a version that the caller expects. Its id is never given out again."""
    return await records.ask(WHAT, CustomerServer.at(id), CustomerServer.delete, expected)


async def page(wanted: Filter, *, after: int, limit: int) -> list[Customer]:
    """The customers that are wanted, in the order of their ids, from the first one above `after`."""
    return [HOME.read(row) for row in await records.page(customers, *conditions(wanted), after=after, limit=limit)]


async def count(wanted: Filter) -> int:
    """How many customers are wanted."""
    return await records.count(customers, *conditions(wanted))
