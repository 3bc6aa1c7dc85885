"""Reads by key that start in the same turn are one query."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

from greenroom import Ref
from greenroom.infrastructure import Database, DatabaseError, Key, NotFound
from greenroom.infrastructure.database.loads import Loads
from greenroom.infrastructure.database.task import Done, Load
from tests.greenroom.infrastructure.database.tables import bookings, row, venues


@dataclass
class Shelf:
    """Notes the queries, and answers with rows for even keys."""

    queries: list[tuple[Key, ...]] = field(default_factory=list[tuple[Key, ...]])

    def read(self, load: Load, done: Done) -> None:
        self.queries.append(load.keys)
        done({key: {"id": key} for key in load.keys if cast("int", key) % 2 == 0})


def get(loads: Loads, key: Key) -> asyncio.Future[object]:
    answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    loads.get(venues, key, answer.set_result)
    return answer


async def test_keys_of_one_turn_are_one_query() -> None:
    shelf = Shelf()
    loads = Loads(asyncio.get_running_loop(), shelf.read)

    answers = await asyncio.gather(*(get(loads, key) for key in (2, 3, 4)))

    assert shelf.queries == [(2, 3, 4)]
    assert answers == [{"id": 2}, NotFound("venues", 3), {"id": 4}]


async def test_a_key_that_many_ask_for_is_read_once() -> None:
    shelf = Shelf()
    loads = Loads(asyncio.get_running_loop(), shelf.read)

    answers = await asyncio.gather(*(get(loads, 2) for _ in range(100)))

    assert shelf.queries == [(2,)]
    assert answers == [{"id": 2}] * 100


async def test_a_later_turn_asks_again() -> None:
    shelf = Shelf()
    loads = Loads(asyncio.get_running_loop(), shelf.read)

    await get(loads, 2)
    await get(loads, 2)

    assert shelf.queries == [(2,), (2,)]


async def test_very_many_keys_are_several_queries() -> None:
    shelf = Shelf()
    loads = Loads(asyncio.get_running_loop(), shelf.read)

    answers = await asyncio.gather(*(get(loads, key) for key in range(0, 2600, 2)))

    assert [len(keys) for keys in shelf.queries] == [512, 512, 276]
    assert answers == [{"id": key} for key in range(0, 2600, 2)]


async def test_many_rows_are_found_by_their_keys(database: Ref[Database]) -> None:
    await asyncio.gather(*(database.call(Database.insert, venues, {"name": f"V{n}"}) for n in range(1, 151)))

    found = await asyncio.gather(*(database.call(Database.get, venues, key) for key in range(1, 201)))

    assert [row(answer)["name"] for answer in found[:150]] == [f"V{n}" for n in range(1, 151)]
    assert found[150:] == [NotFound("venues", key) for key in range(151, 201)]


async def test_rows_of_several_tables_are_loaded_side_by_side(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})
    await database.call(Database.insert, bookings, {"id": "a", "venue_id": 1, "slot": 1, "artist": "Nina"})

    venue, booking, none = await asyncio.gather(
        database.call(Database.get, venues, 1),
        database.call(Database.get, bookings, "a"),
        database.call(Database.get, bookings, "b"),
    )

    assert (row(venue)["name"], row(booking)["artist"], none) == ("Blue Note", "Nina", NotFound("bookings", "b"))


async def test_a_key_of_a_wrong_kind_does_not_spoil_the_others_query(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})

    answers = await asyncio.gather(
        database.call(Database.get, venues, 1), database.call(Database.get, venues, "x"), return_exceptions=True
    )

    assert row(answers[0])["name"] == "Blue Note"
    assert isinstance(answers[1], NotFound | DatabaseError)
