"""PostgreSQL databases that tests have to themselves, one test after the other.

To make and to drop one takes longer than most tests: the server copies hundreds of files and waits for the disk. So
the next test gets what the last one had if that can be made as new again, and it is dropped if not. Rows go past
triggers and references, which only a superuser may: where the tests are another, all databases are new ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, LiteralString
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import Connection, sql

CATALOGS = ("pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_trigger", "pg_proc", "pg_type")
"""Where the server notes what the schema is; `xmin` says which transaction wrote a row of them."""

SETTINGS = """
SELECT pg_database.xmin::text, setconfig::text
FROM pg_database LEFT JOIN pg_db_role_setting ON setdatabase = pg_database.oid WHERE datname = current_database()
"""

TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"

OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclass
class Databases:
    """Databases that all begin alike: empty, or with what `prepare` puts into the one at a URL."""

    server: str
    prepare: Callable[[str], object] = id
    _free: list[_Database] = field(default_factory=list["_Database"])

    @contextmanager
    def lent(self) -> Generator[str]:
        """The URL of a database that is nobody else's meanwhile."""
        database = self._renewed() or self._made()
        yield database.url
        self._free.append(database)

    def close(self) -> None:
        """Drop them all."""
        while self._free:
            self._drop(self._free.pop())

    def _renewed(self) -> _Database | None:
        # Not until it is asked for again: whoever still writes to it has had the time to end.
        while self._free:
            database = self._free.pop()
            if database.is_renewed():
                return database
            self._drop(database)
        return None

    def _made(self) -> _Database:
        name = f"greenroom_{uuid4().hex}"
        self._execute("CREATE DATABASE {}", name)
        # No test cuts the power: what was committed outlives every program, also before it is on disk.
        self._execute("ALTER DATABASE {} SET synchronous_commit = off", name)
        url = urlunsplit(urlsplit(self.server)._replace(path=f"/{name}"))
        self.prepare(url)
        return _Database.new(name, url)

    def _drop(self, database: _Database) -> None:
        self._execute("DROP DATABASE {} WITH (FORCE)", database.name)

    def _execute(self, statement: LiteralString, name: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


@dataclass(frozen=True)
class _Database:
    name: str
    url: str
    tables: Sequence[str]
    filled: Sequence[str]
    """Those of the tables that have rows from the beginning, which are kept."""
    traces: Sequence[Any]

    @classmethod
    def new(cls, name: str, url: str) -> _Database:
        with psycopg.connect(url, autocommit=True) as connection:
            tables = [table for (table,) in connection.execute(TABLES)]
            filled = [table for table in tables if connection.execute(_about("SELECT 1 FROM {}", table)).fetchone()]
            return cls(name, url, tables, filled, _traces(connection, filled))

    def is_renewed(self) -> bool:
        """Take out what was put into it; answers whether it is as new then."""
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                while connection.execute(OTHERS).fetchall():
                    time.sleep(0.001)
                self._clear(connection)
                return _traces(connection, self.filled) == self.traces
        except psycopg.Error:
            return False

    def _clear(self, connection: Connection) -> None:
        if not self.tables:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            return
        # Neither triggers nor references get in the way of this one.
        connection.execute("SET session_replication_role = replica")
        for table in self.tables:
            if table not in self.filled:
                connection.execute(_about("DELETE FROM {}", table))
        connection.execute("SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence")


def _traces(connection: Connection, filled: Sequence[str]) -> Sequence[Any]:
    """What any change leaves behind: of the schema, the settings, or the rows of these tables."""
    written: LiteralString = "SELECT count(*), max(xmin::text::bigint) FROM {}"
    return [
        *connection.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp' ORDER BY 1"),
        *connection.execute(SETTINGS),
        *(connection.execute(_about(written, table)).fetchone() for table in (*CATALOGS, *filled)),
    ]


def _about(statement: LiteralString, table: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(table))
