"""A process that is killed with `kill -9` loses nothing that it answered."""

import os
import signal
import sqlite3
from pathlib import Path

import psycopg
import pytest

from greenroom.infrastructure import DatabaseUrl
from tests.forking import fork
from tests.greenroom.infrastructure.database.tables import create_tables

ROUNDS = 50
ANSWERS = 100
PROGRAM = "tests.greenroom.infrastructure.database.insert_forever"


def insert_until_killed(url: str) -> set[tuple[int, str]]:
    """Start a program that inserts, kill it in the middle, and tell which rows it was answered."""
    out, its_out = os.pipe()
    program = fork(PROGRAM, url, stdio=(0, its_out, 2))
    os.close(its_out)
    with os.fdopen(out, "rb") as said:
        lines = [said.readline() for _ in range(ANSWERS)]
        program.send_signal(signal.SIGKILL)
        # What is in the pipe was answered too.
        lines += said.read().splitlines(keepends=True)
    assert program.wait() == -signal.SIGKILL
    return {parsed(line.decode()) for line in lines if line.endswith(b"\n")}


def parsed(line: str) -> tuple[int, str]:
    key, name = line.split()
    return int(key), name


@pytest.mark.timeout(1200)
def test_sqlite_keeps_every_answered_row_when_its_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    create_tables(DatabaseUrl.parse(str(path)))
    answered: set[tuple[int, str]] = set()

    for _ in range(ROUNDS):
        answered |= insert_until_killed(str(path))

    connection = sqlite3.connect(path)
    found = set(connection.execute("SELECT id, name FROM venues"))
    (health,) = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    assert health == "ok"
    assert len(answered) >= ROUNDS * ANSWERS
    assert answered <= found


def test_postgresql_keeps_every_answered_row_when_its_client_is_killed(postgres_url: str) -> None:
    create_tables(DatabaseUrl.parse(postgres_url))
    answered: set[tuple[int, str]] = set()

    for _ in range(5):
        answered |= insert_until_killed(postgres_url)

    with psycopg.connect(postgres_url) as connection:
        found = set(connection.execute("SELECT id, name FROM venues").fetchall())
    assert answered <= found
