"""Users, venues and bookings on a database that fails on command, in a world whose time stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal, TypeVar
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import Select, Table

from gigbook.business import bookings, users, venues
from gigbook.business.bookings import Booking, BookingDraft, Calendar
from gigbook.business.bookings.events import (
    EVENTS,
    BookingCancelled,
    BookingConfirmed,
    BookingExpired,
    BookingHeld,
    BookingRequested,
    stream,
)
from gigbook.business.bookings.model import LIVE
from gigbook.business.bookings.server import Diary
from gigbook.business.bookings.table import booking
from gigbook.business.bookings.table import bookings as table
from gigbook.business.database import database
from gigbook.business.users import UserDraft
from gigbook.business.venues import VenueDraft
from gigbook.business.versions import Versioned
from greenroom import CallTimeout, Ref, Reply, ServerDown, Supervisor, child
from greenroom.infrastructure import (
    Database,
    DatabaseError,
    DatabaseUrl,
    EntitySettings,
    Key,
    NotSaved,
    Step,
    Values,
    entity_reminders,
)
from greenroom.infrastructure.database.task import Write
from greenroom.testing import VirtualClock, settle
from tests.greenroom.infrastructure.entity.moody_database import Mood, MoodyDatabase

T = TypeVar("T")

Fault = Literal["kill before", "kill after"] | Mood
FAULTS: list[Fault] = ["kill before", "kill after", "refuses", "loses it", "stores it and loses the answer"]

ERRORS = (ServerDown, NotSaved, DatabaseError, CallTimeout)
"""What a caller may be told instead of an answer; each says what became of the request."""

TODAY = datetime(2026, 1, 1, tzinfo=UTC)
"""When the clock of a test begins."""


@dataclass
class TrappedDatabase(MoodyDatabase):
    """At one of the next operations it kills a diary, before or after it has done it, or fails by itself."""

    fault: Fault = "well"
    left: int = 0
    victim: int = 0

    async def trap(self, fault: Fault, left: int, victim: int) -> None:
        """Let `left` operations pass, and strike at the next."""
        self.fault, self.left, self.victim = fault, left, victim

    async def disarm(self) -> bool:
        """Strike no more; answers whether it has."""
        has_struck = self.fault == "well"
        self.fault = "well"
        return has_struck

    def get(self, table: Table, key: Key) -> Reply[Any]:
        return self._trapped(lambda: MoodyDatabase.get(self, table, key), is_read=True)

    def select(self, query: Select[*tuple[Any, ...]]) -> Reply[Any]:
        return self._trapped(lambda: MoodyDatabase.select(self, query), is_read=True)

    def insert(self, table: Table, values: Values) -> Reply[Any]:
        return self._trapped(lambda: MoodyDatabase.insert(self, table, values))

    def update(self, table: Table, key: Key, values: Values, *, version: int | None = None) -> Reply[Any]:
        return self._trapped(lambda: MoodyDatabase.update(self, table, key, values, version=version))

    def delete(self, table: Table, key: Key, *, version: int | None = None) -> Reply[Any]:
        return self._trapped(lambda: MoodyDatabase.delete(self, table, key, version=version))

    def transact(self, *steps: Step) -> Reply[Any]:
        return self._trapped(lambda: MoodyDatabase.transact(self, *steps))

    def write(self, writes: Sequence[Write]) -> Reply[Any]:
        return self._trapped(lambda: MoodyDatabase.write(self, writes))

    def _trapped(self, carry_out: Callable[[], Reply[Any]], *, is_read: bool = False) -> Reply[Any]:
        match self._next_fault():
            case "well":
                return carry_out()
            case ("kill before" | "kill after") as moment:
                return self._killing(carry_out, is_before=moment == "kill before")
            case _ if is_read:
                failed = Reply[Any]()
                failed.fail(DatabaseError("lost", "it is out for a walk"))
                return failed
            case mood:
                self.moods.append(mood)
                return carry_out()

    def _next_fault(self) -> Fault:
        if self.fault == "well" or self.left:
            self.left = max(0, self.left - 1)
            return "well"
        fault, self.fault = self.fault, "well"
        return fault

    def _killing(self, carry_out: Callable[[], Reply[Any]], *, is_before: bool) -> Reply[Any]:
        reply = Reply[Any]()

        def kill() -> None:
            Diary.at(self.victim).exit("kill")

        def answer() -> None:
            pass_on(carry_out(), reply)

        loop = asyncio.get_running_loop()
        for step in (kill, answer) if is_before else (answer, kill):
            loop.call_soon(step)
        return reply


def pass_on(done: Reply[Any], to: Reply[Any]) -> None:
    try:
        to.send(done.result())
    except DatabaseError as error:
        to.fail(error)


class House:
    """One artist and one venue in Berlin, which is always open, in a database that may hold many of them."""

    def __init__(self, url: DatabaseUrl, clock: VirtualClock) -> None:
        self.url = url
        self.clock = clock
        self.trapped = Ref(TrappedDatabase, "database")

    async def open(self) -> None:
        """Start everything, with an artist and a venue that nobody has asked for anything."""
        await self.start()
        await self.move()

    async def move(self) -> None:
        """Go on with another artist at another venue."""
        email = f"nina-{uuid4().hex}@example.com"
        artist = await users.create(UserDraft(name="Nina", email=email, role="artist"))
        venue = await venues.create(VenueDraft(name="Kit Kat", city="Berlin", capacity=9, time_zone="Europe/Berlin"))
        assert isinstance(artist, Versioned)
        assert isinstance(venue, Versioned)
        self.artist, self.venue = artist.value.id, venue.value.id

    async def start(self) -> None:
        """Start everything on what is stored."""
        settings = EntitySettings(idle=600.0)
        parts = [part.processes(settings) for part in (users, venues, bookings)]
        trapped = child(TrappedDatabase, self.url).named("database")
        self.top = await Supervisor.start([trapped, *parts], max_restarts=1_000_000, strategy="one_for_one")

    async def close(self) -> None:
        """Stop everything in good order."""
        await self.outcome(self.top.stop("shutdown"))

    async def restart(self) -> None:
        """Stop everything in good order, and start again."""
        await self.close()
        await self.start()

    def draft(self, start: float = 24, end: float = 26) -> BookingDraft:
        """What to ask for: so many hours after the beginning of the test."""
        at, until = (TODAY + timedelta(hours=hours) for hours in (start, end))
        fields = {"starts_at": at.isoformat(), "ends_at": until.isoformat()}
        return BookingDraft(venue_id=self.venue, artist_id=self.artist, title="Nina plays Bach", **fields)

    async def made(self, start: float = 24, end: float = 26, status: str = "requested") -> int:
        """The id of a new booking with this status; a hold is for ten minutes."""
        made = await bookings.request(self.draft(start, end))
        assert isinstance(made, Versioned), made
        id = made.value.id
        if status == "held":
            assert isinstance(await bookings.hold(id, 600), Versioned)
        elif status == "confirmed":
            assert isinstance(await bookings.confirm(id), Versioned)
        return id

    async def outcome(self, call: Coroutine[Any, Any, T]) -> T | BaseException:
        """Ask, and let time pass until there is an answer, or an error."""
        asked = asyncio.ensure_future(call)
        await settle()
        while not asked.done():
            await self.clock.advance(0.5)
        return asked.exception() or asked.result()

    async def rows(self) -> dict[int, Booking]:
        """The bookings of the venue as they are on disk."""
        found = await database.call(Database.select, sa.select(table).where(table.c.venue_id == self.venue))
        return {row["id"]: booking(row) for row in found}

    async def check(self) -> dict[int, Booking]:
        """The bookings as they are on disk, which everything else agrees with."""
        rows = await self.rows()
        live = sorted((it for it in rows.values() if it.status in LIVE), key=lambda it: it.starts_at)
        assert all(one.ends_at <= other.starts_at for one, other in pairwise(live))
        calendar = await self.outcome(bookings.get_state(self.venue))
        assert isinstance(calendar, Calendar), calendar
        # What is confirmed and over may still be in the calendar, until its next change.
        now = self.clock.now()
        known, stored = (
            [it for it in found if it.status == "held" or it.ends_at > now] for found in (calendar.live, live)
        )
        assert known == stored
        for id, row in rows.items():
            assert await retold(id) == (row.status, row.held_until, row.starts_at, row.ends_at)
        reminders = await database.call(Database.select, reminders_of(self.venue))
        assert {it["name"]: it["due"] for it in reminders} == {
            f"hold {it.id}": it.held_until for it in live if it.status == "held"
        }
        return rows


async def retold(id: int) -> tuple[str, datetime | None, datetime, datetime]:
    """What the audit trail says about a booking: its status, until when it is held, its time."""
    (first, *later) = [recorded.event for recorded in await EVENTS.read_stream(stream(id))]
    assert isinstance(first, BookingRequested)
    status, until = "requested", None
    for event in later:
        match event:
            case BookingHeld(held):
                assert status in ("requested", "held")
                status, until = "held", held
            case BookingConfirmed():
                assert status in ("requested", "held")
                status, until = "confirmed", None
            case BookingCancelled():
                assert status in ("requested", "held", "confirmed")
                status, until = "cancelled", None
            case BookingExpired():
                assert status == "held"
                status, until = "expired", None
            case BookingRequested():
                raise AssertionError(f"expected booking {id} to be requested once")
    return status, until, first.starts_at, first.ends_at


def reminders_of(venue: int) -> Select[*tuple[Any, ...]]:
    columns = entity_reminders.c
    return sa.select(columns.name, columns.due).where(columns.kind == "diary", columns.key == str(venue))
