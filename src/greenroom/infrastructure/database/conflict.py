"""The name and the columns of a constraint, whichever of the two a database tells."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Table, UniqueConstraint

from greenroom.infrastructure.database.outcome import Conflict


def conflict_by_name(table: Table, name: str) -> Conflict:
    """Describe the conflict on the constraint or unique index of this name."""
    columns = next((columns for known, columns in _unique(table) if known == name), ())
    return Conflict(table.name, name, columns)


def conflict_by_columns(table: Table, columns: Sequence[str]) -> Conflict:
    """Describe the conflict on the constraint or unique index over these columns."""
    name = next((name for name, known in _unique(table) if set(known) == set(columns)), "")
    return Conflict(table.name, name, tuple(columns))


def _unique(table: Table) -> Iterator[tuple[str, tuple[str, ...]]]:
    # PostgreSQL's own name for a key that was given none.
    yield str(table.primary_key.name or f"{table.name}_pkey"), _names(table.primary_key.columns)
    for index in table.indexes:
        if index.unique:
            yield str(index.name), _names(index.columns)
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            columns = _names(constraint.columns)
            yield str(constraint.name or "_".join((table.name, *columns, "key"))), columns


def _names(columns: Iterable[Column[Any]]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)
