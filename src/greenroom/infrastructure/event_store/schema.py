"""The table of events, and the rules that the database itself enforces.

Events are never changed. Each has the version after the one before it in its stream, and the position after the one
before it in the table: no gaps. Positions become visible in their order, whoever writes: SQLite has one writer at a
time; on PostgreSQL, at its usual isolation of READ COMMITTED, all who append take turns, from their first event to
their commit.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from greenroom.infrastructure.database import Conflict, Invalid, Refusal, UtcTimestamp


def _table(version: Column[int]) -> Table:
    return Table(
        "events",
        MetaData(),
        Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
        Column("id", Text, nullable=False),
        Column("stream", Text, nullable=False),
        version,
        Column("type", Text, nullable=False),
        Column("schema", Integer, nullable=False),
        Column("payload", Text, nullable=False),
        Column("correlation_id", Text),
        Column("causation_id", Text),
        Column("recorded_at", UtcTimestamp, nullable=False),
    )


class _NextVersion(FunctionElement[int]):
    """The version after the last one of a stream."""

    type = Integer()
    inherit_cache = True


@compiles(_NextVersion, "postgresql")
def _leave_open(element: _NextVersion, compiler: SQLCompiler, **_: object) -> str:
    # The trigger finds it when all who append before have committed; the statement itself would look too early.
    return "NULL"


@compiles(_NextVersion, "sqlite")
def _look_up(element: _NextVersion, compiler: SQLCompiler, **options: object) -> str:
    (stream,) = element.clauses
    last = func.coalesce(func.max(events_table.c.version), literal_column("0"))
    found = select(last + literal_column("1")).where(events_table.c.stream == stream)
    return compiler.process(found.scalar_subquery(), **options)


events_table: Final = _table(Column("version", Integer, nullable=False))
"""For queries of one's own. `create_events` makes it: the rules below belong to it."""

open_events_table: Final = _table(
    Column("version", Integer, nullable=False, default=_NextVersion(bindparam("stream", type_=Text())))
)
"""The same one for events without a version: the database finds it, and tells."""

VERSION_RULE = "events_stream_version"


def create_events(connection: Connection) -> None:
    """Make the table of events. For a migration: `create_events(op.get_bind())`.

    What this makes stays as it is; should a later release need something else, it comes with a function of its own.
    """
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL:
        connection.exec_driver_sql(statement)


def append_in_turn(connection: Connection, table: str) -> None:
    """Have whoever changes this table take the turn to append first. For a migration, after `create_events`.

    It is for tables whose changes are appended as events in the same transaction, where several servers want the same
    rows: one that had the row and waited for the turn, and one that had the turn and waited for the row, would wait
    for ever. SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_TURN)
        quoted = connection.dialect.identifier_preparer.quote(table)
        # Before the statement, and so before it locks a row.
        connection.exec_driver_sql(
            f"CREATE TRIGGER events_turn BEFORE INSERT OR UPDATE OR DELETE ON {quoted} "
            "FOR EACH STATEMENT EXECUTE FUNCTION events_turn()"
        )


def is_version_rule(refusal: Refusal) -> bool:
    """Whether an event was refused since its version is not the next one of its stream."""
    match refusal:
        case Conflict(constraint=constraint) | Invalid(constraint=constraint):
            return constraint == VERSION_RULE
        case _:
            return False


_TURN = """
CREATE OR REPLACE FUNCTION events_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1702260340, 'events'::regclass::oid::integer);
    RETURN NULL;
END
$$
"""

_SQLITE = (
    """
    CREATE TABLE events (
        position INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        stream TEXT NOT NULL,
        version INTEGER NOT NULL,
        type TEXT NOT NULL,
        schema INTEGER NOT NULL,
        payload TEXT NOT NULL,
        correlation_id TEXT,
        causation_id TEXT,
        recorded_at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE UNIQUE INDEX events_stream_version ON events (stream, version)",
    "CREATE INDEX events_type ON events (type, position)",
    "CREATE INDEX events_correlation_id ON events (correlation_id) WHERE correlation_id IS NOT NULL",
    """
    CREATE TRIGGER events_next_version BEFORE INSERT ON events
    WHEN NEW.version <> (SELECT coalesce(max(version), 0) + 1 FROM events WHERE stream = NEW.stream)
    BEGIN SELECT RAISE(ABORT, 'events_stream_version'); END
    """,
    "CREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events_are_final'); END",
    "CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events_are_final'); END",
)

_POSTGRESQL = (
    """
    CREATE TABLE events (
        position bigint PRIMARY KEY,
        id text NOT NULL,
        stream text NOT NULL,
        version integer NOT NULL,
        type text NOT NULL,
        schema integer NOT NULL,
        payload text NOT NULL,
        correlation_id text,
        causation_id text,
        recorded_at timestamptz(3) NOT NULL,
        CONSTRAINT events_stream_version UNIQUE (stream, version)
    )
    """,
    "CREATE INDEX events_type ON events (type, position)",
    "CREATE INDEX events_correlation_id ON events (correlation_id) WHERE correlation_id IS NOT NULL",
    # The lock is held until the commit, and given on only when the commit can be seen. Each query of such a function
    # sees what was committed before it began, so both maxima are those of all who had the lock before.
    """
    CREATE FUNCTION events_next() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        next_version integer;
    BEGIN
        PERFORM pg_advisory_xact_lock(1702260340, TG_RELID::integer);
        SELECT coalesce(max(position), 0) + 1 INTO NEW.position FROM events;
        SELECT coalesce(max(version), 0) + 1 INTO next_version FROM events WHERE stream = NEW.stream;
        IF NEW.version IS NULL THEN
            NEW.version := next_version;
        ELSIF NEW.version <> next_version THEN
            RAISE unique_violation USING
                MESSAGE = format('expected version %s of stream %s, got %s', next_version, NEW.stream, NEW.version),
                CONSTRAINT = 'events_stream_version', TABLE = 'events';
        END IF;
        RETURN NEW;
    END
    $$
    """,
    "CREATE TRIGGER events_next BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION events_next()",
    """
    CREATE FUNCTION events_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE check_violation USING
            MESSAGE = 'expected events to stay as they are', CONSTRAINT = 'events_are_final', TABLE = 'events';
    END
    $$
    """,
    """
    CREATE TRIGGER events_are_final BEFORE UPDATE OR DELETE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_are_final()
    """,
)
