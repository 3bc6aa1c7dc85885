from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from greenroom import Ref, StartFailed, child
from greenroom.infrastructure import (
    Columns,
    Database,
    DatabaseUrl,
    Entity,
    EntitySettings,
    Memory,
    Snapshots,
    UnknownSchema,
    UtcTimestamp,
    entities,
    entity_snapshots,
    migrate,
    migrations_of,
)
from greenroom.testing import Tree
from tests.greenroom.infrastructure.entity.venues import Diary, Venue, home, venues

AT = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass(frozen=True)
class Hall:
    """What is kept of a hall now; it had no city before, and its seats were called capacity."""

    seats: int
    city: str


HALLS = Snapshots(
    Hall,
    schema=3,
    upcasts={
        1: lambda old: {**old, "city": "New York"},
        2: lambda old: {"seats": old["capacity"], "city": old["city"]},
    },
)


def snapshot(schema: int, **data: object) -> dict[str, Any]:
    return {"id": "hall/7", "schema": schema, "data": msgspec.msgpack.encode(data)}


# Snapshots.


def test_a_snapshot_is_read_as_it_was_written() -> None:
    row = HALLS.write("hall", 7, Hall(2804, "New York"), AT)

    assert HALLS.read(row) == Hall(2804, "New York")
    assert HALLS.row_key("hall", 7) == "hall/7"
    assert (row["kind"], row["key"], row["schema"], row["updated_at"]) == ("hall", "7", 3, AT)


def test_older_snapshots_are_brought_up_in_steps() -> None:
    assert HALLS.read(snapshot(1, capacity=123)) == Hall(123, "New York")
    assert HALLS.read(snapshot(2, capacity=123, city="Paris")) == Hall(123, "Paris")


def test_a_snapshot_of_a_newer_release_is_refused() -> None:
    with pytest.raises(UnknownSchema, match="expected hall/7 to have a schema that leads to 3, got 4"):
        HALLS.read(snapshot(4, seats=1, city="Paris"))


def test_a_snapshot_that_nothing_leads_on_from_is_refused() -> None:
    with pytest.raises(UnknownSchema):
        Snapshots(Hall, schema=2).read(snapshot(1, capacity=123))


# Columns.


def test_a_table_for_entities_has_a_version() -> None:
    table = sa.Table("halls", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))

    with pytest.raises(ValueError, match="expected halls to have a column 'version'"):
        Columns(table, Diary)


def test_every_field_has_a_column() -> None:
    with pytest.raises(ValueError, match=r"expected venues to have all fields of Hall as columns.*'seats', 'city'"):
        Columns(venues, Hall)


def test_a_state_that_has_no_fields_needs_a_mapping() -> None:
    with pytest.raises(TypeError, match=r"expected a dataclass or a msgspec\.Struct, or both read and write"):
        Columns(venues, str)

    names = Columns(venues, str, read=lambda row: row["name"], write=lambda name: {"name": name, "plays": 0})
    assert names.read({"name": "Blue Note"}) == "Blue Note"
    assert names.write("venue", 7, "Birdland", AT) == {"name": "Birdland", "plays": 0}


@dataclass(frozen=True)
class Open:
    """A venue that is open."""

    seats: int


@dataclass(frozen=True)
class Shut:
    """A venue that is shut."""

    why: str


@dataclass(frozen=True)
class Door:
    """What MessagePack can not tell apart."""

    now: Open | Shut


@dataclass
class Gate(Entity[int, Door], kind="gate"):
    """Opens and shuts."""

    def initial(self) -> Door:
        return Door(Shut("new"))

    async def open(self, seats: int) -> Door:
        self.keep(Door(Open(seats)))
        return self.state


async def test_a_kind_that_does_not_hibernate_may_have_states_that_can_not_be_packed(tree: Tree) -> None:
    assert Columns(venues, Door, read=lambda row: Door(Open(row["plays"])), write=lambda _: {}).table is venues
    await tree.start_supervised(entities(Gate, Memory(Door)))

    assert await Gate.at(7).call(Gate.open, 3) == Door(Open(3))


