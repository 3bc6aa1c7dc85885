"""One connection, in the hands of one thread."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

from sqlalchemy import Connection, Table, inspect, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.sql.dml import Delete as DeleteStatement

from greenroom.infrastructure.database.change import Change, Delete, Execute, Returning, Step
from greenroom.infrastructure.database.error import DatabaseError, Reason
from greenroom.infrastructure.database.operation import Cursor, Operations
from greenroom.infrastructure.database.outcome import Invalid, Key, Refusal, Refused, Row
from greenroom.infrastructure.database.plan import Unfit
from greenroom.infrastructure.database.task import Load, Read, Write, Written


class Session(ABC):
    """Transactions and reads on a connection.

    Refusals are returned, and so is the `DatabaseError` of a statement that is wrong in itself, since
    it concerns its sender alone. A `DatabaseError` that is raised means that the transaction is lost.
    """

    errors: type[Exception]
    """What the driver raises."""

    def __init__(self, connection: Connection, operations: Operations, cursor: Cursor) -> None:
        self._connection = connection
        self._operations = operations
        self._cursor = cursor

    @abstractmethod
    def carry_out(self, writes: Sequence[Write]) -> Sequence[Written | DatabaseError]:
        """Carry out each write on its own: one that is refused leaves no trace."""

    @abstractmethod
    def probe(self, after: Reason) -> None:
        """Commit something that changes nothing, to see if writing works `after` a failure."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the connection, in whatever state it is."""

    @abstractmethod
    def reason(self, error: BaseException) -> Reason:
        """Tell why the database failed; "statement" when it did not."""

    @abstractmethod
    def refusal(self, error: BaseException, table: Table, *, deleting: bool) -> Refusal | None:
        """Tell which rule of the table the error is about, if it is about one."""

    @abstractmethod
    def lock_schema(self) -> None:
        """Start a transaction that only one program at a time can have."""

    def begin(self) -> None:
        """Start a transaction that may write."""
        self.command("BEGIN")

    def commit(self) -> None:
        """Make everything since `begin` durable."""
        try:
            self.command("COMMIT")
        except DatabaseError as failure:
            failure.maybe_applied = self.leaves_doubt(failure)
            raise

    def leaves_doubt(self, failure: DatabaseError) -> bool:
        """Whether a commit that failed with this may be stored all the same, and only the answer was lost."""
        return failure.reason in {"lost", "io"}

    def rollback(self) -> None:
        """Undo everything since `begin`; nothing happens if it is undone already."""
        try:
            self.command("ROLLBACK")
        except DatabaseError:
            pass  # The connection is gone, or the database rolled back by itself: undone either way.

    def command(self, sql: str) -> None:
        """Carry out a command of the database's own."""
        try:
            self._cursor.execute(sql, ())
        except self.errors as error:
            raise self.failure(error) from error

    def revision(self) -> str | None:
        """Tell the revision of the schema; None where Alembic has never been."""
        if not inspect(self._connection).has_table("alembic_version"):
            return None
        found = self._connection.scalar(text("SELECT version_num FROM alembic_version"))
        return None if found is None else str(found)

    @contextmanager
    def schema_change(self) -> Generator[Connection]:
        """Keep everyone else from changing the schema meanwhile; all that is done inside is committed, or nothing.

        Raises:
            DatabaseError: what was done inside failed in the database.
        """
        try:
            self.lock_schema()
            yield self._connection
            self.commit()
        except (self.errors, SQLAlchemyError) as error:
            raise self.failure(error) from error
        finally:
            self.rollback()

    def read(self, query: Read) -> Sequence[Row] | Mapping[Key, Row]:
        """Find the rows of a SELECT, or those with the keys."""
        try:
            return self._operations.load(query) if isinstance(query, Load) else self._operations.select(query)
        except (self.errors, SQLAlchemyError) as error:
            raise self.failure(error) from error

    def verdict(self, change: Change, error: BaseException) -> Refusal | DatabaseError:
        """Tell what the error means to the one whose change it is about.

        Raises:
            DatabaseError: it is about the database, and concerns everyone.
        """
        cause = driver_error(error)
        table, deleting = _target(change)
        if isinstance(cause, Unfit):
            return Invalid(table.name, "type", cause.columns, "", str(cause))
        if refusal := self.refusal(cause, table, deleting=deleting):
            return refusal
        failure = self.failure(cause)
        if failure.reason != "statement":
            raise failure from cause
        return failure

    def failure(self, error: BaseException) -> DatabaseError:
        """Describe the driver's error as ours."""
        cause = driver_error(error)
        return DatabaseError.of(cause, self.reason(cause))

    def attempt(self, change: Change) -> Row | Refusal | DatabaseError:
        """Carry out one change; on PostgreSQL an error ends the transaction, or the savepoint."""
        try:
            return self._operations.perform(change)
        except (self.errors, SQLAlchemyError, Unfit) as error:
            return self.verdict(change, error)

    def isolated(self, steps: Sequence[Step]) -> tuple[Row, ...] | Refused | DatabaseError:
        """Carry out all the steps, or leave no trace of any."""
        self.command("SAVEPOINT unit")
        rows: list[Row] = []
        for at, step in enumerate(steps):
            outcome = self.attempt(step(rows) if callable(step) else step)
            if isinstance(outcome, Mapping):
                rows.append(outcome)
                if isinstance(step, Returning):
                    step.came_to(outcome)
                continue
            self.command("ROLLBACK TO SAVEPOINT unit")
            self.command("RELEASE SAVEPOINT unit")
            return outcome if isinstance(outcome, DatabaseError) else Refused(at, outcome)
        self.command("RELEASE SAVEPOINT unit")
        return tuple(rows)


def driver_error(error: BaseException) -> BaseException:
    """Take the driver's error out of SQLAlchemy's."""
    if not isinstance(error, StatementError) or error.orig is None:
        return error
    return error.orig if isinstance(error, DBAPIError) else Unfit((), error.orig)


def _target(change: Change) -> tuple[Table, bool]:
    if isinstance(change, Execute):
        # SQLAlchemy's type allows for more than tables, which its INSERT, UPDATE and DELETE do not.
        return cast("Table", change.statement.table), isinstance(change.statement, DeleteStatement)
    return change.table, isinstance(change, Delete)
