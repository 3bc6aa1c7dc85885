"""Places of databases, as operators write them."""

import gc
import sqlite3
from pathlib import Path

import pytest

from greenroom.infrastructure import DatabaseUrl


@pytest.mark.parametrize(
    "text", ["customers.db", "./customers.db", "sqlite:///customers.db", "sqlite:///./customers.db"]
)
def test_a_path_names_a_file_in_the_working_directory(text: str) -> None:
    url = DatabaseUrl.parse(text)

    assert (url.kind, url.address) == ("file", str(Path.cwd() / "customers.db"))


def test_an_absolute_path_stays_as_it_is(tmp_path: Path) -> None:
    assert DatabaseUrl.parse(f"sqlite:///{tmp_path}/a.db").address == f"{tmp_path}/a.db"
    assert DatabaseUrl.parse(f"{tmp_path}/a.db").address == f"{tmp_path}/a.db"


@pytest.mark.parametrize(
    "text", ["postgresql://clerk@db/gigs", "postgres://clerk@db/gigs", "postgresql+psycopg://clerk@db/gigs"]
)
def test_a_server_is_spoken_to_with_psycopg(text: str) -> None:
    url = DatabaseUrl.parse(text)

    assert (url.kind, url.address) == ("postgresql", "postgresql+psycopg://clerk@db/gigs")


def test_a_password_is_used_and_never_shown() -> None:
    url = DatabaseUrl.parse("postgresql://clerk:s%40fe@db/gigs")

    assert "s%40fe" in url.address
    assert "s%40fe" not in f"{url} {url!r}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mysql://db/gigs",
        "http://x",
        "sqlite://host/x.db",
        "sqlite:///x.db?mode=ro",
        "a\0b",
        "postgresql://db:port/gigs",
        "://",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a database such as"):
        DatabaseUrl.parse(text)


def test_a_refusal_does_not_show_a_password() -> None:
    with pytest.raises(ValueError, match="expected a database") as raised:
        DatabaseUrl.parse("mysql://clerk:secret@db/gigs")

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("text", [":memory:", "sqlite://", "sqlite:///:memory:"])
def test_memory_lasts_as_long_as_its_url(text: str) -> None:
    url = DatabaseUrl.parse(text)
    address = url.address
    with sqlite3.connect(address, uri=True) as connection:
        connection.execute("CREATE TABLE found (id INTEGER)")
    connection.close()

    assert _tables(address) == ["found"]
    del url
    gc.collect()
    assert _tables(address) == []


def test_two_memories_are_two_databases() -> None:
    assert DatabaseUrl.parse(":memory:") != DatabaseUrl.parse(":memory:")


def _tables(address: str) -> list[str]:
    connection = sqlite3.connect(address, uri=True)
    found = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
    connection.close()
    return found
