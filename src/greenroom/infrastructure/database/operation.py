"""The database's operations on one connection, as they raise."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, Table
from sqlalchemy.sql.dml import UpdateBase

from greenroom.infrastructure.database.change import Change, Delete, Execute, Insert, Update
from greenroom.infrastructure.database.outcome import Key, NotFound, Row, Stale, key_column
from greenroom.infrastructure.database.plan import Unfit
from greenroom.infrastructure.database.statement import EXPECTED, KEY, Statements
from greenroom.infrastructure.database.task import Load, Query


class Cursor(Protocol):
    """What both drivers' cursors can do. What their rows hold, only the columns' types know."""

    def execute(self, sql: Any, parameters: Sequence[Any], /) -> object:
        """Carry out a statement with its parameters bound."""

    def fetchall(self) -> Sequence[Sequence[Any]]:
        """Take all the rows it returned."""
        ...


class Operations:
    """Carries out changes and reads by prepared statements, and by SQLAlchemy what callers composed."""

    def __init__(self, connection: Connection, cursor: Cursor) -> None:
        self._connection = connection
        self._cursor = cursor
        self._statements = Statements(connection.dialect)

    def perform(self, change: Change) -> Row | NotFound | Stale:
        """Carry out the change; what the table's rules forbid is raised as the driver raises it."""
        match change:
            case Insert():
                return self._insert(change)
            case Update():
                return self._update(change)
            case Delete():
                return self._delete(change)
            case Execute(statement):
                return self._execute(statement)

    def load(self, load: Load) -> Mapping[Key, Row]:
        """Find the rows with these keys."""
        plan = self._statements.load(load.table, len(load.keys))
        # Padded, so that a few sizes of statements serve all numbers of keys.
        padded = (*load.keys, *[load.keys[-1]] * (len(plan.names) - len(load.keys)))
        found = self._fetch(plan.sql, plan.bind(dict(zip(plan.names, padded, strict=True))))
        key = key_column(load.table)
        return {row[key]: row for row in map(plan.row, found)}

    def select(self, query: Query) -> Sequence[Row]:
        """Find the rows of a SELECT."""
        result = self._connection.execute(query)
        names = tuple(result.keys())
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def _insert(self, insert: Insert) -> Row:
        plan = self._statements.insert(insert.table, tuple(insert.values), insert.replace).plan
        return plan.row(self._fetch(plan.sql, plan.bind(insert.values))[0])

    def _update(self, update: Update) -> Row | NotFound | Stale:
        plan = self._statements.update(update.table, tuple(update.values), update.version is not None).plan
        found = self._fetch(plan.sql, plan.bind(parameters(update)))
        return plan.row(found[0]) if found else self._missed(update.table, update.key, update.version)

    def _delete(self, delete: Delete) -> Row | NotFound | Stale:
        plan = self._statements.delete(delete.table, delete.version is not None)
        found = self._fetch(plan.sql, plan.bind({KEY: delete.key, EXPECTED: delete.version}))
        return plan.row(found[0]) if found else self._not_deleted(delete)

    def _not_deleted(self, delete: Delete) -> Row | NotFound | Stale:
        missed = self._missed(delete.table, delete.key, delete.version)
        return {} if delete.optional and isinstance(missed, NotFound) else missed

    def _missed(self, table: Table, key: Key, version: int | None) -> NotFound | Stale:
        plan = self._statements.version(table)
        found = self._fetch(plan.sql, plan.bind({KEY: key}))
        if not found or version is None:
            return NotFound(table.name, key)
        return Stale(table.name, key, version, found[0][0])

    def _execute(self, statement: UpdateBase) -> Row:
        result = self._connection.execute(statement)
        row = result.mappings().first() if result.returns_rows else None
        return dict(row or {})

    def _fetch(self, sql: str, parameters: Sequence[object]) -> Sequence[Sequence[Any]]:
        self._run(sql, parameters)
        return self._cursor.fetchall()

    def _run(self, sql: str, parameters: Sequence[object]) -> None:
        try:
            self._cursor.execute(sql, parameters)
        except (OverflowError, UnicodeEncodeError) as error:
            raise Unfit((), error) from error


def parameters(update: Update) -> dict[str, Any]:
    """All that an update's statement is given."""
    return {**update.values, KEY: update.key, EXPECTED: update.version}
