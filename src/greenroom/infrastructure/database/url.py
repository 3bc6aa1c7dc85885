"""Where a database is, as an operator writes it."""

import sqlite3
import weakref
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Literal

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_memories = count(1)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class DatabaseUrl:
    """A database's place: a SQLite file, memory, or a PostgreSQL server.

    `:memory:` parsed once and handed to several is one database for all of them; it lasts as long
    as the object does.

    >>> DatabaseUrl.parse("postgresql://clerk:secret@db.example/gigs").kind
    'postgresql'
    >>> print(DatabaseUrl.parse("postgresql://clerk:secret@db.example/gigs"))
    postgresql://clerk:***@db.example/gigs
    >>> print(DatabaseUrl.parse(":memory:"))
    :memory:
    """

    kind: Literal["file", "memory", "postgresql"]
    address: str = field(repr=False)
    label: str

    @classmethod
    def parse(cls, text: str) -> "DatabaseUrl":
        """Read `./customers.db`, `:memory:`, `sqlite:///…` or `postgresql://…`.

        A relative path is relative to the working directory of now.

        Raises:
            ValueError: the text is none of these.
        """
        if text in {":memory:", "sqlite://", "sqlite:///:memory:"}:
            return _in_memory()
        if "://" not in text:
            return _in_file(text)
        url = _split(text)
        if url.get_backend_name() == "sqlite":
            return _in_file(_plain_path(url, text))
        if url.get_backend_name() in {"postgresql", "postgres"}:
            return _on_server(url)
        raise _refusal(text)

    def __str__(self) -> str:
        return self.label


def _in_memory() -> DatabaseUrl:
    address = f"file:/greenroom-{next(_memories)}?vfs=memdb"
    url = DatabaseUrl("memory", address, ":memory:")
    # SQLite drops the database with its last connection, and processes come and go.
    anchor = sqlite3.connect(address, uri=True, check_same_thread=False)
    weakref.finalize(url, anchor.close)
    return url


def _in_file(path: str) -> DatabaseUrl:
    if not path or "\0" in path:
        raise _refusal(path)
    return DatabaseUrl("file", str(Path(path).expanduser().absolute()), path)


def _on_server(url: URL) -> DatabaseUrl:
    driver = url.set(drivername="postgresql+psycopg")
    label = url.set(drivername="postgresql").render_as_string(hide_password=True)
    return DatabaseUrl("postgresql", driver.render_as_string(hide_password=False), label)


def _split(text: str) -> URL:
    try:
        return make_url(text)
    except (ArgumentError, ValueError):
        raise _refusal(text) from None


def _plain_path(url: URL, text: str) -> str:
    if url.query or url.host or not url.database:
        raise _refusal(text)
    return url.database


def _refusal(text: str) -> ValueError:
    # What stands before an @ may be a password.
    shown = text.rpartition("@")[2]
    return ValueError(
        "expected a database such as ./customers.db, :memory:, sqlite:///customers.db or "
        f"postgresql://user@host/name, got {shown!r}"
    )
