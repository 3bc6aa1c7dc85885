"""SQLite: a file, or memory, that many connections share."""

import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from itertools import groupby
from math import inf
from pathlib import Path
from typing import TypeVar, cast

from sqlalchemy import Connection, NullPool, Table, create_engine
from sqlalchemy.exc import DBAPIError
from typing_extensions import override

from greenroom.infrastructure.database import sqlite_error
from greenroom.infrastructure.database.change import Change, Insert, Update
from greenroom.infrastructure.database.error import DatabaseError, Reason
from greenroom.infrastructure.database.operation import Operations, parameters
from greenroom.infrastructure.database.outcome import Key, NotFound, Refusal, Row, Stale, key_column
from greenroom.infrastructure.database.plan import Unfit
from greenroom.infrastructure.database.session import Session, driver_error
from greenroom.infrastructure.database.settings import DatabaseSettings
from greenroom.infrastructure.database.statement import VERSION, generated_key
from greenroom.infrastructure.database.task import Read, Transaction, Write, Written
from greenroom.infrastructure.database.url import DatabaseUrl

# FULL: the WAL is synced at each commit, which costs little when many changes share it.
# A checkpoint for each 16 MB instead of 4, and 64 MB of pages at hand, bring a tenth more changes a second.
_WRITER = ("synchronous = FULL", "foreign_keys = ON", "wal_autocheckpoint = 4000", "cache_size = -64000")
_READER = ("query_only = ON",)

# After how many steps of SQLite's virtual machine to look at the clock: about a millisecond.
_STRIDE = 100_000

Opened = TypeVar("Opened", bound="SqliteSession")

_EFFECTIVE = os.access in os.supports_effective_ids

OLDEST = (3, 37, 0)
"""STRICT tables and RETURNING are relied on."""


