"""Where customers are kept: one row each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import BigInteger, Column, ColumnElement, Integer, MetaData, Select, Table, Text, func, select

from gigbook.business.customers.model import Customer
from gigbook.business.versions import Versioned
from greenroom.infrastructure import Row, UtcTimestamp

customers: Final = Table(
    "customers",
    MetaData(),
    # SQLite numbers rows by itself only where the type is INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("phone", Text),
    Column("address", Text),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("updated_at", UtcTimestamp, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
)


class Filter(Struct, frozen=True, kw_only=True):
    """Which customers are meant: the one with this address, those whose name begins so. None means all."""

    email: str | None = None
    name: str | None = None


def customer(row: Row) -> Customer:
    """The customer in the row."""
    return Customer(
        id=row["id"],
        name=row["name"],
        email=row["email"],
        phone=row["phone"],
        address=row["address"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def versioned(row: Row) -> Versioned[Customer]:
    """The customer in the row, with the row's version."""
    return Versioned(customer(row), row["version"])


def page_query(wanted: Filter, after: int, limit: int) -> Select[*tuple[Any, ...]]:
    """The first `limit` customers whose id is above `after`, by id."""
    chosen = select(*customers.columns).where(customers.c.id > after, *_conditions(wanted))
    return chosen.order_by(customers.c.id).limit(limit)


def count_query(wanted: Filter) -> Select[*tuple[Any, ...]]:
    """How many there are, as `total`."""
    return select(func.count().label("total")).select_from(customers).where(*_conditions(wanted))


def _conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    if wanted.email is not None:
        # As the index has it.
        yield func.lower(customers.c.email) == wanted.email.strip().lower()
    if wanted.name is not None:
        # The database lowers both sides: each has its own idea of letters beyond ASCII.
        beginning = re.sub("[/%_]", r"/\g<0>", wanted.name) + "%"
        yield func.lower(customers.c.name).like(func.lower(beginning), escape="/")
