"""Many rows as one parameter: JSON, which the server takes apart by the types of the columns.

One statement serves any number of rows that way, and the driver has one value to send in place of thousands.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from msgspec import MsgspecError
from msgspec.json import Encoder
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Dialect,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    TableValuedAlias,
    Text,
    bindparam,
    column,
    func,
)
from sqlalchemy.dialects.postgresql import JSON

from greenroom.infrastructure.database.plan import Unfit
from greenroom.infrastructure.database.timestamp import UtcTimestamp

# What in JSON comes out as the same value again, and no other type of value for which the driver would refuse it.
_EXACT: Mapping[type, type] = {
    BigInteger: int,
    Boolean: bool,
    Date: date,
    Integer: int,
    LargeBinary: bytes,
    SmallInteger: int,
    String: str,
    Text: str,
    UtcTimestamp: datetime,
}

_encoder = Encoder()

Convert = Callable[[Any], Any]


@lru_cache(maxsize=10_000)
def fits(table: Table, names: tuple[str, ...], kinds: tuple[type, ...]) -> bool:
    """Tell if values of these kinds, in columns of these names, can be sent as JSON."""
    return all(
        name in table.columns and kind in {type(None), _EXACT.get(type(table.c[name].type))}
        for name, kind in zip(names, kinds, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Recordset:
    """Rows with these columns, as a table in a statement's FROM, and as the parameter that it is made of."""

    given: TableValuedAlias
    converts: tuple[tuple[str, Convert], ...]

    def parameter(self, rows: Sequence[dict[str, Any]]) -> str:
        """Encode the rows, which are the encoder's from now on.

        Raises:
            Unfit: one of the values can not be encoded.
        """
        try:
            for name, convert in self.converts:
                for row in rows:
                    row[name] = convert(row[name])
            return _encoder.encode(rows).decode()
        except (MsgspecError, ValueError, OverflowError) as error:
            raise Unfit((), error) from error


def recordset(columns: Sequence[Column[Any]], dialect: Dialect) -> Recordset:
    """A set of rows with these columns, which have types that `fits` has found good."""
    parts = [column(each.name, each.type) for each in columns]
    rows = func.json_to_recordset(bindparam("rows", type_=JSON())).table_valued(*parts, name="given")
    converts = ((each.name, convert) for each in columns if (convert := _convert(each, dialect)) is not None)
    return Recordset(rows.render_derived(with_types=True), tuple(converts))


def _convert(column: Column[Any], dialect: Dialect) -> Convert | None:
    if isinstance(column.type, LargeBinary):
        return _hexadecimal
    return column.type.bind_processor(dialect) if isinstance(column.type, UtcTimestamp) else None


def _hexadecimal(value: bytes | None) -> str | None:
    return None if value is None else f"\\x{value.hex()}"
