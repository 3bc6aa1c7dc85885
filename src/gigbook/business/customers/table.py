"""Where customers are kept: one row each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Text

from gigbook.business.customers.model import Customer
from gigbook.business.finding import begins_with, is_text
from gigbook.business.tables import table
from gigbook.business.versions import Versioned
from greenroom.infrastructure import Columns, Row

customers: Final = table(
    "customers",
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("phone", Text),
    Column("address", Text),
)

HOME: Final = Columns(customers, Customer)


class Filter(Struct, frozen=True, kw_only=True):
    """Which customers are meant: the one with this address, those whose name begins so. None means all."""

    email: str | None = None
    name: str | None = None


def versioned(row: Row) -> Versioned[Customer]:
    """The customer in the row, with the row's version."""
    return Versioned(HOME.read(row), row["version"])


def conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    """What the rows of those that are wanted meet."""
    if wanted.email is not None:
        yield is_text(customers.c.email, wanted.email)
    if wanted.name is not None:
        yield begins_with(customers.c.name, wanted.name)
