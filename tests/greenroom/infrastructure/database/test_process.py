"""The database's operations, which are the same on every kind of database."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, delete, func, insert, select, text, update

from greenroom import CallError, Ref, ServerDown, StartFailed
from greenroom.infrastructure import (
    Conflict,
    Database,
    DatabaseError,
    DatabaseUrl,
    Delete,
    Execute,
    Healthy,
    Insert,
    Invalid,
    NotFound,
    Refused,
    Returning,
    Row,
    Stale,
    Step,
    Update,
)
from greenroom.infrastructure.database.task import Transaction
from greenroom.infrastructure.database.writer import Writer
from greenroom.testing import Tree, expected_crash, settle
from tests.greenroom.infrastructure.database.tables import bookings, row, tickets, venues

NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


async def test_insert_answers_with_the_row_and_what_the_database_filled_in(database: Ref[Database]) -> None:
    added = await database.call(Database.insert, venues, {"name": "Blue Note"})

    assert added == {"id": 1, "name": "Blue Note", "city": None, "seats": 100, "opened_at": None, "version": 1}


async def test_insert_answers_with_values_as_they_are_stored(database: Ref[Database]) -> None:
    given = {"name": "Blue Note", "city": None, "seats": 3, "opened_at": NOON, "version": 4}

    added = row(await database.call(Database.insert, venues, given))

    assert added["opened_at"] == NOON.replace(microsecond=123000)
    assert await database.call(Database.get, venues, added["id"]) == added


async def test_a_time_of_another_zone_is_stored_in_utc(database: Ref[Database]) -> None:
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))

    added = row(await database.call(Database.insert, venues, {"name": "Blue Note", "opened_at": tokyo}))

    assert added["opened_at"].isoformat() == "2026-11-21T12:00:00.123000+00:00"


async def test_a_taken_value_is_a_conflict_that_names_the_constraint_and_the_columns(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})

    refused = await database.call(Database.insert, venues, {"name": "BLUE NOTE"})

    assert refused == Conflict("venues", "idx_venues_name", ("name",))


async def test_a_taken_primary_key_is_a_conflict(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})
    booking = {"id": "a", "venue_id": 1, "slot": 1, "artist": "Nina"}
    await database.call(Database.insert, bookings, booking)

    refused = await database.call(Database.insert, bookings, {**booking, "slot": 2})

    assert refused == Conflict("bookings", "bookings_pkey", ("id",))


async def test_a_conflict_over_several_columns_names_them_all(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})
    booking = {"id": "a", "venue_id": 1, "slot": 1, "artist": "Nina"}
    await database.call(Database.insert, bookings, booking)

    refused = await database.call(Database.insert, bookings, {**booking, "id": "b"})

    assert refused == Conflict("bookings", "one_booking_a_slot", ("venue_id", "slot"))
    assert isinstance(refused, Conflict)
    assert refused.covers("slot")
    assert not refused.covers("artist")


@pytest.mark.parametrize(
    ("values", "rule", "columns", "constraint"),
    [
        ({"name": None}, "missing", ("name",), ""),
        ({"name": "Blue Note", "seats": -1}, "check", (), "seats_not_negative"),
        ({"name": "\ud800"}, "type", (), ""),
        ({"name": "Blue Note", "opened_at": NOON.replace(tzinfo=None)}, "type", ("opened_at",), ""),
        ({"name": "Blue Note", "seats": 2**70}, "type", (), ""),
    ],
)
async def test_a_value_that_the_table_forbids_is_invalid(
    database: Ref[Database], values: dict[str, object], rule: str, columns: tuple[str, ...], constraint: str
) -> None:
    refused = await database.call(Database.insert, venues, values)

    assert isinstance(refused, Invalid)
    assert (refused.table, refused.rule, refused.columns) == ("venues", rule, columns)
    assert refused.constraint == constraint
    assert refused.message


async def test_a_reference_to_a_row_that_is_not_there_is_invalid(database: Ref[Database]) -> None:
    refused = await database.call(Database.insert, bookings, {"id": "a", "venue_id": 7, "slot": 1, "artist": "Nina"})

    assert isinstance(refused, Invalid)
    assert refused.rule == "reference"


async def test_a_row_that_others_refer_to_can_not_be_deleted(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})
    await database.call(Database.insert, bookings, {"id": "a", "venue_id": 1, "slot": 1, "artist": "Nina"})

    refused = await database.call(Database.delete, venues, 1)

    assert isinstance(refused, Conflict)
    assert row(await database.call(Database.get, venues, 1))["name"] == "Blue Note"


async def test_get_answers_not_found_for_a_key_that_no_row_has(database: Ref[Database]) -> None:
    assert await database.call(Database.get, venues, 7) == NotFound("venues", 7)


async def test_update_answers_with_the_whole_row_and_raises_the_version(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})

    changed = await database.call(Database.update, venues, 1, {"city": "New York"})

    assert changed == {
        "id": 1, "name": "Blue Note", "city": "New York", "seats": 100, "opened_at": None, "version": 2,
    }  # fmt: skip


async def test_update_of_every_column_answers_with_the_row_as_it_is_stored(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})
    values = {"name": "Vanguard", "city": "Paris", "seats": 5, "opened_at": NOON}

    changed = row(await database.call(Database.update, venues, 1, values, version=1))

    assert changed["version"] == 2
    assert changed == await database.call(Database.get, venues, 1)


async def test_update_from_another_version_is_stale_and_changes_nothing(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})
    first = await database.call(Database.update, venues, 1, {"city": "Paris"}, version=1)

    second = await database.call(Database.update, venues, 1, {"city": "Rome"}, version=1)

    assert second == Stale("venues", 1, expected=1, actual=2)
    assert await database.call(Database.get, venues, 1) == first


@pytest.mark.parametrize("version", [None, 1])
async def test_update_of_no_row_is_not_found(database: Ref[Database], version: int | None) -> None:
    assert await database.call(Database.update, venues, 7, {"city": "Rome"}, version=version) == NotFound("venues", 7)


async def test_update_to_a_taken_value_is_a_conflict(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})
    await database.call(Database.insert, venues, {"name": "Vanguard"})

    refused = await database.call(Database.update, venues, 2, {"name": "blue note"}, version=1)

    assert refused == Conflict("venues", "idx_venues_name", ("name",))


async def test_delete_answers_with_the_row_that_was(database: Ref[Database]) -> None:
    added = await database.call(Database.insert, venues, {"name": "Blue Note"})

    assert await database.call(Database.delete, venues, 1, version=2) == Stale("venues", 1, expected=2, actual=1)
    assert await database.call(Database.delete, venues, 1, version=1) == added
    assert await database.call(Database.delete, venues, 1) == NotFound("venues", 1)


async def test_a_row_may_take_the_place_of_the_one_that_has_its_key(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note", "city": "Paris"})
    values = [{"id": id, "name": f"V{id}"} for id in (1, 2, 3)]

    replaced = await database.call(Database.write, [Insert(venues, each, replace=True) for each in values])

    assert [(row(each)["id"], row(each)["name"], row(each)["city"]) for each in replaced] == [
        (1, "V1", "Paris"),
        (2, "V2", None),
        (3, "V3", None),
    ]
    assert [row(each) for each in replaced] == await database.call(Database.select, select(venues).order_by("id"))


async def test_a_row_that_may_be_missing_is_deleted_if_it_is_there(database: Ref[Database]) -> None:
    added = row(await database.call(Database.insert, venues, {"name": "Blue Note"}))

    gone, missing = await database.call(Database.write, [Delete(venues, id, optional=True) for id in (1, 2)])
    (alone,) = await database.call(Database.write, [Delete(venues, 1, optional=True)])

    assert (gone, missing, alone) == (added, {}, {})


async def test_keys_of_deleted_rows_are_not_given_again(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})
    await database.call(Database.delete, venues, 1)

    assert row(await database.call(Database.insert, venues, {"name": "Blue Note"}))["id"] == 2


async def test_select_answers_with_the_rows_of_any_query(database: Ref[Database]) -> None:
    for name in ("Blue Note", "Vanguard"):
        await database.call(Database.insert, venues, {"name": name, "opened_at": NOON})

    found = await database.call(
        Database.select, select(venues.c.name, func.count().over().label("total")).where(venues.c.opened_at <= NOON)
    )

    assert sorted(row["name"] for row in found) == ["Blue Note", "Vanguard"]
    assert {row["total"] for row in found} == {2}


async def test_a_wrong_query_fails_at_its_sender_alone(database: Ref[Database]) -> None:
    with pytest.raises(DatabaseError, match="nonsense") as raised:
        await database.call(Database.select, select(text("nonsense")))

    assert raised.value.reason == "statement"
    assert raised.value.retry_is_safe
    assert await database.call(Database.select, select(venues.c.id)) == []
    assert await database.call(Database.health) == Healthy()


async def test_an_unknown_column_fails_at_its_sender_alone(database: Ref[Database]) -> None:
    with pytest.raises(DatabaseError, match="expected columns of venues, got 'nmae'"):
        await database.call(Database.insert, venues, {"nmae": "Blue Note"})

    assert await database.call(Database.health) == Healthy()


async def test_a_version_is_refused_where_the_table_has_none(database: Ref[Database]) -> None:
    with pytest.raises(DatabaseError, match="expected bookings to have a column 'version'"):
        await database.call(Database.update, bookings, "a", {"artist": "Nina"}, version=1)


async def test_sql_in_a_value_is_a_value(database: Ref[Database]) -> None:
    name = "'); DROP TABLE venues; -- %s :name $1"

    added = row(await database.call(Database.insert, venues, {"name": name}))

    assert added["name"] == name
    assert await database.call(Database.get, venues, 1) == added


# Transactions.


async def test_a_transaction_carries_out_all_its_steps(database: Ref[Database]) -> None:
    def book(rows: Sequence[Row]) -> Insert:
        return Insert(bookings, {"id": "a", "venue_id": rows[0]["id"], "slot": 1, "artist": "Nina"})

    steps: list[Step] = [Insert(venues, {"name": "Blue Note"}), book, lambda rows: Update(venues, 1, {"city": "Paris"})]
    rows = await database.call(Database.transact, *steps)

    assert isinstance(rows, tuple)
    assert [row["id"] for row in rows] == [1, "a", 1]
    assert rows[2] == await database.call(Database.get, venues, 1)


async def test_a_step_that_returns_its_row_gives_it_to_later_steps_and_to_who_made_it(database: Ref[Database]) -> None:
    def book(_: Sequence[Row]) -> Insert:
        return Insert(bookings, {"id": "a", "venue_id": venue.row["id"], "slot": 1, "artist": "Nina"})

    venue = Returning(Insert(venues, {"name": "Blue Note"}))
    booking = Returning(book)
    rows = await database.call(Database.transact, venue, booking)

    assert rows == (venue.row, booking.row)
    assert venue.row == await database.call(Database.get, venues, 1)
    assert booking.row["venue_id"] == 1


async def test_a_step_that_was_not_carried_out_has_no_row(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})
    city = Returning(Update(venues, 1, {"city": "Paris"}))

    await database.call(Database.transact, Insert(venues, {"name": "blue note"}), city)

    with pytest.raises(LookupError, match=r"expected a row of Update.*, but it was not carried out"):
        _ = city.row


async def test_who_does_not_ask_for_rows_gets_the_changes_without(database: Ref[Database]) -> None:
    names = [{"name": f"V{n}", "city": None, "seats": 1, "opened_at": NOON, "version": 1} for n in range(9)]
    added = await database.call(Database.write, [Insert(venues, values, row=False) for values in names])
    changed = await database.call(
        Database.write, [Update(venues, n, {"city": "Paris"}, 1, row=False) for n in (1, 2, 99)]
    )

    assert all(isinstance(answer, dict) for answer in (*added, *changed[:2]))
    assert changed[2] == NotFound("venues", 99)
    found = await database.call(Database.select, select(venues).order_by(venues.c.id))
    assert [(row["name"], row["city"], row["version"]) for row in found[:3]] == [
        ("V0", "Paris", 2),
        ("V1", "Paris", 2),
        ("V2", None, 1),
    ]


async def test_a_transaction_that_is_refused_leaves_no_trace(database: Ref[Database]) -> None:
    refused = await database.call(
        Database.transact, Insert(venues, {"name": "Blue Note"}), Insert(venues, {"name": "blue note"})
    )

    assert refused == Refused(1, Conflict("venues", "idx_venues_name", ("name",)))
    assert await database.call(Database.select, select(venues)) == []


async def test_a_transaction_may_hold_any_statement(database: Ref[Database]) -> None:
    for name in ("Blue Note", "Vanguard"):
        await database.call(Database.insert, venues, {"name": name})

    rows = await database.call(
        Database.transact,
        Execute(update(venues).values(city="Paris").where(venues.c.name == "Vanguard").returning(venues.c.city)),
        Execute(delete(venues).where(venues.c.name == "Blue Note")),
        Execute(insert(venues).values(name="Village")),
    )

    assert rows == ({"city": "Paris"}, {}, {})
    found = await database.call(Database.select, select(venues.c.name).order_by(venues.c.name))
    assert [row["name"] for row in found] == ["Vanguard", "Village"]


async def test_a_statement_of_ones_own_is_refused_like_any_other(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})

    refused = await database.call(Database.transact, Execute(insert(venues).values(name="blue note")))

    assert refused == Refused(0, Conflict("venues", "idx_venues_name", ("name",)))


async def test_many_writes_in_one_request_are_answered_each_for_itself(database: Ref[Database]) -> None:
    blue = Insert(venues, {"name": "Blue Note"})
    nowhere = Insert(Table("nowhere", MetaData(), Column("id", Integer, primary_key=True)), {"id": 1})

    added, refused, wrong, several = await database.call(
        Database.write, [blue, blue, nowhere, Transaction((Update(venues, 1, {"city": "Paris"}), blue))]
    )

    assert row(added)["name"] == "Blue Note"
    assert isinstance(refused, Conflict)
    assert isinstance(wrong, DatabaseError)
    assert isinstance(several, Refused)
    assert await database.call(Database.write, []) == ()


async def test_a_step_that_raises_undoes_its_own_transaction_alone(database: Ref[Database]) -> None:
    def broken(rows: object) -> Delete:
        raise LookupError("no such thing")

    failed, added = await asyncio.gather(
        database.call(Database.transact, Insert(venues, {"name": "Blue Note"}), broken),
        database.call(Database.insert, venues, {"name": "Vanguard"}),
        return_exceptions=True,
    )

    assert isinstance(failed, DatabaseError)
    assert isinstance(failed.__cause__, LookupError)
    assert row(added)["name"] == "Vanguard"
    assert [row["name"] for row in await database.call(Database.select, select(venues))] == ["Vanguard"]


async def test_a_value_of_another_type_is_answered_as_it_is_stored(database: Ref[Database]) -> None:
    added = row(await database.call(Database.insert, venues, {"id": 1, "name": "Blue Note", "seats": True}))

    assert added["seats"] == 1
    assert added == await database.call(Database.get, venues, 1)


async def test_a_rule_that_is_checked_at_the_commit_refuses_its_own_change_alone(database: Ref[Database]) -> None:
    refused, added = await asyncio.gather(
        database.call(Database.insert, tickets, {"booking_id": "none"}),
        database.call(Database.insert, venues, {"name": "Vanguard"}),
    )

    assert isinstance(refused, Invalid)
    assert refused.rule == "reference"
    assert row(added)["name"] == "Vanguard"
    assert await database.call(Database.select, select(tickets)) == []


# Life and death.


async def test_a_url_of_no_database_fails_the_start(tree: Tree) -> None:
    with pytest.raises(StartFailed, match="expected a database such as"):
        await tree.start(Database, "mysql://localhost/gigs")


async def test_a_killed_database_comes_back_with_all_that_was_answered(
    tree: Tree, database: Ref[Database], url: DatabaseUrl
) -> None:
    answered = [row(await database.call(Database.insert, venues, {"name": f"V{n}"})) for n in range(5)]

    await tree.crash(database)

    found = await database.call(Database.select, select(venues).order_by(venues.c.id))
    assert found == answered
    assert row(await database.call(Database.insert, venues, {"name": "later"}))


async def test_a_kill_under_load_loses_nothing_that_was_answered(tree: Tree, database: Ref[Database]) -> None:
    answered: list[str] = []

    async def keep_inserting(caller: int) -> None:
        for n in range(60):
            try:
                added = await database.call(Database.insert, venues, {"name": f"{caller}/{n}"})
            except CallError:
                await asyncio.sleep(0)
            else:
                answered.append(row(added)["name"])

    inserting = asyncio.gather(*(keep_inserting(caller) for caller in range(8)))
    for _ in range(5):
        await database.call(Database.get, venues, 1)
        await tree.crash(database)
    await inserting

    found = await database.call(Database.select, select(venues.c.name))
    assert set(answered) <= {row["name"] for row in found}
    assert len(answered) > 100


async def test_a_killed_database_leaves_no_threads(tree: Tree, database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})
    await database.call(Database.get, venues, 1)
    before = {thread for thread in threading.enumerate() if thread.name.startswith("greenroom-database")}

    await tree.crash(database)

    for thread in before:
        await asyncio.to_thread(thread.join, 5)
    assert len(before) == 2
    assert not any(thread.is_alive() for thread in before)


async def test_a_thread_that_ends_by_a_fault_is_a_crash_of_the_process(
    tree: Tree, database: Ref[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = database.where()
    assert running is not None

    def broken(self: Writer) -> None:
        monkeypatch.undo()
        raise LookupError("as the test says")

    monkeypatch.setattr(Writer, "_check", broken)

    with expected_crash(LookupError), pytest.raises(ServerDown, match="as the test says"):
        await database.call(Database.insert, venues, {"name": "Blue Note"})
    await running.down()

    await settle()
    assert row(await database.call(Database.insert, venues, {"name": "Blue Note"}))


async def test_an_orderly_end_finishes_what_was_asked_for(
    tree: Tree, database: Ref[Database], url: DatabaseUrl
) -> None:
    inserting = [asyncio.ensure_future(database.call(Database.insert, venues, {"name": f"V{n}"})) for n in range(100)]
    await asyncio.sleep(0)

    await tree.stop(database)

    answers = await asyncio.gather(*inserting)
    assert {row(answer)["name"] for answer in answers} == {f"V{n}" for n in range(100)}
    database = await tree.start(Database, url)
    assert len(await database.call(Database.select, select(venues))) == 100
