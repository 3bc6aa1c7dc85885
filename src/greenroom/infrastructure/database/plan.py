"""A statement compiled once and carried out by the driver often."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

from greenroom.infrastructure.database.outcome import Row

# Column values: only the column's type knows what they are.
Convert = Callable[[Any], Any]
Source = Mapping[str, object]


class Unfit(Exception):
    """A value that its column does not take."""

    def __init__(self, columns: tuple[str, ...], detail: object) -> None:
        super().__init__(str(detail))
        self.columns = columns


@dataclass(frozen=True, slots=True)
class Plan:
    """A statement as the driver takes it, with the conversions of its values and of the rows it returns."""

    sql: str
    names: tuple[str, ...]
    take: Callable[[Source], tuple[Any, ...]]
    binds: tuple[tuple[int, Convert], ...]
    columns: tuple[str, ...]
    results: tuple[tuple[str, Convert], ...]

    def bind(self, source: Source) -> list[Any]:
        """Take the values in the order of the statement, as the driver wants them."""
        return self.bind_all((source,))[0]

    def bind_all(self, sources: Iterable[Source]) -> list[list[Any]]:
        """Take the values of many."""
        rows = list(map(list, map(self.take, sources)))
        for at, convert in self.binds:
            try:
                for values in rows:
                    values[at] = convert(values[at])
            except (ValueError, TypeError, AttributeError, OverflowError) as error:
                raise Unfit((self.names[at],), error) from error
        return rows

    def row(self, found: Sequence[object]) -> Row:
        """Name what the driver read, with values as the columns' types have them in Python."""
        return self.convert(dict(zip(self.columns, found, strict=True)))

    def convert(self, row: dict[str, Any]) -> Row:
        """Turn the driver's values into the columns' own, in place."""
        for name, convert in self.results:
            row[name] = convert(row[name])
        return row


def plan(statement: ClauseElement, dialect: Dialect, columns: Sequence[Column[Any]]) -> Plan:
    """Compile the statement, whose rows (if any) have these columns."""
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    names = tuple(compiled.positiontup or ())
    return Plan(
        compiled.string,
        names,
        _taking(names),
        tuple((at, convert) for at, name in enumerate(names) if (convert := _bind(compiled, name))),
        tuple(column.name for column in columns),
        tuple((column.name, convert) for column in columns if (convert := _result(column, dialect))),
    )


def _taking(names: tuple[str, ...]) -> Callable[[Source], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda source: tuple(source[name] for name in names)


def _bind(compiled: SQLCompiler, name: str) -> Convert | None:
    return compiled.binds[name].type.dialect_impl(compiled.dialect).bind_processor(compiled.dialect)


def _result(column: Column[Any], dialect: Dialect) -> Convert | None:
    return column.type.dialect_impl(dialect).result_processor(dialect, None)
