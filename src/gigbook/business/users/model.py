"""What a user is, and the rules its fields obey. Nothing here knows of processes or tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Final, Literal, TypeAlias, get_args

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from gigbook.business import people
from gigbook.business.ids import Id
from gigbook.business.moments import later
from gigbook.business.people import Email, Name, Phone
from gigbook.business.rules import OPTIONAL_LINES, Rule, optional_lines
from gigbook.business.versions import named_by

LONGEST_BIO: Final = 2000

RULES: Final[Mapping[str, Rule]] = {**people.RULES, "bio": partial(optional_lines, most=LONGEST_BIO)}

Role: TypeAlias = Literal["artist", "booker", "venue_manager", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

Bio: TypeAlias = Annotated[
    str,
    Meta(
        examples=["Plays the piano and sings."],
        extra_json_schema={"maxLength": LONGEST_BIO, "pattern": OPTIONAL_LINES},
    ),
]


class User(Struct, frozen=True, kw_only=True, gc=False):
    """Somebody who makes, books or hosts gigs."""

    id: Id
    name: Name
    email: Email
    role: Role
    phone: Phone | None
    bio: Bio | None
    created_at: datetime
    updated_at: datetime


class UserDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """All that a user decides: what a new one is made of, and what replaces the old."""

    name: Name
    email: Email
    role: Role
    phone: Phone | None = None
    bio: Bio | None = None


class UserChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False, omit_defaults=True):
    """The fields to change; null removes a phone or a bio, and what is left out stays."""

    name: Name | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    phone: Phone | UnsetType | None = UNSET
    bio: Bio | UnsetType | None = UNSET


def revised(user: User, by: UserDraft | UserChanges, at: datetime) -> User:
    """The user after a checked change; it keeps its id and the moment it was created."""
    return structs.replace(user, **named_by(by), updated_at=later(at, than=user.updated_at))


def is_profile_alone(before: User, after: User) -> bool:
    """Whether a change leaves alone what others rely on: who the user is, and what it may do."""
    return (before.email, before.role) == (after.email, after.role)
