"""The entity of these tests: a venue with a diary, which is kept in columns or in snapshots."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from greenroom import ChildSpec, Ref
from greenroom.infrastructure import (
    Append,
    Columns,
    Conflict,
    Database,
    DatabaseUrl,
    Entities,
    Entity,
    EntitySettings,
    EventCodec,
    EventStore,
    Home,
    Insert,
    Invalid,
    Memory,
    Refusal,
    Reminder,
    Returning,
    Snapshots,
    UtcTimestamp,
    create_events,
    entities,
    entity_reminders,
    entity_snapshots,
)

TABLES = sa.MetaData()

venues = sa.Table(
    "venues",
    TABLES,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("plays", sa.Integer, sa.CheckConstraint("plays < 1000"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

notes = sa.Table(
    "notes", TABLES, sa.Column("id", sa.Text, primary_key=True), sa.Column("text", sa.Text, nullable=False)
)


gigs = sa.Table(
    "gigs",
    TABLES,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("venue", sa.Integer, nullable=False),
    sa.Column("artist", sa.Text, nullable=False, unique=True),
)


shows = sa.Table(
    "shows",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("doors", UtcTimestamp, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)


@dataclass(frozen=True)
class Booked:
    """What happened to a gig."""

    artist: str


GIGS = EventStore(Ref(Database, "database"), EventCodec(Booked))


@dataclass(frozen=True)
class Diary:
    """What is kept of a venue."""

    name: str = ""
    plays: int = 0


@dataclass
class Venue(Entity[int, Diary], kind="venue"):
    """Changes its diary at all levels, and fails on command."""

    asked: int = field(default=0, init=False)

    def initial(self) -> Diary:
        return Diary(f"venue {self.key}")

    async def look(self) -> Diary:
        self.asked += 1
        return self.state

    async def times_asked(self) -> int:
        return self.asked

    async def rename(self, name: str) -> Conflict | Invalid | None:
        return await self.save(replace(self.state, name=name))

    async def play(self, times: int = 1) -> int:
        self.save_later(replace(self.state, plays=self.state.plays + times))
        return self.state.plays

    async def whisper(self, name: str) -> None:
        self.keep(replace(self.state, name=name))

    async def touch(self) -> None:
        self.mark_dirty()

    async def count_down(self) -> int:
        await self.save(replace(self.state, plays=self.state.plays + 1))
        return self.state.plays

    async def note(self, id: str, text: str) -> Refusal | None:
        return await self.save(replace(self.state, name=text), Insert(notes, {"id": id, "text": text}))

    async def plan(self, artist: str) -> int | Refusal:
        gig = Returning(Insert(gigs, {"venue": self.key, "artist": artist}))
        booked = GIGS.steps(lambda _: Append(f"gig:{gig.row['id']}", [Booked(artist)], expected=0))
        refusal = await self.save(replace(self.state, plays=self.state.plays + 1), gig, *booked)
        number: int = 0 if refusal else gig.row["id"]
        return refusal or number

    async def close(self) -> Refusal | None:
        return await self.erase()

    async def begin_anew(self, *, later: bool) -> None:
        await self.erase()
        if later:
            self.save_later(Diary("anew"))
        else:
            await self.save(Diary("anew"))

    async def spoil(self) -> None:
        self.save_later(replace(self.state, plays=self.state.plays + 1))
        raise Spoilt

    async def standing(self) -> tuple[bool, int]:
        return self.is_dirty, self.version


class Spoilt(Exception):
    """A mistake in a handler."""


@dataclass
class Polite(Entity[int, Diary], kind="polite"):
    """Says good-bye."""

    said: list[str] = field(default_factory=list[str], init=False)

    def initial(self) -> Diary:
        return Diary()

    async def hello(self, said: list[str]) -> None:
        self.said = said

    async def look(self) -> Diary:
        return self.state

    async def terminate(self, reason: object) -> None:
        self.said.append(f"{self.key}: {reason}")
        await asyncio.sleep(0)
        await super().terminate(reason)


@dataclass
class Slow(Entity[int, Diary], kind="slow"):
    """Takes its time."""

    def initial(self) -> Diary:
        return Diary()

    async def work(self) -> str:
        await asyncio.sleep(1.0)
        self.save_later(replace(self.state, plays=self.state.plays + 1))
        return "done"


@dataclass
class Strict(Entity[int, Diary], kind="strict"):
    """Has to have a row."""

    async def look(self) -> Diary:
        return self.state

    async def handle_reminder(self, reminder: Reminder) -> None:
        await self.save(replace(self.state, name=reminder.name))


def tables(url: DatabaseUrl) -> None:
    """Make the tables that the tests need."""
    address = url.address if url.kind == "postgresql" else f"sqlite:///{url.address}"
    engine = sa.create_engine(address)
    for metadata in (TABLES, entity_snapshots.metadata, entity_reminders.metadata):
        metadata.create_all(engine)
    with engine.begin() as connection:
        create_events(connection)
    engine.dispose()


def home(name: str) -> Home[Diary] | Memory[Diary]:
    """Where the diaries are kept."""
    homes: dict[str, Any] = {
        "columns": lambda: Columns(venues, Diary),
        "snapshots": lambda: Snapshots(Diary),
        "memory": lambda: Memory(Diary),
    }
    found: Home[Diary] | Memory[Diary] = homes[name]()
    return found


def venue_kind(where: str = "columns", **settings: Any) -> ChildSpec[Entities]:
    """All venues, with these settings."""
    return entities(Venue, home(where), EntitySettings(**settings))
