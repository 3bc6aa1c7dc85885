"""What PostgreSQL's errors mean."""

from collections.abc import Mapping

import psycopg
from sqlalchemy import Table

from greenroom.infrastructure.database.conflict import conflict_by_name
from greenroom.infrastructure.database.error import Reason
from greenroom.infrastructure.database.outcome import Conflict, Invalid, Refusal

_REASONS: Mapping[str, Reason] = {
    "08": "lost",  # connection exception
    "25006": "read_only",
    "40": "locked",  # deadlock, serialization failure
    "53": "lost",  # out of memory, too many connections
    "53100": "full",
    "55P03": "locked",
    "57P": "lost",  # the server is stopping or starting
    "57014": "locked",  # cancelled by a time limit
    "58": "io",
    "XX001": "corrupt",
    "XX002": "corrupt",
}


def reason(error: BaseException) -> Reason:
    """Tell why the database failed. "statement": it is the request that is wrong."""
    state = getattr(error, "sqlstate", None)
    if state is None:
        # The driver's own errors: either the connection broke, or a value cannot be sent.
        return "lost" if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else "statement"
    return next((_REASONS[state[:n]] for n in (5, 3, 2) if state[:n] in _REASONS), "statement")


def refusal(error: BaseException, table: Table, *, deleting: bool) -> Refusal | None:
    """Tell which rule of the table the statement broke, or None when it is another kind of error."""
    if not isinstance(error, psycopg.Error):
        return None
    constraint = error.diag.constraint_name or ""
    columns = (error.diag.column_name,) if error.diag.column_name else ()
    message = error.diag.message_primary or str(error)
    match error.sqlstate:
        case "23505" | "23P01":
            return conflict_by_name(table, constraint)
        case "23503" if deleting:
            return Conflict(table.name, constraint, ())
        case "23503":
            return Invalid(table.name, "reference", (), constraint, message)
        case "23502":
            return Invalid(table.name, "missing", columns, "", message)
        case "22001":
            return Invalid(table.name, "too_long", columns, "", message)
        case str(state) if state.startswith("23"):
            return Invalid(table.name, "check", columns, constraint, message)
        case str(state) if state.startswith("22"):
            return Invalid(table.name, "type", columns, "", message)
        case None if isinstance(error, psycopg.DataError):
            return Invalid(table.name, "type", columns, "", message)
        case _:
            return None
