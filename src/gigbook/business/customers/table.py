"""Where customers are kept: one row each."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct
from sqlalchemy import BigInteger, Column, Integer, MetaData, Select, Table, Text, func, select

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


def page_query(wanted: Filter, after: int, limit: int) -> Select[*tuple[object, ...]]:
    """The first `limit` customers whose id is above `after`, by id."""
    query = select(*customers.columns).where(customers.c.id > after)
    return _narrowed(query, wanted).order_by(customers.c.id).limit(limit)


def count_query(wanted: Filter) -> Select[*tuple[object, ...]]:
    """How many there are, as `total`."""
    return _narrowed(select(func.count().label("total")).select_from(customers), wanted)


def _narrowed(query: Select[*tuple[object, ...]], wanted: Filter) -> Select[*tuple[object, ...]]:
    if wanted.email is not None:
        query = query.where(func.lower(customers.c.email) == wanted.email.strip().lower())
    if wanted.name is not None:
        # The database lowers both sides: each has its own idea of letters beyond ASCII.
        beginning = re.sub("[/%_]", r"/\g<0>", wanted.name) + "%"
        query = query.where(func.lower(customers.c.name).like(func.lower(beginning), escape="/"))
    return query
