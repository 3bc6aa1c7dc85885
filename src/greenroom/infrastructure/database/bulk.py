"""Many changes of one shape as one statement, since PostgreSQL is a round trip away."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Cast,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Integer,
    Table,
    bindparam,
    cast,
    column,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy import Values as ValuesClause
from sqlalchemy import values as values_clause

from greenroom.infrastructure.database.change import Change, Insert, Update
from greenroom.infrastructure.database.operation import Cursor, Operations
from greenroom.infrastructure.database.outcome import Key, NotFound, Row, Stale, key_column
from greenroom.infrastructure.database.plan import Plan, Unfit, plan
from greenroom.infrastructure.database.statement import EXPECTED, KEY, VERSION, generated_key, is_versioned

Outcome = Row | NotFound | Stale

_AT = "greenroom_at"
_MOST = 128


class BulkOperations(Operations):
    """Carries out a list of changes with as few statements as their shapes allow."""

    def __init__(self, connection: Connection, cursor: Cursor) -> None:
        super().__init__(connection, cursor)
        self._bulk = BulkStatements(connection.dialect)

    def perform_all(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Carry out the changes in order. What a rule forbids is raised, and then none of them counts."""
        return [outcome for run in runs(changes) for outcome in self._perform_run(run)]

    def _perform_run(self, run: Sequence[Change]) -> Sequence[Outcome]:
        match run:
            case [change]:
                return [self.perform(change)]
            case [Insert(), *_]:
                return self._insert_all([change for change in run if isinstance(change, Insert)])
            case _:
                return self._update_all([change for change in run if isinstance(change, Update)])

    def _insert_all(self, inserts: Sequence[Insert]) -> Sequence[Row]:
        table, values = inserts[0].table, inserts[0].values
        bulk = self._bulk.insert(table, tuple(values), len(inserts))
        found = self._fetch(bulk.sql, bulk.bind(_numbered([insert.values for insert in inserts])))
        rows = {row[key_column(table)]: row for row in map(bulk.row, found)}
        given = key_column(table)
        # The keys were drawn in the order of the rows, whatever the order in which they were returned.
        keys = [insert.values[given] for insert in inserts] if given in values else sorted(rows)
        return [rows[key] for key in keys]

    def _update_all(self, updates: Sequence[Update]) -> Sequence[Outcome]:
        table, guarded = updates[0].table, updates[0].version is not None
        bulk = self._bulk.update(table, tuple(updates[0].values), guarded, len(updates))
        sources = [{**update.values, KEY: update.key, EXPECTED: update.version} for update in updates]
        found = self._fetch(bulk.sql, bulk.bind(_numbered(sources)))
        rows = {row[key_column(table)]: row for row in map(bulk.row, found)}
        if not rows.keys() <= {update.key for update in updates}:
            raise Unfit((key_column(table),), "expected keys of the column's own type")
        return [rows.get(update.key) or self._missed(table, update.key, update.version) for update in updates]


class BulkStatements:
    """Compiles statements for a number of rows, and remembers."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.insert = lru_cache(maxsize=200)(self._insert)
        self.update = lru_cache(maxsize=200)(self._update)

    def _insert(self, table: Table, names: tuple[str, ...], count: int) -> Plan:
        given = _given([table.c[name] for name in names], count)
        # In their order, so that the keys are drawn in it.
        ordered = select(*(given.c[name] for name in names)).order_by(given.c[_AT])
        written = insert(table).from_select(names, ordered).returning(*table.columns)
        return plan(written, self._dialect, list(table.columns))

    def _update(self, table: Table, names: tuple[str, ...], guarded: bool, count: int) -> Plan:
        key = table.c[key_column(table)]
        given = _given([*(table.c[name] for name in names), Column(KEY, key.type), Column(EXPECTED, Integer)], count)
        values: dict[str, Any] = {name: given.c[name] for name in names}
        if is_versioned(table) and VERSION not in names:
            values[VERSION] = table.c[VERSION] + literal_column("1")
        written = update(table).values(values).where(key == given.c[KEY])
        if guarded:
            written = written.where(table.c[VERSION] == given.c[EXPECTED])
        return plan(written.returning(*table.columns), self._dialect, list(table.columns))


def runs(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """Part the changes into neighbours that one statement can carry out.

    Their sizes are powers of two, so that there are few statements to prepare.
    """
    run: list[Change] = []
    keys: set[Key] = set()
    for change in changes:
        key = change.key if isinstance(change, Update) else None
        if run and (key in keys or (kind := shape(change)) is None or kind != shape(run[0])):
            yield from _in_powers_of_two(run)
            run, keys = [], set()
        run.append(change)
        if key is not None:
            keys.add(key)
    yield from _in_powers_of_two(run)


def shape(change: Change) -> object:
    """Tell what two changes must have in common for one statement to carry out both; None if none can."""
    match change:
        case Insert(table, values) if generated_key(table) or key_column(table) in values:
            return (Insert, table, tuple(values))
        case Update(table, _, values, version) if version is None or is_versioned(table):
            return (Update, table, tuple(values), version is None)
        case _:
            return None


def _in_powers_of_two(run: Sequence[Change]) -> Iterator[Sequence[Change]]:
    at = 0
    while left := len(run) - at:
        size = min(_MOST, 1 << (left.bit_length() - 1))
        yield run[at : at + size]
        at += size


def _given(columns: Sequence[Column[Any]], count: int) -> ValuesClause:
    # What a clause of VALUES may hold is any expression.
    rows: list[tuple[ColumnElement[Any], ...]] = [
        (*(_value(column, at) for column in columns), literal_column(str(at))) for at in range(count)
    ]
    names = [column(each.name, each.type) for each in columns]
    return values_clause(*names, column(_AT, Integer), name="given").data(rows)


def _value(column: Column[Any], at: int) -> Cast[Any]:
    # A row of nothing but NULLs would have no type.
    return cast(bindparam(f"{column.name}_{at}", type_=column.type), column.type)


def _numbered(sources: Sequence[Mapping[str, object]]) -> dict[str, object]:
    return {f"{name}_{at}": value for at, source in enumerate(sources) for name, value in source.items()}
