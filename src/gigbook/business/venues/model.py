"""What a venue is, and the rules its fields obey. Nothing here knows of processes or tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache, partial
from importlib.resources import files
from typing import Annotated, Final, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from gigbook.business.ids import Id
from gigbook.business.moments import later
from gigbook.business.people import LONGEST_NAME
from gigbook.business.rules import LINE, OPTIONAL_LINES, Flaw, Rule, line, optional_lines
from gigbook.business.venues.opening import Opening, weekly
from gigbook.business.versions import named_by

LONGEST_CITY: Final = 100
LONGEST_DESCRIPTION: Final = 2000
LARGEST: Final = 1_000_000


@cache
def zone_names() -> frozenset[str]:
    """The names of all time zones that can be used, which are the same on every machine."""
    names = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return frozenset(names) - {"Factory"}


def time_zone(text: str) -> str | Flaw:
    """The name of a time zone in the IANA database.

    >>> time_zone(" Europe/Berlin"), time_zone("Berlin")
    ('Europe/Berlin', Flaw(reason='must be an IANA time zone such as Europe/Berlin'))
    """
    name = text.strip()
    return name if name in zone_names() else Flaw("must be an IANA time zone such as Europe/Berlin")


RULES: Final[Mapping[str, Rule]] = {
    "name": partial(line, most=LONGEST_NAME),
    "city": partial(line, most=LONGEST_CITY),
    "time_zone": time_zone,
    "opening": weekly,
    "description": partial(optional_lines, most=LONGEST_DESCRIPTION),
}

Name: TypeAlias = Annotated[
    str,
    Meta(examples=["Quasimodo"], extra_json_schema={"minLength": 1, "maxLength": LONGEST_NAME, "pattern": LINE}),
]
City: TypeAlias = Annotated[
    str,
    Meta(examples=["Berlin"], extra_json_schema={"minLength": 1, "maxLength": LONGEST_CITY, "pattern": LINE}),
]
Capacity: TypeAlias = Annotated[int, Meta(description="How many guests it may have.", ge=1, le=LARGEST, examples=[300])]
TimeZone: TypeAlias = Annotated[
    str, Meta(description="The name of a time zone in the IANA database.", examples=["Europe/Berlin"])
]
ManagerId: TypeAlias = Annotated[Id, Meta(description="A user who is a manager of venues or an admin.")]
Description: TypeAlias = Annotated[
    str,
    Meta(
        examples=["A cellar with a good piano."],
        extra_json_schema={"maxLength": LONGEST_DESCRIPTION, "pattern": OPTIONAL_LINES},
    ),
]


class Venue(Struct, frozen=True, kw_only=True):
    """A place where artists play."""

    id: Id
    name: Name
    city: City
    capacity: Capacity
    time_zone: TimeZone
    opening: Opening
    manager_id: ManagerId | None
    description: Description | None
    created_at: datetime
    updated_at: datetime


class VenueDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that whoever runs a venue decides: what a new one is made of, and what replaces the old."""

    name: Name
    city: City
    capacity: Capacity
    time_zone: TimeZone
    opening: Opening = ()
    manager_id: ManagerId | None = None
    description: Description | None = None


class VenueChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The fields to change; null removes a manager or a description, and what is left out stays."""

    name: Name | UnsetType = UNSET
    city: City | UnsetType = UNSET
    capacity: Capacity | UnsetType = UNSET
    time_zone: TimeZone | UnsetType = UNSET
    opening: Opening | UnsetType = UNSET
    manager_id: ManagerId | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET


def revised(venue: Venue, by: VenueDraft | VenueChanges, at: datetime) -> Venue:
    """The venue after a checked change; it keeps its id and the moment it was created."""
    return structs.replace(venue, **named_by(by), updated_at=later(at, than=venue.updated_at))
