"""What the tables of the contexts have in common."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table

from greenroom.infrastructure import UtcTimestamp

# SQLite numbers rows by itself only where the type is INTEGER, which has 64 bits there.
ID: Final = BigInteger().with_variant(Integer, "sqlite")


def table(name: str, *columns: Column[object]) -> Table:
    """A table whose rows have an id, these columns, the moments when they were made and changed, and a version."""
    return Table(
        name,
        MetaData(),
        Column("id", ID, primary_key=True, autoincrement=True),
        *columns,
        Column("created_at", UtcTimestamp, nullable=False),
        Column("updated_at", UtcTimestamp, nullable=False),
        Column("version", Integer, nullable=False, server_default="1"),
    )
