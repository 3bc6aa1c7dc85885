"""Who lives in a city, and who plays where and when: decided from a seed and a first day, with no database in sight.

The same seed, day and size make the same city, on every machine.

>>> one = city(Size(venues=3, artists=5, bookings=20), seed=7, first_day=date(2030, 1, 1))
>>> one == city(Size(venues=3, artists=5, bookings=20), seed=7, first_day=date(2030, 1, 1))
True
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice
from random import Random
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from gigbook.application.seed import words
from gigbook.business.users import Role, UserDraft
from gigbook.business.venues import OpeningSlot, VenueDraft, Weekday, spans_on

Fate: TypeAlias = Literal["requested", "held", "confirmed", "cancelled"]

FATES: Final[dict[Fate, int]] = {"confirmed": 70, "held": 12, "requested": 10, "cancelled": 8}
"""What becomes of a hundred bookings."""

RIVALS: Final = 0.08
"""How many of all bookings are for a time that somebody else asks for too."""

HALF_HOUR: Final = timedelta(minutes=30)
NIGHTS: Final[tuple[Weekday, ...]] = ("tuesday", "wednesday", "thursday", "friday", "saturday")
EVENING: Final = timedelta(hours=16)

DAYS: Final = 90
"""How far ahead people plan; further, where that is not enough for all of them."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a city is."""

    venues: int = 200
    artists: int = 2000
    bookings: int = 5000


@dataclass(frozen=True, slots=True)
class Place:
    """A venue, and which of the users runs it."""

    draft: VenueDraft
    manager: int


@dataclass(frozen=True, slots=True)
class Gig:
    """A booking: which venue and which user, when, what, and what becomes of it."""

    venue: int
    artist: int
    title: str
    starts_at: datetime
    ends_at: datetime
    fate: Fate
    days_held: int
    reason: str


@dataclass(frozen=True, slots=True)
class City:
    """All that there is to make, in this order. Artists are the first among the users."""

    users: Sequence[UserDraft]
    places: Sequence[Place]
    gigs: Sequence[Gig]


def city(size: Size, seed: int, first_day: date, number: int = 1) -> City:
    """The city of this seed, with gigs from the first day on; its people are numbered from `number` on."""
    chance = Random(seed)  # noqa: S311  # it has to be the same each time
    managers = max(1, size.venues // 3)
    people: dict[Role, int] = {
        "artist": size.artists,
        "booker": max(1, size.artists // 20),
        "venue_manager": managers,
        "admin": 1,
    }
    roles: list[Role] = [role for role, many in people.items() for _ in range(many)]
    users = [_user(role, chance, at) for at, role in enumerate(roles, number)]
    places = [_place(chance, len(users) - 1 - managers + at % managers) for at in range(size.venues)]
    return City(users, places, list(_gigs(size, places, users, first_day, chance)))


def horizon(size: Size) -> int:
    """Over how many days the gigs of such a city are spread."""
    # A venue is open on five days of a week at least; twice as many days as are needed leave some evenings free.
    return max(DAYS, math.ceil(size.bookings / size.venues * 7 / 5 * 2))


def _user(role: Role, chance: Random, number: int) -> UserDraft:
    name = f"{chance.choice(words.GIVEN)} {chance.choice(words.FAMILY)}"
    style, instrument = chance.choice(words.STYLES), chance.choice(words.INSTRUMENTS)
    return UserDraft(
        name=name,
        email=f"{_plain(name)}.{number}@example.com",
        role=role,
        phone=f"+44 20 7946 {chance.randrange(1000):04}" if chance.random() < 0.6 else None,
        bio=f"Plays {style.replace('-', ' ')} on the {instrument.replace('-', ' ')}." if role == "artist" else None,
    )


def _plain(name: str) -> str:
    """The name as it fits into an address: without accents, and without what has no other form in ASCII."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z]+", ".", letters)


def _place(chance: Random, manager: int) -> Place:
    ((town, zone, _),) = chance.choices(words.CITIES, [weight for *_, weight in words.CITIES])
    kind = chance.choice(words.KINDS)
    draft = VenueDraft(
        name=f"{chance.choice(words.VENUE_FIRST)} {chance.choice(words.VENUE_SECOND)} {kind}",
        city=town,
        capacity=10 * round(4 * math.exp(chance.random() * 4.6)),
        time_zone=zone,
        opening=_opening(chance),
        description=f"A {kind.lower()} in {town}.",
    )
    return Place(draft, manager)


def _opening(chance: Random) -> tuple[OpeningSlot, ...]:
    late = tuple(OpeningSlot(weekday=day, opens="19:00", closes="02:00") for day in NIGHTS)
    sunday = OpeningSlot(weekday="sunday", opens="11:00", closes="22:00")
    return chance.choice([(), late, (*late, sunday)])


def _gigs(
    size: Size, places: Sequence[Place], users: Sequence[UserDraft], first_day: date, chance: Random
) -> Iterator[Gig]:
    rivals = round(size.bookings * RIVALS)
    alone: list[Gig] = []
    for venue, start, end in islice(_times(size, places, first_day, chance), size.bookings - rivals):
        (fate,) = chance.choices(list(FATES), list(FATES.values()))
        artist = chance.randrange(size.artists)
        days_held = chance.randint(1, 7)
        title, reason = _title(users[artist].name, chance), chance.choice(words.REASONS)
        alone.append(Gig(venue, artist, title, start, end, fate, days_held, reason))
    yield from alone
    for wanted in chance.choices(alone, k=rivals):
        # Only one of them can have the time.
        artist, fate = chance.randrange(size.artists), chance.choice(("requested", "cancelled"))
        yield replace(wanted, artist=artist, title=_title(users[artist].name, chance), fate=fate)


def _times(
    size: Size, places: Sequence[Place], first_day: date, chance: Random
) -> Iterator[tuple[int, datetime, datetime]]:
    """Times at which venues are open, in no order: at most one for each venue and day, so that no two overlap."""
    days = horizon(size)
    for number in chance.sample(range(days * size.venues), days * size.venues):
        day, venue = divmod(number, size.venues)
        draft = places[venue].draft
        for span in spans_on(draft.opening, first_day + timedelta(days=day), ZoneInfo(draft.time_zone))[:1]:
            length = HALF_HOUR * chance.randint(4, 8)
            # Those that never close play in the evening as well.
            earliest = span.start + timedelta(hours=17) if span.length > EVENING else span.start
            start = earliest + HALF_HOUR * chance.randint(0, (span.end - earliest - length) // HALF_HOUR)
            yield venue, start, start + length


def _title(artist: str, chance: Random) -> str:
    style = chance.choice(words.STYLES).replace("-", " ")
    title = chance.choice(words.EVENINGS).format(artist=artist, style=style)
    return title[0].upper() + title[1:]
