"""PostgreSQL, through psycopg."""

from collections.abc import Sequence
from itertools import groupby
from typing import cast

import psycopg
from sqlalchemy import Connection, NullPool, Table, create_engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from typing_extensions import override

from greenroom.infrastructure.database import postgresql_error
from greenroom.infrastructure.database.bulk import BulkOperations
from greenroom.infrastructure.database.error import DatabaseError, Reason
from greenroom.infrastructure.database.outcome import Refusal
from greenroom.infrastructure.database.plan import Unfit
from greenroom.infrastructure.database.session import Session, driver_error
from greenroom.infrastructure.database.settings import DatabaseSettings
from greenroom.infrastructure.database.task import Transaction, Write, Written
from greenroom.infrastructure.database.united import Apart, may_unite, perform_united
from greenroom.infrastructure.database.url import DatabaseUrl

# A server that vanished without a word is noticed within this many seconds, also by those who only wait for its answer:
# after a third of them the system asks whether it is still there, and twice more.
_SILENCE = 15

_AGAIN = ("ROLLBACK", "BEGIN")
_BACK = ("ROLLBACK TO SAVEPOINT together", "RELEASE SAVEPOINT together")

# Any number that other programs are not likely to use: "greenr" in ASCII.
_SCHEMA_LOCK = 0x677265656E72


class PostgresConnector:
    """Opens sessions on a server."""

    def __init__(self, url: DatabaseUrl, settings: DatabaseSettings) -> None:
        self.url = url
        self._settings = settings
        self._engine = create_engine(
            url.address,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            paramstyle="numeric_dollar",
            use_native_hstore=False,
            connect_args={
                "application_name": "greenroom",
                "cursor_factory": psycopg.RawCursor,
                "connect_timeout": _SILENCE,
                "keepalives_idle": _SILENCE // 3,
                "keepalives_interval": _SILENCE // 3,
                "keepalives_count": 2,
                "tcp_user_timeout": _SILENCE * 1000,
            },
        )

    def writer(self) -> Session:
        """Open the session that changes are made in."""
        session = self._open()
        session.command(f"SET lock_timeout = {int(self._settings.lock_timeout * 1000)}")
        return session

    def reader(self) -> Session:
        """Open a session that cannot change anything."""
        session = self._open()
        session.command("SET default_transaction_read_only = on")
        session.command(f"SET statement_timeout = {int(self._settings.read_timeout * 1000)}")
        return session

    def _open(self) -> "PostgresSession":
        try:
            return PostgresSession(self._engine.connect())
        except DBAPIError as error:
            cause = driver_error(error)
            raise DatabaseError.of(cause, postgresql_error.reason(cause)) from error


class PostgresSession(Session):
    """A connection to PostgreSQL.

    An error ends the transaction there, unless there is a savepoint to go back to. A savepoint for each
    change costs two more round trips, so many changes share one, and part only when one of them fails.
    """

    errors = psycopg.Error

    def __init__(self, connection: Connection) -> None:
        # Rows are tuples, as psycopg makes them by default; SQLAlchemy does not know the driver's type.
        driver = cast("psycopg.Connection[tuple[object, ...]]", connection.connection.driver_connection)
        cursor = driver.cursor()
        self._bulk = BulkOperations(connection, cursor)
        super().__init__(connection, self._bulk, cursor)
        self._fresh = False

    @override
    def begin(self) -> None:
        super().begin()
        self._fresh = True

    @override
    def carry_out(self, writes: Sequence[Write]) -> Sequence[Written | DatabaseError]:
        verdicts: list[Written | DatabaseError] = []
        for united, group in groupby(writes, may_unite):
            for some in [tuple(group)] if united else ((write,) for write in group):
                verdicts += self._together(some, fresh=self._fresh)
                self._fresh = False
        return verdicts

    def _together(self, writes: Sequence[Write], *, fresh: bool = False) -> Sequence[Written | DatabaseError]:
        """Carry out the writes in few statements; if one of them fails, by halves until it is alone.

        In a `fresh` transaction there is nothing else to lose: to begin it again does what a savepoint would.
        """
        first = writes[0]
        if isinstance(first, Transaction) and len(writes) == 1:
            return [self.isolated(first.steps)]
        if not fresh:
            self.command("SAVEPOINT together")
        try:
            outcomes = self._perform(writes)
        except (self.errors, SQLAlchemyError, Unfit, Apart) as error:
            for command in _AGAIN if fresh else _BACK:
                self.command(command)
            if len(writes) == 1 and not isinstance(first, Transaction):
                return [self.verdict(first, error)]
            half = len(writes) // 2
            return [*self._together(writes[:half], fresh=fresh), *self._together(writes[half:])]
        if not fresh:
            self.command("RELEASE SAVEPOINT together")
        return outcomes

    def _perform(self, writes: Sequence[Write]) -> Sequence[Written]:
        changes = [write for write in writes if not isinstance(write, Transaction)]
        if len(changes) == len(writes):
            # One row may be changed twice: they are carried out in their order.
            return self._bulk.perform_all(changes)
        return perform_united(writes, self._bulk.perform_all)

    @override
    def lock_schema(self) -> None:
        self.begin()
        self.command(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")

    @override
    def probe(self, after: Reason) -> None:
        self.begin()
        # To have a number of its own makes the transaction a writing one.
        self.command("SELECT txid_current()")
        self.commit()

    @override
    def close(self) -> None:
        self._connection.invalidate()

    @override
    def reason(self, error: BaseException) -> Reason:
        return postgresql_error.reason(error)

    @override
    def refusal(self, error: BaseException, table: Table, *, deleting: bool) -> Refusal | None:
        return postgresql_error.refusal(error, table, deleting=deleting)
