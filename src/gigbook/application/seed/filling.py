"""Makes a city that was decided, through the contexts and so under all their rules, and says how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final, TypeAlias, TypeVar

from msgspec import structs

from gigbook.application.seed.city import City, Gig, Place
from gigbook.business import bookings, users, venues
from gigbook.business.bookings import Booking, BookingDraft
from gigbook.business.once import Repeated
from gigbook.business.refusals import Refusal
from gigbook.business.users import User, UserDraft
from gigbook.business.venues import Venue
from gigbook.business.versions import Versioned

T = TypeVar("T")
R = TypeVar("R")

Step: TypeAlias = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Begins a step of so many things; what it yields is told whenever some of them are done."""

AT_ONCE: Final = 64
SECONDS_A_DAY: Final = 24 * 3600


class CannotFill(Exception):
    """The city does not fit into this database; the message says why, in one line."""


async def fill(city: City, step: Step) -> None:
    """Make all of the city; the database, users, venues and bookings are running.

    Rows come in the order of the city, whatever runs at the same time, so that ids are the same each time: what is made
    at once is asked for in order, by processes that are all awake, and never twice of one venue.

    Raises:
        CannotFill: something was refused, most likely since there was something before.
    """
    with step("users", len(city.users)) as done:
        people = await _each(_waves(city.users), _user, done)
    with step("venues", len(city.places)) as done:
        await _awake(people[place.manager] for place in city.places)
        places = await _each(_waves(city.places), lambda place: _venue(place, people), done)
    with step("bookings", len(city.gigs)) as done:
        await _awake(people[gig.artist] for gig in city.gigs)
        await asyncio.gather(*(bookings.ensure_server(venue) for venue in places))
        apart = list(_waves(city.gigs, lambda gig: gig.venue))
        booked = await _each(apart, lambda gig: _booking(gig, places, people), done)
    with step("decisions", len(city.gigs)) as done:
        await _each(_waves(list(zip(city.gigs, booked, strict=True))), lambda it: _decision(*it), done)


async def _each(
    waves: Iterable[Sequence[T]], make: Callable[[T], Awaitable[R]], done: Callable[[int], None]
) -> list[R]:
    made: list[R] = []
    for wave in waves:
        made += await asyncio.gather(*map(make, wave))
        done(len(wave))
    return made


def _waves(things: Sequence[T], key: Callable[[T], object] = id) -> Iterator[Sequence[T]]:
    """The things in their order, as many at once as may be, and no two with the same key."""
    wave: dict[object, T] = {}
    for thing in things:
        if len(wave) == AT_ONCE or key(thing) in wave:
            yield list(wave.values())
            wave = {}
        wave[key(thing)] = thing
    if wave:
        yield list(wave.values())


async def _awake(people: Iterable[int]) -> None:
    for wave in _waves(sorted(set(people))):
        await asyncio.gather(*map(users.get_state, wave))


async def _user(draft: UserDraft) -> int:
    return _id(await users.create(draft), draft)


async def _venue(place: Place, people: Sequence[int]) -> int:
    draft = structs.replace(place.draft, manager_id=people[place.manager])
    return _id(await venues.create(draft), draft)


async def _booking(gig: Gig, places: Sequence[int], people: Sequence[int]) -> int:
    draft = BookingDraft(
        venue_id=places[gig.venue],
        artist_id=people[gig.artist],
        title=gig.title,
        starts_at=gig.starts_at.isoformat(),
        ends_at=gig.ends_at.isoformat(),
    )
    return _id(await bookings.request(draft), draft)


async def _decision(gig: Gig, id: int) -> None:
    match gig.fate:
        case "confirmed":
            _id(await bookings.confirm(id), gig)
        case "held":
            _id(await bookings.hold(id, gig.days_held * SECONDS_A_DAY), gig)
        case "cancelled":
            _id(await bookings.cancel(id, gig.reason), gig)
        case "requested":
            pass


def _id(
    outcome: Versioned[User] | Versioned[Venue] | Versioned[Booking] | Repeated[object] | Refusal, of: object
) -> int:
    if isinstance(outcome, Versioned):
        return outcome.value.id
    raise CannotFill(f"{of} was refused: {outcome}")
