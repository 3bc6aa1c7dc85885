"""Customers: what others may do with them. Only this context talks to their processes and their table.

    made = await create(CustomerDraft(name="Ada Lovelace", email="ada@example.com"))
    await patch(made.value.id, CustomerChanges(phone="+44 20 7946 0958"))
    await fetch(made.value.id)

Every change is on disk before it is answered. What the database raises reaches the caller: directly, or as the reason
of `ServerDown` where a customer's process stands in between.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from gigbook.business import once as keys
from gigbook.business.customers import registry
from gigbook.business.customers.model import (
    LONGEST_NAME,
    RULES,
    Customer,
    CustomerChanges,
    CustomerDraft,
    EmailExists,
    checked_changes,
    checked_draft,
)
from gigbook.business.customers.registry import REGISTRY, SUPERVISOR, active
from gigbook.business.customers.server import CustomerServer
from gigbook.business.customers.table import Filter, count_query, customer, customers, page_query, versioned
from gigbook.business.database import database
from gigbook.business.moments import now
from gigbook.business.once import Once, Repeated
from gigbook.business.refusals import Changed, InvalidData, KeyReused, NotFound
from gigbook.business.versions import Expected, Versioned
from greenroom.infrastructure import Conflict, Database, Insert, Invalid, Refused, Row, Values

__all__ = [
    "LONGEST_NAME",
    "REGISTRY",
    "RULES",
    "SUPERVISOR",
    "Customer",
    "CustomerChanges",
    "CustomerDraft",
    "EmailExists",
    "Filter",
    "active",
    "count",
    "create",
    "delete",
    "fetch",
    "page",
    "patch",
    "update",
]


async def create(
    draft: CustomerDraft, once: Once | None = None
) -> Versioned[Customer] | Repeated[Versioned[Customer]] | InvalidData | EmailExists | KeyReused:
    """Add a customer. With `once`, the same request sent again is answered as it was, and adds nothing."""
    clean = checked_draft(draft)
    if isinstance(clean, InvalidData):
        return clean
    at = now()
    values: Values = {**structs.asdict(clean), "created_at": at, "updated_at": at}
    return await (_add(clean, values) if once is None else _add_once(clean, values, once))


async def _add(clean: CustomerDraft, values: Values) -> Versioned[Customer] | EmailExists:
    match await database.call(Database.insert, customers, values):
        case Conflict():
            return EmailExists(clean.email)
        case Invalid() as broken:
            raise _unexpected(broken)
        case row:
            return versioned(row)


async def _add_once(
    clean: CustomerDraft, values: Values, once: Once
) -> Versioned[Customer] | Repeated[Versioned[Customer]] | EmailExists | KeyReused:
    def added(rows: Sequence[Row]) -> Versioned[Customer]:
        return versioned(rows[1])

    outcome = await database.call(
        Database.transact, keys.forget_old(), Insert(customers, values), keys.remember(once, added)
    )
    if not isinstance(outcome, Refused):
        return added(outcome)
    # The first request with this key holds the address too, so a refusal of either kind may mean a repetition.
    if (earlier := await keys.recall(once, Versioned[Customer])) is not None:
        return earlier
    if isinstance(outcome.refusal, Conflict):
        return EmailExists(clean.email)
    raise _unexpected(outcome.refusal)


async def fetch(id: int) -> Versioned[Customer] | NotFound:
    """The customer with this id."""
    return await registry.ask(id, CustomerServer.get)


async def update(
    id: int, draft: CustomerDraft, expected: Expected = None
) -> Versioned[Customer] | InvalidData | NotFound | EmailExists | Changed:
    """Replace all that the customer is made of, if it is at a version that the caller expects."""
    clean = checked_draft(draft)
    return clean if isinstance(clean, InvalidData) else await registry.ask(id, CustomerServer.change, clean, expected)


async def patch(
    id: int, changes: CustomerChanges, expected: Expected = None
) -> Versioned[Customer] | InvalidData | NotFound | EmailExists | Changed:
    """Change some fields of the customer, if it is at a version that the caller expects."""
    clean = checked_changes(changes)
    return clean if isinstance(clean, InvalidData) else await registry.ask(id, CustomerServer.change, clean, expected)


async def delete(id: int, expected: Expected = None) -> NotFound | Changed | None:
    """Remove the customer, if it is at a version that the caller expects. Its id is never given out again."""
    return await registry.ask(id, CustomerServer.delete, expected)


async def page(wanted: Filter, *, after: int, limit: int) -> list[Customer]:
    """The customers that are wanted, in the order of their ids, from the first one above `after`."""
    return [customer(row) for row in await database.call(Database.select, page_query(wanted, after, limit))]


async def count(wanted: Filter) -> int:
    """How many customers are wanted."""
    (row,) = await database.call(Database.select, count_query(wanted))
    total: int = row["total"]
    return total


def _unexpected(refusal: object) -> ValueError:
    return ValueError(f"expected the rules to let through only what the table takes, got {refusal}")