def test_the_time_of_a_write_is_kept_where_there_is_a_column_for_it() -> None:
    table = sa.Table(
        "halls",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text),
        sa.Column("plays", sa.Integer),
        sa.Column("updated_at", UtcTimestamp),
        sa.Column("version", sa.Integer),
    )

    assert Columns(table, Diary).write("hall", 7, Diary("Blue Note", 3), AT) == {
        "name": "Blue Note",
        "plays": 3,
        "updated_at": AT,
    }


def test_a_struct_may_be_a_state_and_hold_its_own_key() -> None:
    class Named(msgspec.Struct, frozen=True):
        id: int
        name: str

    columns = Columns(venues, Named)

    assert columns.read({"id": 7, "name": "Blue Note", "plays": 0, "version": 1}) == Named(7, "Blue Note")
    assert columns.write("venue", 7, Named(7, "Birdland"), AT) == {"name": "Birdland"}


# On the real databases.


@pytest.mark.parametrize("where", ["columns", "snapshots"])
async def test_both_homes_keep_states_on_both_databases(tree: Tree, database: Ref[Database], where: str) -> None:
    kind = await tree.start_supervised(entities(Venue, home(where)))
    for key in (7, 8):
        assert await Venue.at(key).call(Venue.rename, f"club {key}") is None
    assert await Venue.at(7).call(Venue.play, 3) == 3
    await tree.stop(kind)

    await tree.start_supervised(entities(Venue, home(where)))

    assert await Venue.at(7).call(Venue.look) == Diary("club 7", 3)
    assert await Venue.at(8).call(Venue.look) == Diary("club 8", 0)
    assert await Venue.at(7).call(Venue.standing) == (False, 2)


async def test_the_migrations_make_what_snapshots_need(tree: Tree, tmp_path: Path) -> None:
    url = DatabaseUrl.parse(str(tmp_path / "migrated.db"))
    migrate(url, migrations_of("gigbook"))
    await tree.start_supervised(child(Database, url).named("database"))
    await tree.start_supervised(entities(Venue, home("snapshots")))

    await Venue.at(7).call(Venue.rename, "Blue Note")

    assert await Venue.at(7).call(Venue.look) == Diary("Blue Note")


async def test_a_snapshot_that_can_not_be_read_is_the_answer_to_who_asks(tree: Tree, database: Ref[Database]) -> None:
    values = {**HALLS.write("venue", 7, Hall(1, "Paris"), AT), "id": "venue/7", "version": 1}
    await database.call(Database.insert, entity_snapshots, values)
    await tree.start_supervised(entities(Venue, home("snapshots")))

    with pytest.raises(StartFailed, match="expected venue/7 to have a schema that leads to 1, got 3"):
        await Venue.at(7).call(Venue.look)


@pytest.mark.parametrize("limit", ["idle", "save_interval", "max_live", "max_unsaved", "retry", "stop", "max_batch"])
def test_settings_refuse_nonsense(limit: str) -> None:
    nonsense: dict[str, Any] = {limit: 0}

    with pytest.raises(ValueError, match=f"expected {limit} to be"):
        EntitySettings(**nonsense)


@dataclass
class Sketch:
    name: str


class Draft(msgspec.Struct):
    name: str


def in_columns(state: type[object]) -> Columns[object]:
    return Columns(venues, state)


@pytest.mark.parametrize("state", [Sketch, Draft, list[int], dict[str, int], set, bytearray])
@pytest.mark.parametrize("home", [Snapshots, Memory, in_columns])
def test_a_state_that_can_be_changed_where_it_is_has_no_home(
    home: Callable[[type[object]], object], state: type[object]
) -> None:
    with pytest.raises(ValueError, match=r"expected a state that is frozen, as by @dataclass\(frozen=True\), got "):
        home(state)
