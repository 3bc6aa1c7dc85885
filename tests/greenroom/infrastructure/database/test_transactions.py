"""Several changes that are carried out together, and many that are handed over together."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, delete, insert, select, update

from greenroom import Ref
from greenroom.infrastructure import (
    Conflict,
    Database,
    DatabaseError,
    Delete,
    Execute,
    Insert,
    Invalid,
    NotFound,
    Refused,
    Returning,
    Row,
    Step,
    Update,
)
from greenroom.infrastructure.database.task import Transaction
from greenroom.testing import Stage
from tests.greenroom.infrastructure.database.tables import bookings, row, tickets, venues

NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


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


class Clumsy(Returning):
    """Makes a mistake when it is told that all is stored."""

    def committed(self) -> None:
        raise ValueError("a mistake")


async def test_a_step_that_fails_when_it_is_told_keeps_nobody_from_an_answer(
    stage: Stage, database: Ref[Database]
) -> None:
    answers = await asyncio.gather(
        *(database.call(Database.transact, Clumsy(Insert(venues, {"name": f"V{n}"}))) for n in range(3)),
        database.call(Database.insert, venues, {"name": "Blue Note"}),
    )

    assert len(answers) == 4
    assert len(await database.call(Database.select, select(venues))) == 4
    assert [("a mistake" in error) for error in stage.errors] == [True] * 3
    stage.errors.clear()


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
