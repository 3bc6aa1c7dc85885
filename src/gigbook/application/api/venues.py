"""Venues over HTTP: `ROUTES` at the end is the table, the functions above it are its entries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Annotated, Final, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from gigbook.application.api import filters
from gigbook.application.api.answers import Created, Listing, created
from gigbook.application.api.endpoint import Endpoint
from gigbook.application.api.filters import WantedName
from gigbook.application.api.idempotency import once
from gigbook.application.api.operations import delete, get, patch, post, put
from gigbook.application.api.paging import Paging, listed
from gigbook.application.api.preconditions import expected
from gigbook.application.api.request import Request
from gigbook.business import bookings, venues
from gigbook.business.ids import Id
from gigbook.business.refusals import Changed, InUse, InvalidData, KeyReused, NotFound
from gigbook.business.rules import OPTIONAL_LINE, Flaw, Rule, wanted
from gigbook.business.venues import Filter, Venue, VenueChanges, VenueDraft
from gigbook.business.versions import Versioned

PATH: Final = "/api/venues"

FIRST_DAY: Final = date(1970, 1, 1)
LAST_DAY: Final = date(9998, 12, 31)

WantedCity: TypeAlias = Annotated[
    str,
    Meta(
        description="Only those in this city, in any case.",
        extra_json_schema={"maxLength": venues.LONGEST_CITY, "pattern": OPTIONAL_LINE},
    ),
]
WantedCapacity: TypeAlias = Annotated[
    int, Meta(description="Only those with room for at least so many.", ge=1, le=venues.LARGEST)
]
WantedDate: TypeAlias = Annotated[
    date, Meta(description="Only those that are open on this day there, with an hour or more still free.")
]
WantedManager: TypeAlias = Annotated[Id, Meta(description="Only those of this manager.")]


class VenueQuery(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which venues to list."""

    city: WantedCity | UnsetType = UNSET
    capacity: WantedCapacity | UnsetType = UNSET
    date: WantedDate | UnsetType = UNSET
    name: WantedName | UnsetType = UNSET
    manager_id: WantedManager | UnsetType = UNSET


def near(day: date) -> date | Flaw:
    """A day that has one before it and one after it, also where clocks differ."""
    return day if FIRST_DAY <= day <= LAST_DAY else Flaw(f"must be from {FIRST_DAY} to {LAST_DAY}")


QUERY_RULES: Final[Mapping[str, Rule]] = {
    "city": partial(wanted, most=venues.LONGEST_CITY),
    "name": filters.RULES["name"],
    "date": near,
}


async def list_venues(_: Request, query: VenueQuery) -> Listing[Venue]:
    """List venues in the order of their ids, as they are stored.

    A change may be missing for as long as it takes to be written. The Link header leads to the next page, as long as
    there is one.
    """
    wanted = Filter(
        city=query.city or None,
        capacity=query.capacity or None,
        name=query.name or None,
        manager_id=query.manager_id or None,
    )
    if query.date is UNSET:
        return await listed(PATH, query, wanted, venues.page, venues.count)
    page = partial(venues.page_free, day=query.date, busy=bookings.busy)
    return await listed(PATH, query, wanted, page, partial(venues.count_free, day=query.date, busy=bookings.busy))


async def create_venue(request: Request, draft: VenueDraft) -> Created[Venue] | InvalidData | KeyReused:
    """Create a venue.

    With an Idempotency-Key the request may be sent again within a day: it is carried out once, and answered alike.
    """
    return created(await venues.create(draft, once(request, draft)), PATH)


async def show_venue(request: Request) -> Versioned[Venue] | NotFound:
    """Show a venue, with the changes that are not written yet."""
    return await venues.fetch(request.key("id"))


async def replace_venue(request: Request, draft: VenueDraft) -> Versioned[Venue] | InvalidData | NotFound | Changed:
    """Replace all that a venue is made of.

    A change of the manager is stored before it is answered; one of the rest is written a little later.
    """
    return await venues.update(request.key("id"), draft, expected(request))


async def change_venue(request: Request, changes: VenueChanges) -> Versioned[Venue] | InvalidData | NotFound | Changed:
    """Change some fields of a venue.

    A change of the manager is stored before it is answered; one of the rest is written a little later.
    """
    return await venues.patch(request.key("id"), changes, expected(request))


async def delete_venue(request: Request) -> NotFound | Changed | InUse | None:
    """Delete a venue that no booking refers to."""
    return await venues.delete(request.key("id"), expected(request))


ROUTES: Final = (
    Endpoint(
        PATH,
        get(list_venues, VenueQuery, QUERY_RULES),
        post(create_venue, VenueDraft, venues.RULES),
    ),
    Endpoint(
        PATH + "/{id}",
        get(show_venue),
        put(replace_venue, VenueDraft, venues.RULES),
        patch(change_venue, VenueChanges, venues.RULES),
        delete(delete_venue),
    ),
)