class SqliteConnector:
    """Opens sessions on a file, or on memory."""

    def __init__(self, url: DatabaseUrl, settings: DatabaseSettings) -> None:
        if sqlite3.sqlite_version_info < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise DatabaseError("statement", f"expected SQLite {oldest} or newer, got {sqlite3.sqlite_version}")
        self.url = url
        self._settings = settings
        self._engine = create_engine(
            "sqlite://", creator=self._connect, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        self._path = Path(url.address) if url.kind == "file" else None
        self._mode = "rwc"

    def writer(self) -> Session:
        """Open the session that changes are made in."""
        self._demand_access(os.R_OK | os.W_OK, "can not be read and written")
        session = self._open(_Writer, "journal_mode = WAL", *_WRITER)
        # A file that goes missing later is a failure; to make an empty one in its place would hide it.
        self._mode = "rw"
        return session

    def reader(self) -> Session:
        """Open a session that cannot change anything."""
        self._demand_access(os.R_OK, "can not be read")
        session = self._open(_Reader, *_READER)
        session.limit(self._settings.read_timeout)
        return session

    def _open(self, kind: "type[Opened]", *pragmas: str) -> "Opened":
        try:
            session = kind(self._engine.connect(), self._path)
        except DBAPIError as error:
            cause = driver_error(error)
            raise DatabaseError.of(cause, sqlite_error.reason(cause)) from error
        try:
            for pragma in pragmas:
                session.command(f"PRAGMA {pragma}")
        except DatabaseError:
            session.close()
            raise
        return session

    def _demand_access(self, mode: int, problem: str) -> None:
        # SQLite says "unable to open database file" to all of these.
        if self._path is None:
            return
        if self._path.is_dir():
            raise DatabaseError("io", f"{self._path} is a folder")
        if not self._path.parent.is_dir():
            raise DatabaseError("io", f"{self._path.parent} is no folder")
        for each in (self._path.parent, self._path):
            # SQLite writes to the folder as well: the WAL is a file beside the database.
            if each.exists() and not os.access(each, mode, effective_ids=_EFFECTIVE):
                raise DatabaseError("read_only", f"{each} {problem}")

    def _connect(self) -> sqlite3.Connection:
        # The session's thread is not always the one that closes it; no two ever use it at once.
        return sqlite3.connect(
            self._address(),
            uri=True,
            timeout=self._settings.lock_timeout,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=500,
        )

    def _address(self) -> str:
        return self.url.address if self._path is None else f"{self._path.as_uri()}?mode={self._mode}"


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
        self._runs = _SqliteOperations(connection, cursor)
        super().__init__(connection, self._runs, cursor)
        self._driver = driver
        self._path = path
        self._file = _identity(path)

    @override
    def begin(self) -> None:
        if _identity(self._path) != self._file:
            raise DatabaseError("io", f"{self._path} was removed or replaced while it was open")
        self.command("BEGIN IMMEDIATE")

    @override
    def leaves_doubt(self, failure: DatabaseError) -> bool:
        # The mark that makes a commit of its frames is the last thing written to the log: what can not be written is
        # undone. A sync that fails is another matter.
        code: int = getattr(failure.__cause__, "sqlite_errorcode", 0)
        return super().leaves_doubt(failure) and code != sqlite3.SQLITE_IOERR_WRITE

    @override
    def carry_out(self, writes: Sequence[Write]) -> Sequence[Written | DatabaseError]:
        verdicts: list[Written | DatabaseError] = []
        for shape, run in groupby(writes, _shape):
            some = list(run)
            rows = None if shape is None or len(some) == 1 else self._all_or_none(cast("list[Update]", some))
            verdicts += map(self._carry_out_one, some) if rows is None else rows
        return verdicts

    def _all_or_none(self, updates: Sequence[Update]) -> Sequence[Row] | None:
        """Carry out updates of one shape in one go; None, and no trace, if one of them comes to nothing."""
        self.command("SAVEPOINT run")
        try:
            rows = self._runs.update_all(updates)
        except (self.errors, Unfit) as error:
            if (failure := self.failure(error)).reason != "statement":
                raise failure from error
            rows = None
        self._demand_transaction()
        if rows is None:
            self.command("ROLLBACK TO SAVEPOINT run")
        self.command("RELEASE SAVEPOINT run")
        return rows

    def _carry_out_one(self, write: Write) -> Written | DatabaseError:
        return self.isolated(write.steps) if isinstance(write, Transaction) else self.attempt(write)

    @override
    def attempt(self, change: Change) -> Row | Refusal | DatabaseError:
        outcome = super().attempt(change)
        self._demand_transaction()
        return outcome

    def _demand_transaction(self) -> None:
        if not self._driver.in_transaction:
            # A trigger, or a conflict clause, with ROLLBACK: the neighbours' changes went too.
            raise DatabaseError("statement", "a rule of the table rolled the transaction back")

    @override
    def lock_schema(self) -> None:
        # To alter a table can mean to make it anew, and then rows that refer to it would go with the old one.
        self.command("PRAGMA foreign_keys = OFF")
        self.begin()

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
        self._connection.invalidate()

    @override
    def reason(self, error: BaseException) -> Reason:
        return sqlite_error.reason(error)

    @override
    def refusal(self, error: BaseException, table: Table, *, deleting: bool) -> Refusal | None:
        return sqlite_error.refusal(error, table, deleting=deleting)


class _Writer(SqliteSession):
    """The connection that changes are made in."""

    @override
    def close(self) -> None:
        try:
            # What is in the WAL goes to the file, so that the file alone is the database; but nobody waits for
            # others who use it.
            self._driver.execute("PRAGMA busy_timeout = 0")
            self._driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except self.errors:
            pass  # The last one to close does it.
        super().close()


class _Reader(SqliteSession):
    """A connection that finds rows, for so long and no longer."""

    _seconds = inf
    _deadline = inf

    def limit(self, seconds: float) -> None:
        """Interrupt reads that take longer."""
        self._seconds = seconds
        self._driver.set_progress_handler(lambda: time.monotonic() > self._deadline, _STRIDE)

    @override
    def read(self, query: Read) -> Sequence[Row] | Mapping[Key, Row]:
        self._deadline = time.monotonic() + self._seconds
        return super().read(query)


class _SqliteOperations(Operations):
    """Writes without RETURNING where the row is known beforehand."""

    def __init__(self, connection: Connection, cursor: sqlite3.Cursor) -> None:
        super().__init__(connection, cursor)
        self._writes = cursor

    def update_all(self, updates: Sequence[Update]) -> Sequence[Row] | None:
        """Carry out updates of one shape by one statement, prepared once; None if they have to be made one by one.

        Some of them may be carried out then, as where it raises.
        """
        first = updates[0]
        known = self._statements.update(first.table, tuple(first.values), first.version is not None).foretold
        if known is None or not all(known.accepts(update.values) for update in updates):
            return None
        bound = known.plan.bind_all([parameters(update) for update in updates])
        try:
            self._writes.executemany(known.plan.sql, bound)
        except (OverflowError, UnicodeEncodeError) as error:
            raise Unfit((), error) from error
        if self._writes.rowcount != len(updates):
            return None
        return [
            known.row(values, _generated(update)) if update.row else {}
            for update, values in zip(updates, bound, strict=True)
        ]

    @override
    def _insert(self, insert: Insert) -> Row:
        values = insert.values
        known = self._statements.insert(insert.table, tuple(values), insert.replace).foretold
        if known is None or not known.accepts(values):
            return super()._insert(insert)
        bound = known.plan.bind(values)
        self._run(known.plan.sql, bound)
        if not insert.row:
            return {}
        key = generated_key(insert.table)
        return known.row(bound, {} if key is None or key in values else {key: self._writes.lastrowid})

    @override
    def _update(self, update: Update) -> Row | NotFound | Stale:
        table, key, values, version = update.table, update.key, update.values, update.version
        known = self._statements.update(table, tuple(values), version is not None).foretold
        if known is None or not known.accepts(values):
            return super()._update(update)
        bound = known.plan.bind(parameters(update))
        self._run(known.plan.sql, bound)
        if self._writes.rowcount == 0:
            return self._missed(table, key, version)
        return known.row(bound, _generated(update)) if update.row else {}


def _shape(write: Write) -> object:
    """Tell what updates must have in common for one statement to carry them out; None for other writes."""
    if type(write) is not Update:
        return None
    return write.table, tuple(write.values), write.version is None


def _generated(update: Update) -> dict[str, object]:
    """What an update leaves in its row beside what it is given."""
    generated: dict[str, object] = {key_column(update.table): update.key}
    if update.version is not None and VERSION not in update.values:
        generated[VERSION] = update.version + 1
    return generated


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Tell which file a path leads to now."""
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None
