"""What PostgreSQL's errors mean."""

from collections.abc import Mapping

import psycopg
from sqlalchemy import Table

from greenroom.infrastructure.database.conflict import conflict_by_name
from greenroom.infrastructure.database.error import Reason
from greenroom.infrastructure.database.outcome import Conflict, Invalid, Refusal, Rule

_REASONS: Mapping[str, Reason] = {
    "08": "lost",  # connection exception
    "25006": "read_only",
    "40": "locked",  # deadlock, serialization failure
    "53": "lost",  # out of memory, too many connections
    "53100": "full",
    "55P03": "locked",
    "57P": "lost",  # the server is stopping or starting
    "57014": "slow",  # cancelled by a time limit
    "58": "io",
    "XX001": "corrupt",
    "XX002": "corrupt",
}

_UNIQUE = {"23505", "23P01"}
_REFERENCE = "23503"
_UNKNOWN_TYPE = "cannot adapt type"

_RULES: Mapping[str, Rule] = {
    _REFERENCE: "reference",
    "23502": "missing",
    "22001": "too_long",
    "54000": "too_long",  # a value that is too large for its index
    "P0001": "check",  # a trigger raised it
    "23": "check",
    "22": "type",
}


def reason(error: BaseException) -> Reason:
    """Tell why the database failed. "statement": it is the request that is wrong."""
    state = getattr(error, "sqlstate", None)
    if state is None:
        # The driver's own errors: either the connection broke, or a value cannot be sent.
        return "lost" if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else "statement"
    for length in (5, 3, 2):
        if found := _REASONS.get(state[:length]):
            return found
    return "statement"


def refusal(error: BaseException, table: Table, *, deleting: bool) -> Refusal | None:
    """Tell which rule of the table the statement broke, or None when it is another kind of error."""
    if not isinstance(error, psycopg.Error):
        return None
    constraint = error.diag.constraint_name or ""
    if error.sqlstate in _UNIQUE:
        return conflict_by_name(table, constraint)
    if error.sqlstate == _REFERENCE and deleting:
        return Conflict(table.name, constraint, ())
    if rule := _rule(error):
        columns = (error.diag.column_name,) if error.diag.column_name else ()
        return Invalid(table.name, rule, columns, constraint, error.diag.message_primary or str(error))
    return None


def _rule(error: psycopg.Error) -> Rule | None:
    state = error.sqlstate
    if state is None:
        # The driver's own refusal of a value: text with a NUL, a number out of range, of no type that it knows.
        is_refusal = isinstance(error, psycopg.DataError) or str(error).startswith(_UNKNOWN_TYPE)
        return "type" if is_refusal else None
    return _RULES.get(state) or _RULES.get(state[:2])
