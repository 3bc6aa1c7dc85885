import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import product
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, inspect

from greenroom.infrastructure import (
    Append,
    Committed,
    Database,
    DatabaseSettings,
    DatabaseUrl,
    EventStore,
    Insert,
    Recorded,
    Refused,
    WrongVersion,
    append_in_turn,
    events_table,
    migrate,
    migrations_of,
)
from greenroom.infrastructure.database.connector import connector
from greenroom.testing import Tree
from tests.greenroom.infrastructure.event_store.append_some import CALLERS
from tests.greenroom.infrastructure.event_store.gigs import (
    CODEC,
    Booked,
    GigEvent,
    Paid,
    create_tables,
    gigs,
)

ROUNDS = 12
PROGRAM = [sys.executable, "-m", "tests.greenroom.infrastructure.event_store.append_some"]


def test_the_table_has_the_columns_that_the_description_has(url: DatabaseUrl) -> None:
    with closing(connector(url, DatabaseSettings()).writer()) as session, session.schema_change() as connection:
        found = {column["name"]: column["nullable"] for column in inspect(connection).get_columns("events")}

    assert list(found) == events_table.columns.keys()
    # SQLite's own number of a row is never NULL, whatever it says.
    assert {name for name, nullable in found.items() if nullable} - {"position"} == {"correlation_id", "causation_id"}


@pytest.mark.parametrize("kind", ["file", "postgresql"])
def test_gigbooks_migrations_make_the_table(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    address = str(tmp_path / "test.db") if kind == "file" else request.getfixturevalue("postgres_url")

    migrate(address, migrations_of("gigbook"))

    url = DatabaseUrl.parse(address)
    with closing(connector(url, DatabaseSettings()).writer()) as session, session.schema_change() as connection:
        assert inspect(connection).has_table("events")


@pytest.fixture
def servers(url: DatabaseUrl) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two that append to the same streams, from the same moment on."""
    address = url.address.replace("postgresql+psycopg", "postgresql")
    with ExitStack() as stack:
        programs = [
            stack.enter_context(
                subprocess.Popen([*PROGRAM, address, name, str(ROUNDS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            for name in ("north", "south")
        ]
        for program in programs:
            assert program.stdout is not None
            assert program.stdout.readline() == b"ready\n"
        for program in programs:
            assert program.stdin is not None
            program.stdin.write(b"go\n")
            program.stdin.flush()
        yield programs


async def test_two_servers_that_append_leave_no_gap_and_hide_nothing_from_a_follower(
    tree: Tree, url: DatabaseUrl, servers: list[subprocess.Popen[bytes]]
) -> None:
    store = EventStore(await tree.start(Database, url), CODEC, poll=0.005, page=7)

    # It reads while they write: what a position hides that is not committed yet would be lost here.
    follower = store.follow()
    followed = [await anext(follower) for _ in range(2 * CALLERS * ROUNDS)]

    assert [server.wait() for server in servers] == [0, 0]
    assert [each.position for each in followed] == list(range(1, len(followed) + 1))
    assert followed == await store.read()
    everything = product(("north", "south"), range(CALLERS), range(ROUNDS))
    assert names(followed) == {f"{server}/{caller}/{nth}" for server, caller, nth in everything}
    for stream in {each.stream for each in followed}:
        versions = [each.version for each in followed if each.stream == stream]
        assert versions == list(range(1, len(versions) + 1))


def names(recorded: Sequence[Recorded[GigEvent]]) -> set[str]:
    return {each.event.artist for each in recorded if isinstance(each.event, Booked)}


# Against a model of a few lines.

WORK = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 3),
        st.none() | st.integers(0, 6),
        st.sampled_from(["alone", "with a change", "with a refused change"]),
    ),
    max_size=20,
)


async def carry_out(
    store: EventStore[GigEvent], append: Append[GigEvent], company: str
) -> Committed[GigEvent] | WrongVersion | Refused:
    match company:
        case "with a change":
            return await store.transact(Insert(gigs, {"artist": f"artist {id(append)}"}), append)
        case "with a refused change":
            return await store.transact(append, Insert(gigs, {"artist": None}))
        case _:
            return await store.transact(append)


@settings(max_examples=50)
@given(WORK)
async def test_streams_and_positions_are_those_of_a_list(work: list[tuple[str, int, int | None, str]]) -> None:
    url = DatabaseUrl.parse(":memory:")
    create_tables(url)
    database = await Database.start(url)
    store: EventStore[GigEvent] = EventStore(database, CODEC)
    log: list[tuple[str, GigEvent]] = []
    kept: list[Append[GigEvent]] = []
    for nth, (stream, count, expected, company) in enumerate(work):
        append = Append[GigEvent](stream, [Paid(100 * nth + n) for n in range(count)], expected)
        kept.append(append)
        actual = sum(name == stream for name, _ in log)

        outcome = await carry_out(store, append, company)

        if expected not in {None, actual} and count:
            assert outcome == WrongVersion(stream, expected or 0, actual)
        elif company == "with a refused change":
            assert isinstance(outcome, Refused)
        else:
            assert isinstance(outcome, Committed)
            log += [(stream, event) for event in append.events]

    found = await store.read()
    assert [(each.position, each.stream, each.event) for each in found] == [
        (position, stream, event) for position, (stream, event) in enumerate(log, start=1)
    ]
    for stream in "abc":
        assert await store.read_stream(stream) == [each for each in found if each.stream == stream]
        assert await store.version(stream) == sum(each.stream == stream for each in found)
    await database.stop()


def test_whoever_changes_a_table_that_appends_in_turn_waits_for_the_turn_and_not_for_a_row(postgres_url: str) -> None:
    url = DatabaseUrl.parse(postgres_url)
    create_tables(url)
    with closing(connector(url, DatabaseSettings()).writer()) as session, session.schema_change() as connection:
        append_in_turn(connection, "gigs")
        connection.execute(insert(gigs).values(id=1, artist="Nina"))

    with psycopg.connect(postgres_url) as one, ThreadPoolExecutor() as threads:
        one.execute(EVENT, ["one"])
        other = threads.submit(change_and_append, postgres_url)
        wait_for_a_lock(postgres_url)
        one.execute(CHANGE)
        one.commit()
        other.result()

    with psycopg.connect(postgres_url) as connection_:
        assert connection_.execute("SELECT version FROM gigs").fetchall() == [(3,)]
        assert connection_.execute("SELECT id FROM events ORDER BY position").fetchall() == [("one",), ("other",)]


CHANGE = "UPDATE gigs SET version = version + 1 WHERE id = 1"
EVENT = (
    "INSERT INTO events (id, stream, version, type, schema, payload, recorded_at)"
    " VALUES (%s, 'gig:1', NULL, 'Booked', 1, '{}', now())"
)


def change_and_append(url: str) -> None:
    with psycopg.connect(url) as other:
        other.execute(CHANGE)
        other.execute(EVENT, ["other"])


def wait_for_a_lock(url: str) -> None:
    """Until another connection waits for one."""
    here = "(SELECT oid FROM pg_database WHERE datname = current_database())"
    waiting = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND (database = {here} OR database IS NULL)"
    with psycopg.connect(url, autocommit=True) as watcher:
        while watcher.execute(waiting).fetchone() == (0,):
            pass
