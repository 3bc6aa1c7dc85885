"""States in columns, one for each field."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Table

from greenroom.infrastructure.database import Key, Row, Values
from greenroom.infrastructure.database.outcome import key_column
from greenroom.infrastructure.database.statement import VERSION, is_versioned
from greenroom.infrastructure.entity.codec import Codec, MessagePack, check_frozen

S = TypeVar("S")

UPDATED_AT: Final = "updated_at"


class Columns(Generic[S]):
    """A row for each entity, and a column for each field of its state: a dataclass, or a struct of msgspec's.

    The table has a primary key of one column, which is the entity's key, and a column `version`, which is 1 in rows
    that were there before. A column `updated_at` that is no field is set at each write. `read` and `write` replace the
    mapping by names, for states that are built otherwise. The schema, and its migrations, are the table's own.
    """

    def __init__(
        self,
        table: Table,
        state: type[S],
        *,
        read: Callable[[Row], S] | None = None,
        write: Callable[[S], Values] | None = None,
    ) -> None:
        check_frozen(state)
        if not is_versioned(table):
            raise ValueError(f"expected {table.name} to have a column {VERSION!r}, so that no change is overwritten")
        self.table = table
        self._state = state
        self._key = key_column(table)
        self._fields = () if read and write else _fields(state, table)
        self._read = read or self._by_name(state)
        self._write = write or self._named
        self._touches = UPDATED_AT in table.columns and UPDATED_AT not in self._fields

    @property
    def codec(self) -> Codec[S]:
        """Packs the states that hibernate."""
        return MessagePack(self._state)

    def row_key(self, kind: str, key: Key) -> Key:
        """The key itself."""
        return key

    def read(self, row: Row) -> S:
        """The state in a row."""
        return self._read(row)

    def write(self, kind: str, key: Key, state: S, at: datetime) -> Values:
        """What the row has in its columns."""
        values = {UPDATED_AT: at, **self._write(state)} if self._touches else dict(self._write(state))
        values.pop(self._key, None)
        values.pop(VERSION, None)
        return values

    def _by_name(self, state: type[S]) -> Callable[[Row], S]:
        fields = self._fields
        return lambda row: state(**{field: row[field] for field in fields})

    def _named(self, state: S) -> Values:
        return {field: getattr(state, field) for field in self._fields}


def _fields(state: type[Any], table: Table) -> tuple[str, ...]:
    # What a dataclass and a struct keep their fields' names in; there is no one type for both.
    names: Iterable[str] = getattr(state, "__struct_fields__", ()) or getattr(state, "__dataclass_fields__", ())
    found = tuple(names)
    if not found:
        raise TypeError(f"expected a dataclass or a msgspec.Struct, or both read and write, got {state!r}")
    missing = [field for field in found if field not in table.columns]
    if missing:
        raise ValueError(
            f"expected {table.name} to have all fields of {state.__name__} as columns, not without {missing}"
        )
    return found
