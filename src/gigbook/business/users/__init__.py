"""Users: artists, bookers, managers of venues, admins. Only this context talks to their processes and their table.

    made = await create(UserDraft(name="Nina Simone", email="nina@example.com", role="artist"))
    await patch(made.value.id, UserChanges(bio="Plays the piano."))
    await fetch(made.value.id)

A new user, and each change of an e-mail address or a role, is on disk before it is answered. The rest of a profile is
written within twice the interval for saving; whoever asks for the user sees the change at once, a list may lag so long.
"""

from __future__ import annotations

from msgspec import structs

from gigbook.business import records
from gigbook.business.moments import now
from gigbook.business.once import Once, Repeated
from gigbook.business.refusals import Changed, EmailExists, InUse, InvalidData, KeyReused, NotFound
from gigbook.business.rules import checked
from gigbook.business.users.model import LONGEST_BIO, ROLES, RULES, Role, User, UserChanges, UserDraft
from gigbook.business.users.server import UserServer
from gigbook.business.users.table import HOME, Filter, conditions, users, versioned
from gigbook.business.versions import Expected, Versioned, bare
from greenroom import ChildSpec
from greenroom.infrastructure import Conflict, Entities, EntityRef, EntitySettings, Invalid, Values, entities

__all__ = [
    "LONGEST_BIO",
    "ROLES",
    "RULES",
    "Filter",
    "Role",
    "User",
    "UserChanges",
    "UserDraft",
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


def processes(settings: EntitySettings) -> ChildSpec[Entities]:
    """The part of the tree in which users live; the database comes before it."""
    return entities(UserServer, HOME, settings)


async def ensure_server(id: int) -> EntityRef[UserServer] | NotFound:
    """The process of the user, started if it is not there."""
    return await records.ensured(UserServer.what, UserServer.at(id), UserServer.get)


async def get_state(id: int) -> User | NotFound:
    """The user with this id, without a version."""
    return bare(await fetch(id))


async def create(
    draft: UserDraft, once: Once | None = None
) -> Versioned[User] | Repeated[Versioned[User]] | InvalidData | EmailExists | KeyReused:
    """Add a user. With `once`, the same request sent again is answered as it was, and adds nothing."""
    clean = checked(draft, RULES)
    if isinstance(clean, InvalidData):
        return clean
    at = now()
    values: Values = {**structs.asdict(clean), "created_at": at, "updated_at": at}
    match await records.add(users, values, versioned, once, Versioned[User]):
        case Conflict():
            return EmailExists(clean.email)
        case Invalid() as broken:
            raise records.unexpected(broken)
        case outcome:
            return outcome


async def fetch(id: int) -> Versioned[User] | NotFound:
    """The user with this id."""
    return await records.ask(UserServer.what, UserServer.at(id), UserServer.get)


async def update(
    id: int, draft: UserDraft, expected: Expected = None
) -> Versioned[User] | InvalidData | NotFound | EmailExists | Changed:
    """Replace all that the user is made of, if it is at a version that the caller expects."""
    return await records.change(UserServer.what, UserServer.at(id), UserServer.change, checked(draft, RULES), expected)


async def patch(
    id: int, changes: UserChanges, expected: Expected = None
) -> Versioned[User] | InvalidData | NotFound | EmailExists | Changed:
    """Change some fields of the user, if it is at a version that the caller expects."""
    return await records.change(
        UserServer.what, UserServer.at(id), UserServer.change, checked(changes, RULES), expected
    )


async def delete(id: int, expected: Expected = None) -> NotFound | Changed | InUse | None:
    """Remove the user, if nothing refers to it and it is at a version that the caller expects."""
    return await records.ask(UserServer.what, UserServer.at(id), UserServer.delete, expected)


async def page(wanted: Filter, *, after: int, limit: int) -> list[User]:
    """The users that are wanted, as they are stored, in the order of their ids, from the first one above `after`."""
    return [HOME.read(row) for row in await records.page(users, *conditions(wanted), after=after, limit=limit)]


async def count(wanted: Filter) -> int:
    """How many users are wanted."""
    return await records.count(users, *conditions(wanted))
