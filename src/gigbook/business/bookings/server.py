"""The process that decides about the time of one venue."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeVar
from uuid import uuid4

from msgspec import structs

from gigbook.business import once as keys
from gigbook.business.bookings import transitions
from gigbook.business.bookings.calendar import Calendar
from gigbook.business.bookings.events import EVENTS, BookingRequested, Cause, stream
from gigbook.business.bookings.model import LIVE, Begun, Booking, Taken, WrongStatus
from gigbook.business.bookings.table import booking, bookings, diaries, is_overlap, live_query, versioned
from gigbook.business.bookings.topic import BookingChanged, venue_topic
from gigbook.business.bookings.transitions import Change, Plan
from gigbook.business.database import database
from gigbook.business.moments import now
from gigbook.business.once import Once
from gigbook.business.records import unexpected
from gigbook.business.refusals import Changed, InvalidData, KeyReused, NotFound, Refusal
from gigbook.business.versions import Expected, Versioned, allows
from greenroom import CallError, Shutdown
from greenroom.infrastructure import (
    Append,
    Conflict,
    Database,
    DatabaseError,
    Entity,
    Insert,
    Invalid,
    NotSaved,
    Reminder,
    Returning,
    Stale,
    StaleState,
    Step,
    Update,
)
from greenroom.infrastructure import NotFound as NoRow
from greenroom.infrastructure import Refusal as RefusedByTable

R = TypeVar("R", bound=Refusal)
T = TypeVar("T")

WHAT: Final = "Booking"
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
NO_VENUE: Final = InvalidData({"venue_id": "must be a venue"})
NO_ARTIST: Final = InvalidData({"artist_id": "must be a user whose role is artist"})


@dataclass
class Diary(Entity[int, Calendar], kind="diary"):
    """The one who gives out the time of a venue, one decision after the other.

    Each decision is one transaction: the diary's own row, whose version lets only one of several programs decide, the
    booking, its reminder, its event, and the key of the request. What the diary knows it has read after its row, so a
    calendar that is out of date can not be decided upon.
    """

    is_loaded: bool = field(default=False, init=False)

    def initial(self) -> Calendar:
        """The calendar of a venue at which nobody has asked for anything yet."""
        return Calendar()

    async def calendar(self) -> Calendar:
        """The live bookings as they are known here, without those that are over."""
        await self._load()
        return self.state.ahead(now())

    async def request(
        self, plan: Plan, once: Once | None, because: Cause
    ) -> Versioned[Booking] | Taken | InvalidData | KeyReused:
        """Add a booking, unless its time is somebody's."""
        await self._let_lapse()
        if taken := transitions.request(self.state, plan):
            return await self._still(taken)
        at = now()
        new = {"venue_id": self.key, "status": "requested", "created_at": at, "updated_at": at}
        row = Returning(Insert(bookings, {**structs.asdict(plan), **new}))
        event = BookingRequested(venue_id=self.key, **structs.asdict(plan))
        requested = EVENTS.steps(lambda _: Append(stream(row.row["id"]), [event], expected=0, because=because))
        remembered = (keys.remember(once, lambda _: versioned(row.row)),) if once else ()
        match await self.save(self.state.marked(uuid4().hex), row, *requested, *remembered):
            case None:
                made = versioned(row.row)
                self.publish(venue_topic(self.key), BookingChanged(made.value))
                return made
            case Conflict(table) if once and table == keys.keys.name:
                return KeyReused(once.key)
            case Invalid(table, "reference"):
                return NO_VENUE if table == diaries.name else NO_ARTIST
            case refused:
                raise self._outdated(refused)

    async def hold(
        self, id: int, seconds: int, expected: Expected, because: Cause
    ) -> Versioned[Booking] | NotFound | Changed | Taken | Begun | WrongStatus:
        """Keep the time for a booking, for so many seconds from now; a reminder ends it."""
        found = await self._found(id, expected)
        if isinstance(found, Refusal):
            return found
        decided = transitions.hold(found.value, self.state, seconds, now())
        return await self._still(decided) if isinstance(decided, Refusal) else await self._done(decided, found, because)

    async def confirm(
        self, id: int, expected: Expected, because: Cause
    ) -> Versioned[Booking] | NotFound | Changed | Taken | Begun | WrongStatus:
        """Settle that a booking takes place."""
        found = await self._found(id, expected)
        if isinstance(found, Refusal):
            return found
        decided = transitions.confirm(found.value, self.state, now())
        return await self._still(decided) if isinstance(decided, Refusal) else await self._done(decided, found, because)

    async def cancel(
        self, id: int, reason: str | None, expected: Expected, because: Cause
    ) -> Versioned[Booking] | NotFound | Changed | WrongStatus:
        """Call a booking off."""
        found = await self._found(id, expected)
        if isinstance(found, Refusal):
            return found
        decided = transitions.cancel(found.value, reason, now())
        return decided if isinstance(decided, Refusal) else await self._done(decided, found, because)

    async def handle_reminder(self, reminder: Reminder) -> None:
        """Let go what is over. A hold that was made longer or settled meanwhile has no such reminder any more."""
        await self._let_lapse(reminder.due)

    async def _found(self, id: int, expected: Expected) -> Versioned[Booking] | NotFound | Changed:
        """The booking to be decided upon; if it changes before the decision is stored, that is refused."""
        await self._let_lapse()
        found = await self._read(stored(id))
        if isinstance(found, NotFound) or allows(expected, found.version):
            return found
        return Changed(found.version)

    async def _load(self) -> None:
        """Take the live bookings from their rows, once; until that has worked, nothing is decided."""
        if not self.is_loaded:
            rows = await self._read(database.call(Database.select, live_query(self.key, now())))
            self.keep(Calendar.of(map(booking, rows), self.state.mark))
            self.is_loaded = True

    async def _let_lapse(self, due: datetime = EARLIEST) -> None:
        """Expire the holds that are over, each for itself; the clock may lag behind what a reminder says."""
        await self._load()
        at = max(now(), due)
        for overdue in self.state.overdue(at):
            found = await self._read(stored(overdue.id))
            change = None if isinstance(found, NotFound) else transitions.expire(found.value, at)
            if isinstance(found, NotFound) or change is None:
                raise self._left()
            await self._done(change, found, await self._read(EVENTS.last(stream(overdue.id))))

    async def _done(self, change: Change | None, before: Versioned[Booking], because: Cause) -> Versioned[Booking]:
        """The booking when the change, if there is one, is on disk."""
        if change is None:
            return before
        after = change.booking
        values = {"status": after.status, "held_until": after.held_until, "updated_at": after.updated_at}
        row = Returning(Update(bookings, after.id, values, before.version))
        happened = EVENTS.steps(stream(after.id), [change.event], because=because)
        calendar = self.state.ahead(now()).changed(after, uuid4().hex)
        # Before it is stored: then it is told even if this was a hold that had to lapse, and what follows is refused.
        self.publish(venue_topic(self.key), BookingChanged(after))
        if refused := await self.save(calendar, row, *self._reminding(after), *happened):
            raise self._outdated(refused)
        return versioned(row.row)

    def _reminding(self, after: Booking) -> Sequence[Step]:
        name = f"hold {after.id}"
        return (self.forget(name),) if after.held_until is None else self.remind(name, after.held_until)

    async def _still(self, refusal: R) -> R:
        """The refusal, if whoever is in the way still is: another program may have called that booking off."""
        if isinstance(refusal, Taken):
            other = await self._read(stored(refusal.by))
            if isinstance(other, NotFound) or other.value.status not in LIVE:
                raise self._left()
        return refusal

    async def _read(self, reading: Awaitable[T]) -> T:
        """What is read; a database that fails costs this decision and not the process, as where it fails to write."""
        try:
            return await reading
        except (DatabaseError, CallError) as error:
            raise NotSaved(self.kind, self.key, str(error)) from error

    def _outdated(self, refused: RefusedByTable) -> Exception:
        """What to raise when a table has refused a decision: somebody else has changed a booking, perhaps by hand."""
        return self._left() if isinstance(refused, Stale | NoRow) or is_overlap(refused) else unexpected(refused)

    def _left(self) -> StaleState:
        """Leave, since this is not what is stored any more; the next call finds a process that has read it anew."""
        stale = StaleState(self.kind, self.key, self.version)
        self.stop(Shutdown(stale))
        return stale


async def stored(id: int) -> Versioned[Booking] | NotFound:
    """The booking as it is on disk."""
    row = await database.call(Database.get, bookings, id)
    return NotFound(WHAT) if isinstance(row, NoRow) else versioned(row)
