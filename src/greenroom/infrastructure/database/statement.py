"""The statements of the database's own operations, compiled once for each table and set of columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar, cast

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    DefaultClause,
    Dialect,
    Integer,
    Table,
    bindparam,
    delete,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Delete, Update
from sqlalchemy.sql.expression import ClauseElement

from greenroom.infrastructure.database.foretold import Foretold, foretell
from greenroom.infrastructure.database.outcome import key_column
from greenroom.infrastructure.database.plan import Plan, plan

KEY = "greenroom_key"
EXPECTED = "greenroom_expected"
VERSION = "version"

Guarded = TypeVar("Guarded", Update, Delete)


@dataclass(frozen=True, slots=True)
class Write:
    """A write that returns its row, and the cheaper way to the same row if there is one."""

    plan: Plan
    foretold: Foretold | None


class Statements:
    """Compiles for one dialect, and remembers."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        # Bounded, since a program may make tables, or sets of columns, without end.
        remembered = lru_cache(maxsize=1000)
        self.insert = remembered(self._insert)
        self.update = remembered(self._update)
        self.delete = remembered(self._delete)
        self.version = remembered(self._version)
        self._load = remembered(self._compile_load)

    def _insert(self, table: Table, names: tuple[str, ...], replace: bool = False) -> Write:
        given: Mapping[str, object] = {name: _value(table, name) for name in names}
        _refuse_defaults_in_python(table, names)
        left_out = [column for column in table.columns if column.name not in names and column is not _generated(table)]
        defaults = {column.name: number for column in left_out if (number := _default_number(column)) is not None}
        # Of a row that is replaced, what is left out stays as it was.
        full = all((column.name in defaults or _stays_empty(column)) and not replace for column in left_out)
        # Written out, since what the database would fill in may not be what the table's description says.
        written: dict[str, object] = {name: literal_column(str(number)) for name, number in defaults.items()}
        bare = insertion(self._dialect, table).values(given)
        blank = insertion(self._dialect, table).values({**given, **written}).inline()
        if replace:
            bare, blank = replacing(bare, names), replacing(blank, names)
        return Write(
            self._plan(bare.returning(*table.columns), table),
            foretell(self._plan(blank, table), table, defaults) if full else None,
        )

    def _update(self, table: Table, names: tuple[str, ...], guarded: bool) -> Write:
        values: Mapping[str, object] = {name: _value(table, name) for name in names}
        if is_versioned(table) and VERSION not in names:
            values = {**values, VERSION: table.c[VERSION] + literal_column("1")}
        bare = _guard(update(table).values(values), table, guarded)
        full = len({*names, key_column(table), *([VERSION] if guarded else [])}) == len(table.columns)
        return Write(
            self._plan(bare.returning(*table.columns), table),
            foretell(self._plan(bare, table), table) if full else None,
        )

    def _delete(self, table: Table, guarded: bool) -> Plan:
        return self._plan(_guard(delete(table), table, guarded).returning(*table.columns), table)

    def _version(self, table: Table) -> Plan:
        version: ColumnElement[int] = table.c[VERSION] if is_versioned(table) else literal_column("0")
        return plan(select(version).where(_is_key(table)), self._dialect, ())

    def load(self, table: Table, count: int) -> Plan:
        """A SELECT by key for at least `count` keys, in one of a few sizes."""
        return self._load(table, 1 << (count - 1).bit_length())

    def _compile_load(self, table: Table, size: int) -> Plan:
        column = table.c[key_column(table)]
        keys = [bindparam(f"{KEY}_{at}", type_=column.type) for at in range(size)]
        return self._plan(select(table).where(column.in_(keys)), table)

    def _plan(self, statement: ClauseElement, table: Table) -> Plan:
        return plan(statement, self._dialect, list(table.columns))


Insertion = postgresql.Insert | sqlite.Insert


def insertion(dialect: Dialect, table: Table) -> Insertion:
    """An INSERT that may say what becomes of a row that is there."""
    return postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)


def replacing(statement: Insertion, names: Sequence[str]) -> Insertion:
    """The statement, that gives a row with the same key these values instead."""
    table = cast("Table", statement.table)
    key = key_column(table)
    given = {name: statement.excluded[name] for name in names if name != key}
    # A row that is all key is there, and stays; to write it again makes it part of the answer.
    return statement.on_conflict_do_update(index_elements=[key], set_=given or {key: statement.excluded[key]})


@lru_cache(maxsize=1000)
def generated_key(table: Table) -> str | None:
    """Name the column whose value the database makes up when an insert leaves it out."""
    column = _generated(table)
    return None if column is None else column.name


@lru_cache(maxsize=1000)
def is_versioned(table: Table) -> bool:
    """Tell if the table has a column `version` that each update raises."""
    return VERSION in table.columns and not table.columns[VERSION].primary_key


@lru_cache(maxsize=1000)
def references(table: Table) -> Sequence[tuple[str, str]]:
    """Which columns refer to which tables, by name, since the other table need not be known."""
    return [(key.parent.name, key.target_fullname.rpartition(".")[0]) for key in table.foreign_keys]


@lru_cache(maxsize=1000)
def is_referred_to(table: Table) -> bool:
    """Tell if a table that is described together with this one refers to it."""
    return any(
        referred == table.fullname for other in table.metadata.tables.values() for _, referred in references(other)
    )


@lru_cache(maxsize=1000)
def refers_to_itself(table: Table) -> bool:
    """Tell if rows of the table refer to each other."""
    return any(referred == table.fullname for _, referred in references(table))


def _generated(table: Table) -> Column[Any] | None:
    columns = list(table.primary_key.columns)
    if len(columns) == 1 and isinstance(columns[0].type, Integer) and columns[0].autoincrement in {True, "auto"}:
        return columns[0]
    return None


def _refuse_defaults_in_python(table: Table, names: tuple[str, ...]) -> None:
    # They would be filled in by SQLAlchemy's own execution, which is not the way that these statements go. Defaults in
    # SQL are part of the statement.
    defaults = {column.name: column.default for column in table.columns if column.name not in names}
    if found := [name for name, default in defaults.items() if default is not None and not default.is_clause_element]:
        raise ValueError(f"expected values or server defaults for columns of {table.name}, got none for {found!r}")


def _stays_empty(column: Column[Any]) -> bool:
    return column.server_default is None and column.default is None


def _default_number(column: Column[Any]) -> int | None:
    default = column.server_default
    text = default.arg if isinstance(default, DefaultClause) else None
    return int(text) if isinstance(text, str) and text.isdecimal() and isinstance(column.type, Integer) else None


def _value(table: Table, name: str) -> BindParameter[Any]:
    if name not in table.columns:
        raise ValueError(f"expected columns of {table.name}, got {name!r}")
    return bindparam(name, type_=table.c[name].type)


def _guard(statement: Guarded, table: Table, guarded: bool) -> Guarded:
    statement = statement.where(_is_key(table))
    if not guarded:
        return statement
    if not is_versioned(table):
        raise ValueError(f"expected {table.name} to have a column {VERSION!r}, since a version was given")
    return statement.where(table.c[VERSION] == bindparam(EXPECTED, type_=Integer()))


def _is_key(table: Table) -> ColumnElement[bool]:
    column = table.c[key_column(table)]
    return column == bindparam(KEY, type_=column.type)
