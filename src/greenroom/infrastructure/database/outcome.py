"""What the database answers: the row, or a refusal that the caller handles."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import Table

# The values are as the columns' types have them in Python; a checker cannot know them. Convert a
# row where it is read: `msgspec.convert(row, Customer)`, or a constructor called by keyword.
Row = Mapping[str, Any]
"""One row, by column name."""

Key = int | str | bytes
"""The value of a primary key of one column."""

Rule = Literal[
    "missing",  # NULL where a value is needed
    "check",
    "reference",  # a row that is referred to does not exist
    "too_long",
    "type",  # a value that the column's type does not take
]


@dataclass(frozen=True, slots=True)
class NotFound:
    """No row has this key."""

    table: str
    key: Key


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another row holds a value that must be unique, or refers to the row that was to go.

    `constraint` is the name of the constraint or unique index, `columns` are the columns it is on;
    either may be empty where the database does not tell. `covers` spares callers the difference.
    """

    table: str
    constraint: str
    columns: tuple[str, ...]

    def covers(self, column: str) -> bool:
        """Tell if the value of `column` is (part of) what is taken already."""
        return column in self.columns


@dataclass(frozen=True, slots=True)
class Stale:
    """Somebody else changed the row: it is at version `actual`, and `expected` was given."""

    table: str
    key: Key
    expected: int
    actual: int


@dataclass(frozen=True, slots=True)
class Invalid:
    """The table's rules forbid the value: trying again cannot succeed.

    `columns` and `constraint` say where, as far as the database tells.
    """

    table: str
    rule: Rule
    columns: tuple[str, ...]
    constraint: str
    message: str


Refusal = NotFound | Conflict | Stale | Invalid
"""Everything a change can be refused with."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A transaction of several changes was undone, since the one at index `at` was refused."""

    at: int
    refusal: Refusal


@lru_cache(maxsize=1000)
def key_column(table: Table) -> str:
    """Name the column that is the table's primary key.

    Raises:
        ValueError: the key has no column, or more than one.
    """
    names = [column.name for column in table.primary_key.columns]
    if len(names) != 1:
        raise ValueError(f"expected {table.name} to have a primary key of one column, got {names!r}")
    return names[0]
