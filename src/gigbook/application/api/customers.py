"""Customers over HTTP: `ROUTES` at the end is the table, the functions above it are its entries."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET, UnsetType

from gigbook.application.api import filters
from gigbook.application.api.answers import Created, Listing, created
from gigbook.application.api.endpoint import Endpoint
from gigbook.application.api.filters import WantedEmail, WantedName
from gigbook.application.api.idempotency import once
from gigbook.application.api.operations import delete, get, patch, post, put
from gigbook.application.api.paging import Paging, listed
from gigbook.application.api.preconditions import expected
from gigbook.application.api.request import Request
from gigbook.business import customers
from gigbook.business.customers import Customer, CustomerChanges, CustomerDraft, Filter
from gigbook.business.refusals import Changed, EmailExists, InvalidData, KeyReused, NotFound
from gigbook.business.versions import Versioned

PATH: Final = "/api/customers"


class CustomerQuery(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which customers to list."""

    email: WantedEmail | UnsetType = UNSET
    name: WantedName | UnsetType = UNSET


async def list_customers(_: Request, query: CustomerQuery) -> Listing[Customer]:
    """List customers in the order of their ids.

    The Link header leads to the next page, as long as there is one.
    """
    wanted = Filter(email=query.email or None, name=query.name or None)
    return await listed(PATH, query, wanted, customers.page, customers.count)


async def create_customer(
    request: Request, draft: CustomerDraft
) -> Created[Customer] | InvalidData | EmailExists | KeyReused:
    """Create a customer.

    With an Idempotency-Key the request may be sent again within a day: it is carried out once, and answered alike.
    """
    return created(await customers.create(draft, once(request, draft)), PATH)


async def show_customer(request: Request) -> Versioned[Customer] | NotFound:
    """Show a customer."""
    return await customers.fetch(request.key("id"))


async def replace_customer(
    request: Request, draft: CustomerDraft
) -> Versioned[Customer] | InvalidData | NotFound | EmailExists | Changed:
    """Replace all that a customer is made of."""
    return await customers.update(request.key("id"), draft, expected(request))


async def change_customer(
    request: Request, changes: CustomerChanges
) -> Versioned[Customer] | InvalidData | NotFound | EmailExists | Changed:
    """Change some fields of a customer."""
    return await customers.patch(request.key("id"), changes, expected(request))


async def delete_customer(request: Request) -> NotFound | Changed | None:
    """Delete a customer."""
    return await customers.delete(request.key("id"), expected(request))


ROUTES: Final = (
    Endpoint(
        PATH,
        get(list_customers, CustomerQuery, filters.RULES),
        post(create_customer, CustomerDraft, customers.RULES),
    ),
    Endpoint(
        PATH + "/{id}",
        get(show_customer),
        put(replace_customer, CustomerDraft, customers.RULES),
        patch(change_customer, CustomerChanges, customers.RULES),
        delete(delete_customer),
    ),
)
