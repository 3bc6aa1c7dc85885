"""What a customer is, and the rules its fields obey. Nothing here knows of processes or tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Final, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from gigbook.business.moments import MOMENT
from gigbook.business.refusals import InvalidData
from gigbook.business.rules import (
    LINE,
    LONGEST_EMAIL,
    OPTIONAL_LINE,
    OPTIONAL_LINES,
    Rule,
    checked,
    email,
    line,
    optional_line,
    optional_lines,
)

LONGEST_NAME: Final = 200
LONGEST_PHONE: Final = 40
LONGEST_ADDRESS: Final = 500

RULES: Final[Mapping[str, Rule]] = {
    "name": partial(line, most=LONGEST_NAME),
    "email": email,
    "phone": partial(optional_line, most=LONGEST_PHONE),
    "address": partial(optional_lines, most=LONGEST_ADDRESS),
}

# The limits are told here and held by RULES: a limit is for the trimmed text, which a schema can not say.
Name: TypeAlias = Annotated[
    str,
    Meta(
        description="Not empty once it is trimmed.",
        examples=["Ada Lovelace"],
        extra_json_schema={"minLength": 1, "maxLength": LONGEST_NAME, "pattern": LINE},
    ),
]
Email: TypeAlias = Annotated[
    str,
    Meta(
        description="Unique without regard to case; kept in lower case.",
        examples=["ada@example.com"],
        extra_json_schema={"format": "email", "maxLength": LONGEST_EMAIL},
    ),
]
Phone: TypeAlias = Annotated[
    str,
    Meta(
        examples=["+44 20 7946 0958"],
        extra_json_schema={"maxLength": LONGEST_PHONE, "pattern": OPTIONAL_LINE},
    ),
]
Address: TypeAlias = Annotated[
    str,
    Meta(
        examples=["12 St James's Square, London"],
        extra_json_schema={"maxLength": LONGEST_ADDRESS, "pattern": OPTIONAL_LINES},
    ),
]


class Customer(Struct, frozen=True, kw_only=True, gc=False):
    """A customer."""

    id: Annotated[int, Meta(ge=1, examples=[1])]
    name: Name
    email: Email
    phone: Phone | None
    address: Address | None
    created_at: datetime
    updated_at: datetime


class CustomerDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """All that a customer's owner decides: what a new one is made of, and what replaces the old."""

    name: Name
    email: Email
    phone: Phone | None = None
    address: Address | None = None


class CustomerChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False, omit_defaults=True):
    """The fields to change; null removes a phone or an address, and what is left out stays."""

    name: Name | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    phone: Phone | UnsetType | None = UNSET
    address: Address | UnsetType | None = UNSET


def checked_draft(draft: CustomerDraft) -> CustomerDraft | InvalidData:
    """The draft as it will be stored, or every field that breaks its rule."""
    return checked(draft, RULES)


def checked_changes(changes: CustomerChanges) -> CustomerChanges | InvalidData:
    """The changes as they will be stored, or every field that breaks its rule."""
    return checked(changes, RULES)


def revised(customer: Customer, by: CustomerDraft | CustomerChanges, at: datetime) -> Customer:
    """The customer after a checked change; it keeps its id and the moment it was created."""
    given = {field: value for field, value in structs.asdict(by).items() if value is not UNSET}
    # Each change is later than the one before, also within a millisecond and when a clock was set back.
    return structs.replace(customer, **given, updated_at=max(at, customer.updated_at + MOMENT))
