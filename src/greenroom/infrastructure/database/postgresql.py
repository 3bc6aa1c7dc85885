"""PostgreSQL, through psycopg."""

from collections.abc import Sequence

import psycopg
from sqlalchemy import Connection, Engine, NullPool, Table, create_engine
from typing_extensions import override

from greenroom.infrastructure.database import postgresql_error
from greenroom.infrastructure.database.error import DatabaseError, Reason
from greenroom.infrastructure.database.operation import Operations
from greenroom.infrastructure.database.outcome import Refusal, Refused
from greenroom.infrastructure.database.session import Session
from greenroom.infrastructure.database.task import Transaction, Write, Written


class PostgresSession(Session):
    """A connection to PostgreSQL. An error ends the transaction there, so each write has a savepoint."""

    errors = psycopg.Error

    def __init__(self, connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        cursor = driver.cursor()
        super().__init__(Operations(connection, cursor), cursor)
        self._connection = connection

    @override
    def carry_out(self, writes: Sequence[Write]) -> Sequence[Written | DatabaseError]:
        return [self._carry_out(write) for write in writes]

    def _carry_out(self, write: Write) -> Written | DatabaseError:
        if isinstance(write, Transaction):
            return self.isolated(write.steps)
        outcome = self.isolated((write,))
        if isinstance(outcome, Refused):
            return outcome.refusal
        return outcome[0] if isinstance(outcome, tuple) else outcome

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
