"""What SQLite's errors mean."""

import re
import sqlite3
from collections.abc import Mapping

from sqlalchemy import Table

from greenroom.infrastructure.database.conflict import conflict_by_columns, conflict_by_name
from greenroom.infrastructure.database.error import Reason
from greenroom.infrastructure.database.outcome import Conflict, Invalid, Refusal

_REASONS: Mapping[int, Reason] = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_PROTOCOL: "locked",
    sqlite3.SQLITE_INTERRUPT: "slow",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
    sqlite3.SQLITE_IOERR: "io",
    sqlite3.SQLITE_CANTOPEN: "io",
    sqlite3.SQLITE_NOMEM: "io",
}

_UNKNOWN_TYPE = "Error binding parameter"


def reason(error: BaseException) -> Reason:
    """Tell why the database failed. "statement": it is the request that is wrong."""
    # The low byte is the kind of error, the rest its detail.
    return _REASONS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "statement")


def refusal(error: BaseException, table: Table, *, deleting: bool) -> Refusal | None:
    """Tell which rule of the table the statement broke, or None when it is another kind of error."""
    message = str(error)
    match getattr(error, "sqlite_errorcode", 0):
        case sqlite3.SQLITE_CONSTRAINT_UNIQUE | sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY | sqlite3.SQLITE_CONSTRAINT_ROWID:
            return _conflict(message, table)
        case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY if deleting:
            return Conflict(table.name, "", ())
        case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
            return Invalid(table.name, "reference", (), "", message)
        case sqlite3.SQLITE_CONSTRAINT_NOTNULL:
            return Invalid(table.name, "missing", _columns(message), "", message)
        case 3091 | sqlite3.SQLITE_MISMATCH:  # SQLITE_CONSTRAINT_DATATYPE, of STRICT tables; the module lacks its name
            return Invalid(table.name, "type", _columns(message), "", message)
        case sqlite3.SQLITE_TOOBIG:
            return Invalid(table.name, "too_long", (), "", message)
        case code if code & 0xFF == sqlite3.SQLITE_CONSTRAINT:
            return Invalid(table.name, "check", (), message.rpartition(": ")[2], message)
        case _:
            # The driver's own refusal of a value that is of no type it knows; it has no code.
            return Invalid(table.name, "type", (), "", message) if message.startswith(_UNKNOWN_TYPE) else None


def _conflict(message: str, table: Table) -> Conflict:
    # "UNIQUE constraint failed: index 'name'" for one on an expression, else "…: table.column, table.column".
    if index := re.search(r"index '(.+)'", message):
        return conflict_by_name(table, index[1])
    return conflict_by_columns(table, _columns(message))


def _columns(message: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+\.(\w+)", message))
