"""SQLite: a file, or memory, that many connections share."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, Engine, NullPool, Table, create_engine
from typing_extensions import override

from greenroom.infrastructure.database import sqlite_error
from greenroom.infrastructure.database.change import Values
from greenroom.infrastructure.database.error import DatabaseError, Reason
from greenroom.infrastructure.database.operation import Operations
from greenroom.infrastructure.database.outcome import Key, NotFound, Refusal, Row, Stale, key_column
from greenroom.infrastructure.database.session import Session
from greenroom.infrastructure.database.settings import DatabaseSettings
from greenroom.infrastructure.database.statement import EXPECTED, KEY, VERSION, generated_key, is_versioned
from greenroom.infrastructure.database.task import Transaction, Write, Written
from greenroom.infrastructure.database.url import DatabaseUrl

# FULL: the WAL is synced at each commit. With many changes to a commit it costs next to nothing.
# A checkpoint each 16 MB instead of 4, and pages kept at hand, bring a tenth more changes a second.
_WRITER = ("synchronous = FULL", "foreign_keys = ON", "wal_autocheckpoint = 4000", "cache_size = -64000")
_READER = ("query_only = ON",)


class SqliteSession(Session):
    """A connection to SQLite.

    A statement that fails is undone alone and the transaction goes on, so that a change of one
    statement needs no savepoint.
    """

    errors = sqlite3.Error

    def __init__(self, connection: Connection, path: Path | None) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        cursor = driver.cursor()
        super().__init__(_SqliteOperations(connection, cursor), cursor)
        self._connection = connection
        self._driver = driver
        self._path = path
        self._file = _identity(path)

    @override
    def begin(self) -> None:
        if _identity(self._path) != self._file:
            raise DatabaseError("io", f"{self._path} was removed or replaced while it was open")
        self.command("BEGIN IMMEDIATE")

    @override
    def carry_out(self, writes: Sequence[Write]) -> Sequence[Written | DatabaseError]:
        return [
            self.isolated(write.steps) if isinstance(write, Transaction) else self.attempt(write) for write in writes
        ]

    @override
    def attempt(self, change: Change) -> Row | Refusal | DatabaseError:
        outcome = super().attempt(change)
        if not self._driver.in_transaction:
            # A trigger, or a conflict clause, with ROLLBACK: the neighbours' changes went too.
            raise DatabaseError("statement", "a rule of the table rolled the transaction back")
        return outcome

    @override
    def probe(self, after: Reason) -> None:
        if after == "corrupt":
            self._check()
        version = self._driver.execute("PRAGMA user_version").fetchone()[0]
        self.begin()
        self.command(f"PRAGMA user_version = {version}")
        self.commit()

    def _check(self) -> None:
        try:
            found = self._driver.execute("PRAGMA quick_check(1)").fetchone()[0]
        except self.errors as error:
            raise self.failure(error) from error
        if found != "ok":
            raise DatabaseError("corrupt", found)

    @override
    def close(self) -> None:
        try:
            # What is in the WAL goes to the file, so that the file alone is the database.
            self._driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except self.errors:
            pass  # Another connection reads or writes; the last one to close does it.
        self._connection.invalidate()

    @override
    def reason(self, error: BaseException) -> Reason:
        return sqlite_error.reason(error)

    @override
    def refusal(self, error: BaseException, table: Table, *, deleting: bool) -> Refusal | None:
        return sqlite_error.refusal(error, table, deleting=deleting)


class _SqliteOperations(Operations):
    """Writes without RETURNING where the row is known beforehand."""

    def __init__(self, connection: Connection, cursor: sqlite3.Cursor) -> None:
        super().__init__(connection, cursor)
        self._writes = cursor

    @override
    def _insert(self, table: Table, values: Values) -> Row:
        known = self._statements.insert(table, tuple(values)).foretold
        if known is None or not known.accepts(values):
            return super()._insert(table, values)
        bound = known.plan.bind(values)
        self._run(known.plan.sql, bound)
        key = generated_key(table)
        return known.row(bound, {} if key is None or key in values else {key: self._writes.lastrowid})

    @override
    def _update(self, table: Table, key: Key, values: Values, version: int | None) -> Row | NotFound | Stale:
        known = self._statements.update(table, tuple(values), version is not None).foretold
        if known is None or not known.accepts(values):
            return super()._update(table, key, values, version)
        bound = known.plan.bind({**values, KEY: key, EXPECTED: version})
        self._run(known.plan.sql, bound)
        if self._writes.rowcount == 0:
            return self._missed(table, key, version)
        generated = {key_column(table): key}
        if version is not None and VERSION not in values:
            generated[VERSION] = version + 1
        return known.row(bound, generated)
