"""Rows that are known without being read back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import BigInteger, Integer, LargeBinary, SmallInteger, String, Table, Text

from greenroom.infrastructure.database.outcome import Row
from greenroom.infrastructure.database.plan import Plan, Source
from greenroom.infrastructure.database.timestamp import UtcTimestamp

# What is written in these types is read back as the same value.
_FAITHFUL: Mapping[type, type] = {
    BigInteger: int,
    Integer: int,
    LargeBinary: bytes,
    SmallInteger: int,
    String: str,
    Text: str,
    UtcTimestamp: datetime,
}


@dataclass(frozen=True, slots=True)
class Foretold:
    """A write without RETURNING, which costs a quarter less, and the row that it leaves."""

    plan: Plan
    columns: tuple[str, ...]
    types: Mapping[str, type]
    blank: Row
    _accepted: dict[tuple[type, ...], bool] = field(default_factory=dict[tuple[type, ...], bool])

    def accepts(self, values: Source) -> bool:
        """Tell if every value is of its column's own type, so that it is stored as it is."""
        kinds = tuple(map(type, values.values()))
        accepted = self._accepted.get(kinds)
        if accepted is None:
            accepted = all(kind in {type(None), self.types[name]} for name, kind in zip(values, kinds, strict=True))
            self._accepted[kinds] = accepted
        return accepted

    def row(self, bound: Sequence[object], generated: Source) -> Row:
        """Put together the row that was written."""
        row: dict[str, Any] = {**self.blank}
        # The columns are the first parameters; a key and a version may follow.
        row.update(zip(self.columns, bound, strict=False))
        row.update(generated)
        return self.plan.convert(row)


def foretell(plan: Plan, table: Table, defaults: Mapping[str, int] = MappingProxyType({})) -> Foretold | None:
    """Foretell the row that a plan leaves, unless a column's type may store a value as another."""
    types = {column.name: _FAITHFUL.get(type(column.type)) for column in table.columns}
    known = {name: kind for name, kind in types.items() if kind is not None}
    columns = tuple(name for name in plan.names if name in types)
    return Foretold(plan, columns, known, {**dict.fromkeys(types), **defaults}) if len(known) == len(types) else None
