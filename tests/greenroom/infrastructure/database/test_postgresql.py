"""What happens to a connection to PostgreSQL, and how many changes share a statement there."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import psycopg
import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, insert, select

from greenroom import Ref, StartFailed
from greenroom.infrastructure import (
    Conflict,
    Database,
    DatabaseError,
    DatabaseSettings,
    DatabaseUrl,
    Execute,
    Healthy,
    Insert,
    Invalid,
    NotFound,
    Stale,
    Update,
)
from greenroom.infrastructure.database.bulk import runs
from greenroom.infrastructure.database.change import Change, Delete
from greenroom.infrastructure.database.connector import connector
from greenroom.infrastructure.database.session import Session
from greenroom.testing import Tree
from tests.greenroom.infrastructure.database.tables import bookings, create_tables, row, tickets, venues

acts = Table(
    "acts", MetaData(), Column("id", Integer, primary_key=True), Column("before", Integer, ForeignKey("acts.id"))
)

TERMINATE = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'greenroom'
"""

CLOSED = """
    CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'this venue is closed'; END $$;
    CREATE TRIGGER closed BEFORE INSERT ON venues FOR EACH ROW WHEN (NEW.name = 'closed') EXECUTE FUNCTION closed()
"""


@pytest.fixture
def url(postgres_url: str) -> DatabaseUrl:
    return DatabaseUrl.parse(postgres_url)


def terminate(postgres_url: str) -> int:
    """End all of Greenroom's connections, as a server that restarts does; answers how many there were."""
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute(TERMINATE).fetchone()
    return found[0] if found else 0


async def test_a_connection_that_is_ended_while_nothing_goes_on_costs_nobody_anything(
    database: Ref[Database], postgres_url: str
) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})
    assert row(await database.call(Database.get, venues, 1))
    assert await asyncio.to_thread(terminate, postgres_url) == 2

    assert row(await database.call(Database.get, venues, 1))["name"] == "Blue Note"
    assert row(await database.call(Database.insert, venues, {"name": "Vanguard"}))
    assert await database.call(Database.health) == Healthy()


def test_who_waits_for_a_server_that_vanished_is_told_within_15_seconds(
    url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, int] = {}
    connect = psycopg.Connection.connect

    def note(*place: str, **options: Any) -> psycopg.Connection:
        asked.update(options)
        return connect(*place, **options)

    monkeypatch.setattr(psycopg, "connect", note)
    connector(url, DatabaseSettings()).reader().close()

    # There is no network here that could be cut: the system looks after so many seconds.
    assert asked["keepalives_idle"] + asked["keepalives_interval"] * asked["keepalives_count"] == 15
    assert asked["tcp_user_timeout"] == 15_000


