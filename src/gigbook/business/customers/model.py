"""What a customer is, and the rules its fields obey. Nothing here knows of processes or tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Final, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from gigbook.business import people
from gigbook.business.ids import Id
from gigbook.business.moments import later
from gigbook.business.people import Email, Name, Phone
from gigbook.business.rules import OPTIONAL_LINES, Rule, optional_lines
from gigbook.business.versions import named_by

LONGEST_ADDRESS: Final = 500

RULES: Final[Mapping[str, Rule]] = {**people.RULES, "address": partial(optional_lines, most=LONGEST_ADDRESS)}

Address: TypeAlias = Annotated[
    str,
    Meta(
        examples=["12 St James's Square, London"],
        extra_json_schema={"maxLength": LONGEST_ADDRESS, "pattern": OPTIONAL_LINES},
    ),
]


class Customer(Struct, frozen=True, kw_only=True, gc=False):
    """A customer."""

    id: Id
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


def revised(customer: Customer, by: CustomerDraft | CustomerChanges, at: datetime) -> Customer:
    """The customer after a checked change; it keeps its id and the moment it was created."""
    return structs.replace(customer, **named_by(by), updated_at=later(at, than=customer.updated_at))
