"""Users over HTTP: `ROUTES` at the end is the table, the functions above it are its entries."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import UNSET, Meta, UnsetType

from gigbook.application.api import filters
from gigbook.application.api.answers import Created, Listing, created
from gigbook.application.api.endpoint import Endpoint
from gigbook.application.api.filters import WantedEmail, WantedName
from gigbook.application.api.idempotency import once
from gigbook.application.api.operations import delete, get, patch, post, put
from gigbook.application.api.paging import Paging, listed
from gigbook.application.api.preconditions import expected
from gigbook.application.api.request import Request
from gigbook.business import users
from gigbook.business.refusals import Changed, EmailExists, InUse, InvalidData, KeyReused, NotFound
from gigbook.business.users import Filter, Role, User, UserChanges, UserDraft
from gigbook.business.versions import Versioned

PATH: Final = "/api/users"


class UserQuery(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which users to list."""

    role: Annotated[Role, Meta(description="Only those of this role.")] | UnsetType = UNSET
    email: WantedEmail | UnsetType = UNSET
    name: WantedName | UnsetType = UNSET


async def list_users(_: Request, query: UserQuery) -> Listing[User]:
    """List users in the order of their ids, as they are stored.

    A change of a name, a phone or a bio may be missing for as long as it takes to be written. The Link header leads to
    the next page, as long as there is one.
    """
    wanted = Filter(role=query.role or None, email=query.email or None, name=query.name or None)
    return await listed(PATH, query, wanted, users.page, users.count)


async def create_user(request: Request, draft: UserDraft) -> Created[User] | InvalidData | EmailExists | KeyReused:
    """Create a user.

    With an Idempotency-Key the request may be sent again within a day: it is carried out once, and answered alike.
    """
    return created(await users.create(draft, once(request, draft)), PATH)


async def show_user(request: Request) -> Versioned[User] | NotFound:
    """Show a user, with the changes that are not written yet."""
    return await users.fetch(request.key("id"))


async def replace_user(
    request: Request, draft: UserDraft
) -> Versioned[User] | InvalidData | NotFound | EmailExists | Changed:
    """Replace all that a user is made of.

    A change of the e-mail address or the role is stored before it is answered; one of the rest is written a little
    later.
    """
    return await users.update(request.key("id"), draft, expected(request))


async def change_user(
    request: Request, changes: UserChanges
) -> Versioned[User] | InvalidData | NotFound | EmailExists | Changed:
    """Change some fields of a user.

    A change of the e-mail address or the role is stored before it is answered; one of the rest is written a little
    later.
    """
    return await users.patch(request.key("id"), changes, expected(request))


async def delete_user(request: Request) -> NotFound | Changed | InUse | None:
    """Delete a user whom no venue and no booking refers to."""
    return await users.delete(request.key("id"), expected(request))


ROUTES: Final = (
    Endpoint(
        PATH,
        get(list_users, UserQuery, filters.RULES),
        post(create_user, UserDraft, users.RULES),
    ),
    Endpoint(
        PATH + "/{id}",
        get(show_user),
        put(replace_user, UserDraft, users.RULES),
        patch(change_user, UserChanges, users.RULES),
        delete(delete_user),
    ),
)
