"""The database's operations, which are the same on every kind of database."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import func, select, text

from greenroom import CallError, Ref, ServerDown, StartFailed
from greenroom.infrastructure import (
    Conflict,
    Database,
    DatabaseError,
    DatabaseUrl,
    Delete,
    Healthy,
    Insert,
    Invalid,
    NotFound,
    Stale,
)
from greenroom.infrastructure.database.writer import Writer
from greenroom.testing import Tree, expected_crash, settle
from tests.greenroom.infrastructure.database.tables import bookings, row, venues

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
        ({"name": object()}, "type", (), ""),
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
        await asyncio.to_thread(thread.join)
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
