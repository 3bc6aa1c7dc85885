"""Venues: what others may know of them, and do with them. Only this context talks to their processes and their table.

    made = await create(VenueDraft(name="Blue Note", city="New York", capacity=300, time_zone="America/New_York"))
    await patch(made.value.id, VenueChanges(description="In the Village."))
    await fetch(made.value.id)

A new venue, and each change of its manager, is on disk before it is answered. The rest of a profile is written within
twice the interval for saving; whoever asks for the venue sees the change at once, a list may lag so long.
"""

from __future__ import annotations

from typing import Final, TypeVar

from gigbook.business import once as keys
from gigbook.business import records, users
from gigbook.business.moments import now
from gigbook.business.once import Once, Repeated
from gigbook.business.refusals import Changed, InUse, InvalidData, KeyReused, NotFound
from gigbook.business.rules import checked
from gigbook.business.users import Role
from gigbook.business.venues.model import LARGEST, LONGEST_CITY, RULES, Venue, VenueChanges, VenueDraft
from gigbook.business.venues.opening import OpeningSlot, Weekday, holds, spans_on
from gigbook.business.venues.search import Busy, count_free, page_free
from gigbook.business.venues.server import NO_MANAGER, VenueServer, no_manager
from gigbook.business.venues.span import Span, joined, without
from gigbook.business.venues.table import HOME, Filter, conditions, values, venue, venues, versioned
from gigbook.business.venues.topic import VenueChanged, VenueDeleted
from gigbook.business.versions import Expected, Versioned, bare
from greenroom import ChildSpec
from greenroom.infrastructure import Conflict, Entities, EntityRef, EntitySettings, Invalid, entities

__all__ = [
    "LARGEST",
    "LONGEST_CITY",
    "RULES",
    "Busy",
    "Filter",
    "OpeningSlot",
    "Span",
    "Venue",
    "VenueChanged",
    "VenueChanges",
    "VenueDeleted",
    "VenueDraft",
    "Weekday",
    "count",
    "count_free",
    "create",
    "delete",
    "ensure_server",
    "fetch",
    "get_state",
    "holds",
    "joined",
    "page",
    "page_free",
    "patch",
    "processes",
    "spans_on",
    "update",
    "without",
]

MANAGERS: Final[frozenset[Role]] = frozenset({"venue_manager", "admin"})

D = TypeVar("D", VenueDraft, VenueChanges)


def processes(settings: EntitySettings) -> ChildSpec[Entities]:
    """The part of the tree in which venues live; the database and the users come before it."""
    return entities(VenueServer, HOME, settings)


async def ensure_server(id: int) -> EntityRef[VenueServer] | NotFound:
    """The process of the venue, started if it is not there."""
    return await records.ensured(VenueServer.what, VenueServer.at(id), VenueServer.get)


async def get_state(id: int) -> Venue | NotFound:
    """The venue with this id, without a version."""
    return bare(await fetch(id))


async def create(
    draft: VenueDraft, once: Once | None = None
) -> Versioned[Venue] | Repeated[Versioned[Venue]] | InvalidData | KeyReused:
    """Add a venue. With `once`, the same request sent again is answered as it was, and adds nothing."""
    clean = await _checked(draft)
    if isinstance(clean, InvalidData):
        # The manager may have been one when the same request came first. The key tells.
        return await keys.recall(once, Versioned[Venue]) or clean
    at = now()
    row = {**values(clean), "created_at": at, "updated_at": at}
    match await records.add(venues, row, versioned, once, Versioned[Venue]):
        case Conflict() | Invalid() as refused:
            return no_manager(refused)
        case outcome:
            return outcome


async def fetch(id: int) -> Versioned[Venue] | NotFound:
    """The venue with this id."""
    return await records.ask(VenueServer.what, VenueServer.at(id), VenueServer.get)


async def update(
    id: int, draft: VenueDraft, expected: Expected = None
) -> Versioned[Venue] | InvalidData | NotFound | Changed:
    """Replace all that the venue is made of, if it is at a version that the caller expects."""
    return await records.change(
        VenueServer.what, VenueServer.at(id), VenueServer.change, await _checked(draft), expected
    )


async def patch(
    id: int, changes: VenueChanges, expected: Expected = None
) -> Versioned[Venue] | InvalidData | NotFound | Changed:
    """Change some fields of the venue, if it is at a version that the caller expects."""
    return await records.change(
        VenueServer.what, VenueServer.at(id), VenueServer.change, await _checked(changes), expected
    )


async def delete(id: int, expected: Expected = None) -> NotFound | Changed | InUse | None:
    """Remove the venue, if it has no bookings and is at a version that the caller expects."""
    return await records.ask(VenueServer.what, VenueServer.at(id), VenueServer.delete, expected)


async def page(wanted: Filter, *, after: int, limit: int) -> list[Venue]:
    """The venues that are wanted, as they are stored, in the order of their ids, from the first one above `after`."""
    return [venue(row) for row in await records.page(venues, *conditions(wanted), after=after, limit=limit)]


async def count(wanted: Filter) -> int:
    """How many venues are wanted."""
    return await records.count(venues, *conditions(wanted))


async def _checked(given: D) -> D | InvalidData:
    clean = checked(given, RULES)
    if isinstance(given.manager_id, int) and not await _manages(given.manager_id):
        return InvalidData({**(clean.reasons if isinstance(clean, InvalidData) else {}), **NO_MANAGER.reasons})
    return clean


async def _manages(user_id: int) -> bool:
    user = await users.get_state(user_id)
    return not isinstance(user, NotFound) and user.role in MANAGERS
