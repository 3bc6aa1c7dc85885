"""Many changes of one shape as one statement, since PostgreSQL is a round trip away."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Column, Connection, Dialect, Integer, Table, delete, literal_column, select, update
from sqlalchemy.sql.dml import Delete as Deletion
from sqlalchemy.sql.dml import Update as Updating

from greenroom.infrastructure.database.change import Change, Delete, Insert, Update
from greenroom.infrastructure.database.operation import Cursor, Operations, parameters
from greenroom.infrastructure.database.outcome import Key, NotFound, Row, Stale, key_column
from greenroom.infrastructure.database.plan import Plan, plan
from greenroom.infrastructure.database.recordset import Recordset, fits, recordset
from greenroom.infrastructure.database.statement import (
    EXPECTED,
    KEY,
    VERSION,
    Insertion,
    generated_key,
    insertion,
    is_referred_to,
    is_versioned,
    refers_to_itself,
    replacing,
)

Outcome = Row | NotFound | Stale

_AT = "greenroom_at"
_MOST = 256


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
            case [Update(), *_]:
                return self._update_all([change for change in run if isinstance(change, Update)])
            case _:
                return self._delete_all([change for change in run if isinstance(change, Delete)])

    def _insert_all(self, inserts: Sequence[Insert]) -> Sequence[Row]:
        first, table, values = inserts[0], inserts[0].table, inserts[0].values
        bulk = self._bulk.insert(table, tuple(values), first.row, first.replace)
        rows = self._fetch_all(bulk, [{**insert.values, _AT: at} for at, insert in enumerate(inserts)])
        given = key_column(table)
        # The keys were drawn in the order of the rows, whatever the order in which they were returned.
        keys: list[Any] = [insert.values[given] for insert in inserts] if given in values else sorted(rows)
        return [rows[key] for key in keys]

    def _update_all(self, updates: Sequence[Update]) -> Sequence[Outcome]:
        table, guarded = updates[0].table, updates[0].version is not None
        bulk = self._bulk.update(table, tuple(updates[0].values), guarded, updates[0].row)
        rows = self._fetch_all(bulk, [parameters(update) for update in updates])
        return [rows.get(update.key) or self._missed(table, update.key, update.version) for update in updates]

    def _delete_all(self, deletes: Sequence[Delete]) -> Sequence[Outcome]:
        rows = self._fetch_all(self._bulk.delete(deletes[0].table), [{KEY: delete.key} for delete in deletes])
        return [rows.get(delete.key) or self._not_deleted(delete) for delete in deletes]

    def _fetch_all(self, bulk: "Bulk", sources: Sequence[dict[str, Any]]) -> Mapping[Key, Row]:
        found = self._fetch(bulk.plan.sql, [bulk.rows.parameter(sources)])
        if len(bulk.plan.columns) == 1:
            return {key: {bulk.key: key} for (key,) in found}
        return {row[bulk.key]: row for row in map(bulk.plan.row, found)}


@dataclass(frozen=True, slots=True)
class Bulk:
    """A statement for any number of rows, which returns them."""

    plan: Plan
    rows: Recordset
    key: str


class BulkStatements:
    """Compiles statements for many rows, and remembers."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.insert = lru_cache(maxsize=1000)(self._insert)
        self.update = lru_cache(maxsize=1000)(self._update)
        self.delete = lru_cache(maxsize=1000)(self._delete)

    def _insert(self, table: Table, names: tuple[str, ...], row: bool, replace: bool) -> Bulk:
        rows = recordset([*(table.c[name] for name in names), Column(_AT, Integer)], self._dialect)
        # In their order, so that the keys are drawn in it.
        ordered = select(*(rows.given.c[name] for name in names)).order_by(rows.given.c[_AT])
        written = insertion(self._dialect, table).from_select(names, ordered)
        return self._made(replacing(written, names) if replace else written, table, rows, row)

    def _update(self, table: Table, names: tuple[str, ...], guarded: bool, row: bool) -> Bulk:
        key = table.c[key_column(table)]
        columns = [*(table.c[name] for name in names), Column(KEY, key.type), Column(EXPECTED, Integer)]
        rows = recordset(columns, self._dialect)
        values: dict[str, Any] = {name: rows.given.c[name] for name in names}
        if is_versioned(table) and VERSION not in names:
            values[VERSION] = table.c[VERSION] + literal_column("1")
        written = update(table).values(values).where(key == rows.given.c[KEY])
        if guarded:
            written = written.where(table.c[VERSION] == rows.given.c[EXPECTED])
        return self._made(written, table, rows, row)

    def _delete(self, table: Table) -> Bulk:
        key = table.c[key_column(table)]
        rows = recordset([Column(KEY, key.type)], self._dialect)
        return self._made(delete(table).where(key == rows.given.c[KEY]), table, rows, row=True)

    def _made(self, statement: Insertion | Updating | Deletion, table: Table, rows: Recordset, row: bool) -> Bulk:
        key = key_column(table)
        columns = list(table.columns) if row else [table.c[key]]
        return Bulk(plan(statement.returning(*columns), self._dialect, columns), rows, key)


def runs(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """Part the changes into neighbours that one statement can carry out."""
    run: list[Change] = []
    kind: object = None
    keys: set[Key] = set()
    for change in changes:
        key = _key(change)
        following = shape(change)
        if run and (following is None or following != kind or key in keys or len(run) == _MOST):
            yield run
            run, keys = [], set()
        kind = following
        run.append(change)
        if key is not None:
            keys.add(key)
    if run:
        yield run


def shape(change: Change) -> object:
    """Tell what two changes must have in common for one statement to carry out both; None if none can.

    A statement looks at references when it is through, and so allows what would be refused one by one.
    """
    match change:
        case Update(table, key, values, version):
            names = tuple(values)
            kinds = (type(key), *map(type, values.values()))
            together = _update_together(table, names, kinds, version is not None)
            return (Update, table, names, version is None, change.row) if together else None
        case Insert(table) | Delete(table) if refers_to_itself(table):
            return None
        case Insert(table, values) if generated_key(table) or key_column(table) in values:
            names = tuple(values)
            fit = fits(table, names, tuple(map(type, values.values())))
            return (Insert, table, names, change.row, change.replace) if fit else None
        case Delete(table, key, None) if not is_referred_to(table):
            return (Delete, table, change.optional) if fits(table, (key_column(table),), (type(key),)) else None
        case _:
            return None


@lru_cache(maxsize=10_000)
def _update_together(table: Table, names: tuple[str, ...], kinds: tuple[type, ...], guarded: bool) -> bool:
    may_be_guarded = not guarded or is_versioned(table)
    return may_be_guarded and not refers_to_itself(table) and fits(table, (key_column(table), *names), kinds)


def _key(change: Change) -> Key | None:
    # A statement changes a row once.
    match change:
        case Update(key=key) | Delete(key=key):
            return key
        case Insert(table, values, replace=True):
            return cast("Key | None", values.get(key_column(table)))
        case _:
            return None