async def test_what_a_trigger_forbids_is_refused_and_no_failure(database: Ref[Database], postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute(CLOSED)

    refusal = await database.call(Database.insert, venues, {"name": "closed"})

    assert refusal == Invalid("venues", "check", (), "", "this venue is closed")


async def test_a_value_that_is_too_long_for_its_index_is_refused_and_no_failure(database: Ref[Database]) -> None:
    # What can be compressed would fit.
    name = "".join(map(chr, range(0x4E00, 0x4E00 + 9000)))

    refusal = await database.call(Database.insert, venues, {"name": name})

    assert isinstance(refusal, Invalid)
    assert (refusal.table, refusal.rule) == ("venues", "too_long")


async def test_connections_that_are_ended_under_load_lose_nothing_that_was_answered(
    database: Ref[Database], postgres_url: str
) -> None:
    stored: list[str] = []
    refused: list[str] = []
    uncertain: list[str] = []
    over = asyncio.Event()

    async def keep_inserting(caller: int) -> None:
        n = 0
        while not over.is_set():
            n += 1
            name = f"{caller}/{n}"
            try:
                await database.call(Database.insert, venues, {"name": name})
            except DatabaseError as failure:
                (uncertain if failure.maybe_applied else refused).append(name)
                await asyncio.sleep(0.001)
            else:
                stored.append(name)

    inserting = asyncio.gather(*(keep_inserting(caller) for caller in range(20)))
    for _ in range(10):
        before = len(stored)
        await asyncio.to_thread(terminate, postgres_url)
        while len(stored) == before:  # noqa: ASYNC110  # nothing tells of the next row that is stored
            await asyncio.sleep(0.01)
    over.set()
    await inserting
    # The last blow may have met the last insert; the database finds back by itself, with nobody asking for anything.
    while await database.call(Database.health) != Healthy():  # noqa: ASYNC110  # nothing tells of its recovery
        await asyncio.sleep(0.01)

    found = {row["name"] for row in await database.call(Database.select, select(venues.c.name))}
    assert found >= set(stored)
    assert found <= {*stored, *uncertain}
    assert not found & set(refused)


async def test_a_server_that_is_not_there_fails_the_start(tree: Tree, unused_port: int) -> None:
    with pytest.raises(StartFailed, match="lost: connection failed"):
        await tree.start(Database, f"postgresql://nobody:secret@127.0.0.1:{unused_port}/gigs")


async def test_a_password_is_never_shown(tree: Tree, unused_port: int) -> None:
    with pytest.raises(StartFailed) as raised:
        await tree.start(Database, f"postgresql://nobody:secret@127.0.0.1:{unused_port}/gigs")

    assert "secret" not in str(raised.value)


async def test_text_that_postgresql_can_not_hold_is_invalid(database: Ref[Database]) -> None:
    refused, added = await asyncio.gather(
        database.call(Database.insert, venues, {"name": "Blue\0Note"}),
        database.call(Database.insert, venues, {"name": "Vanguard"}),
    )

    assert isinstance(refused, Invalid)
    assert refused.rule == "type"
    assert row(added)


async def test_text_that_is_too_long_is_invalid(database: Ref[Database]) -> None:
    refused = await database.call(Database.insert, venues, {"name": "Blue Note", "city": "x" * 21})

    assert isinstance(refused, Invalid)
    assert refused.rule == "too_long"


async def test_a_reader_can_not_write(database: Ref[Database]) -> None:
    with pytest.raises(DatabaseError, match="read-only transaction"):
        await database.call(Database.select, insert(venues).values(name="Blue Note").returning(venues.c.id))  # type: ignore[arg-type]  # what a checker would not allow


# Many changes in one statement.


@pytest.fixture
def session(url: DatabaseUrl) -> Iterator[Session]:
    create_tables(url)
    with closing(connector(url, DatabaseSettings()).writer()) as session:
        session.begin()
        yield session


def changes(*names: str) -> Sequence[Change]:
    return [Insert(venues, {"name": name}) for name in names]


def test_rows_are_answered_in_the_order_of_their_changes(session: Session) -> None:
    answers = session.carry_out(changes(*(f"V{n}" for n in range(100, 0, -1))))

    assert [row(answer)["name"] for answer in answers] == [f"V{n}" for n in range(100, 0, -1)]
    assert [row(answer)["id"] for answer in answers] == list(range(1, 101))


def test_rows_with_keys_of_their_own_are_answered_in_the_order_of_their_changes(session: Session) -> None:
    answers = session.carry_out([Insert(venues, {"id": 100 - n, "name": f"V{n}"}) for n in range(50)])

    assert [row(answer)["id"] for answer in answers] == list(range(100, 50, -1))


@pytest.mark.parametrize("bad", [{0}, {63}, {1, 2, 40}, set(range(64))])
def test_each_change_that_is_refused_is_found(session: Session, bad: set[int]) -> None:
    answers = session.carry_out([Insert(venues, {"name": None if n in bad else f"V{n}"}) for n in range(64)])

    assert {n for n, answer in enumerate(answers) if isinstance(answer, Invalid)} == bad
    assert {row(answer)["name"] for answer in answers if not isinstance(answer, Invalid)} == {
        f"V{n}" for n in range(64) if n not in bad
    }


def test_updates_in_one_statement_answer_each_for_itself(session: Session) -> None:
    session.carry_out(changes("A", "B", "C", "D"))

    answers = session.carry_out(
        [
            Update(venues, 1, {"city": "Paris"}, 1),
            Update(venues, 9, {"city": "Rome"}, 1),
            Update(venues, 2, {"city": None}, 7),
            Update(venues, 3, {"city": "Oslo"}, 1),
        ]
    )

    assert row(answers[0])["city"] == "Paris"
    assert answers[1:3] == [NotFound("venues", 9), Stale("venues", 2, 7, 1)]
    assert (row(answers[3])["city"], row(answers[3])["version"]) == ("Oslo", 2)


def test_updates_with_keys_of_another_type_are_carried_out(session: Session) -> None:
    session.carry_out(changes("A", "B"))

    answers = session.carry_out([Update(venues, "1", {"city": "Paris"}), Update(venues, "2", {"city": "Rome"})])

    assert [row(answer)["city"] for answer in answers] == ["Paris", "Rome"]


def test_neighbours_of_one_shape_are_one_run() -> None:
    inserts = changes(*map(str, range(300)))

    assert [len(run) for run in runs(inserts)] == [256, 44]


def test_a_row_that_is_changed_twice_parts_the_run() -> None:
    first, second = Update(venues, 1, {"city": "Paris"}), Update(venues, 1, {"city": "Rome"})

    assert list(runs([first, second])) == [[first], [second]]


def test_changes_of_other_shapes_part_the_run() -> None:
    kinds: list[Change] = [
        Insert(venues, {"name": "A"}),
        Insert(venues, {"name": "B", "city": "Rome"}),
        Update(venues, 1, {"name": "C"}),
        Update(venues, 2, {"name": "C"}, 1),
        # Their neighbours may refer to them.
        Delete(venues, 1),
        Delete(venues, 2),
        Delete(tickets, 1),
        Delete(tickets, 2, optional=True),
        Insert(venues, {"id": 1, "name": "A"}),
        Insert(venues, {"id": 2, "name": "B"}, replace=True),
        # They refer to each other.
        Insert(acts, {"id": 1, "before": 2}),
        Insert(acts, {"id": 2, "before": None}),
        Execute(insert(venues).values(name="D")),
    ]

    assert list(runs(kinds)) == [[change] for change in kinds]


def test_what_is_deleted_in_one_statement_is_answered_each_for_itself(session: Session) -> None:
    session.carry_out(changes("A"))
    session.carry_out([Insert(bookings, {"id": "a", "venue_id": 1, "slot": 1, "artist": "Nina"})])
    session.carry_out([Insert(tickets, {"booking_id": "a"}) for _ in range(3)])

    answers = session.carry_out([Delete(tickets, id, optional=True) for id in (3, 9, 1)])
    demanded = session.carry_out([Delete(tickets, id) for id in (8, 2)])

    assert answers == [{"id": 3, "booking_id": "a"}, {}, {"id": 1, "booking_id": "a"}]
    assert demanded == [NotFound("tickets", 8), {"id": 2, "booking_id": "a"}]
    assert [len(run) for run in runs([Delete(tickets, id, optional=True) for id in (3, 9, 1, 3)])] == [3, 1]


def test_a_conflict_within_one_statement_spares_the_first(session: Session) -> None:
    first, second = session.carry_out(changes("A", "a"))

    assert row(first)["name"] == "A"
    assert isinstance(second, Conflict)
