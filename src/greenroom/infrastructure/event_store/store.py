"""A log of what happened, in streams, kept in the database of everything else.

EVENTS = EventStore(Ref(Database, "database"), EventCodec(Requested, Confirmed, Cancelled))

match await EVENTS.append("booking:7", [Confirmed(by="Alfred")], expected=1):
    case WrongVersion(actual=version):
        ...
    case (confirmed,):
        ...

async for recorded in EVENTS.follow(Confirmed):
    ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar, overload

from sqlalchemy import BigInteger, Select, func, literal, select

from greenroom.foundation.namespace import current_namespace
from greenroom.foundation.ref import Ref
from greenroom.foundation.scheduler import current_scheduler
from greenroom.infrastructure.database import (
    Conflict,
    Database,
    DatabaseError,
    Insert,
    Invalid,
    Refusal,
    Refused,
    Row,
    Step,
)
from greenroom.infrastructure.event_store.append import Append, Draft, drafts, the_one
from greenroom.infrastructure.event_store.codec import EventCodec
from greenroom.infrastructure.event_store.follower import NEWS, Announced, Follower
from greenroom.infrastructure.event_store.recorded import Committed, Origin, Recorded, WrongVersion, recorded
from greenroom.infrastructure.event_store.schema import events_table, is_version_rule
from greenroom.infrastructure.event_store.unit import Unit, Work

E = TypeVar("E")
T = TypeVar("T")


# Without slots, since it may be made as `EventStore[Confirmed](...)`: see `Topic`.
@dataclass(frozen=True)
class EventStore(Generic[E]):
    """Events of these types, in the table `events` of a database. It has no state, and is used by many at once.

    Every method raises what a call to the database raises. Those that read raise `UnknownEvent` or `MalformedEvent`
    when they come to an event that the codec can not decode, those that append for one that it could not decode again.
    """

    database: Ref[Database]
    codec: EventCodec[E]
    page: int = 500
    poll: float = 1.0
    """After how many seconds a follower looks for what others have appended: another server, or SQL by hand."""

    # Appending.

    @overload
    async def append(
        self, stream: str, events: Sequence[E], *, because: Recorded[Any] | Origin | None = None
    ) -> tuple[Recorded[E], ...]: ...
    @overload
    async def append(
        self, stream: str, events: Sequence[E], *, expected: int | None, because: Recorded[Any] | Origin | None = None
    ) -> tuple[Recorded[E], ...] | WrongVersion: ...
    async def append(
        self,
        stream: str,
        events: Sequence[E],
        *,
        expected: int | None = None,
        because: Recorded[Any] | Origin | None = None,
    ) -> tuple[Recorded[E], ...] | WrongVersion:
        """Add the events to the stream, all or none, and return when they are on disk.

        The stream must be at version `expected` if one is given, 0 if it must be new; if none is, there is no
        `WrongVersion`. `because` is the event that these
        follow from, or another origin.
        """
        append = Append(stream, events, expected, because)
        if len(events) == 1:
            return await self._append_one(append)
        outcome = await self.transact(append)
        match outcome:
            case Committed():
                return outcome.events
            case WrongVersion():
                return outcome
            case Refused(_, refusal):
                raise _broken(refusal)

    async def transact(self, *work: Work[E]) -> Committed[E] | WrongVersion | Refused:
        """Carry out changes and appends together, all or none.

        await events.transact(Update(bookings, 7, {"state": "confirmed"}), Append("booking:7", [Confirmed()]))
        """
        unit = Unit(work, self.codec, _now())
        outcome = await self.database.call(Database.transact, *unit.steps)
        if isinstance(outcome, Refused):
            return await self._refused(unit, outcome)
        self.announce()
        return unit.committed(outcome)

    @overload
    def steps(
        self,
        stream: str,
        events: Sequence[E],
        /,
        *,
        expected: int | None = None,
        because: Recorded[Any] | Origin | None = None,
    ) -> tuple[Step, ...]: ...
    @overload
    def steps(self, make: Callable[[Sequence[Row]], Append[E]], /) -> tuple[Step, ...]: ...
    def steps(
        self,
        of: str | Callable[[Sequence[Row]], Append[E]],
        events: Sequence[E] = (),
        /,
        *,
        expected: int | None = None,
        because: Recorded[Any] | Origin | None = None,
    ) -> tuple[Step, ...]:
        """The same as steps for someone else's transaction, as in `entity.save(state, *events.steps(...))`.

        Where the event is to tell what the database made up, give a function that makes the append, of one event, from
        the rows of all steps before it; of an entity, the first one is its own. It is quick and does nothing else.

        Followers in this namespace look for the events when they are stored.
        """
        moment = _now()
        if callable(of):
            changes: Sequence[Step] = (partial(_made, of, self.codec, moment),)
        else:
            found = drafts(Append(of, events, expected, because), self.codec, moment)
            changes = [draft.change() for draft in found]
        return tuple(Announced(change, current_namespace()) for change in changes)

    def announce(self) -> None:
        """Let the followers of this namespace look for new events now."""
        NEWS.publish(None)

    # Reading.

    @overload
    async def read(self, *, after: int = 0, limit: int = 1000) -> list[Recorded[E]]: ...
    @overload
    async def read(self, *types: type[T], after: int = 0, limit: int = 1000) -> list[Recorded[T]]: ...
    async def read(self, *types: type, after: int = 0, limit: int = 1000) -> list[Recorded[Any]]:
        """The events of all streams after a position, in order; only those of the given types if there are any."""
        return await self._select(self._of_types(types, after).limit(limit))

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> list[Recorded[E]]:
        """The events of a stream after a version, in order."""
        return await self._select(_of_stream(stream, after).limit(limit))

    async def last(self, stream: str) -> Recorded[E] | None:
        """The last event of a stream; None if there is none."""
        query = select(events_table).where(events_table.c.stream == stream)
        found = await self._select(query.order_by(events_table.c.version.desc()).limit(1))
        return found[0] if found else None

    async def read_correlated(self, correlation_id: str, *, after: int = 0, limit: int = 1000) -> list[Recorded[E]]:
        """The events that have this correlation id, after a position, in order."""
        query = select(events_table).where(
            events_table.c.correlation_id == correlation_id, events_table.c.position > after
        )
        return await self._select(query.order_by(events_table.c.position).limit(limit))

    async def version(self, stream: str) -> int:
        """The version of a stream, which is the number of its events."""
        query = select(func.coalesce(func.max(events_table.c.version), 0).label("version")).where(
            events_table.c.stream == stream
        )
        found: int = (await self._rows(query))[0]["version"]
        return found

    # Following.

    @overload
    def follow(self, *, after: int = 0) -> Follower[E]: ...
    @overload
    def follow(self, *types: type[T], after: int = 0) -> Follower[T]: ...
    def follow(self, *types: type, after: int = 0) -> Follower[Any]:
        """Iterate over the events after a position, those that are there and those that will come.

        Every event comes once and in order, also those of other servers on the same database, which are noticed within
        `poll` seconds. To go on later, keep the `position` of the last one.
        """

        async def read(last: int) -> Sequence[Row]:
            return await self._rows(self._of_types(types, last).limit(self.page))

        return Follower(read, self._recorded, "position", after, self.poll)

    def follow_stream(self, stream: str, *, after: int = 0) -> Follower[E]:
        """Iterate over the events of one stream after a version, those that are there and those that will come."""

        async def read(last: int) -> Sequence[Row]:
            return await self._rows(_of_stream(stream, last).limit(self.page))

        return Follower(read, self._recorded, "version", after, self.poll)

    # Steps of the above.

    async def _append_one(self, append: Append[E]) -> tuple[Recorded[E]] | WrongVersion:
        # By itself it needs no savepoint, and on PostgreSQL it goes into one statement with others of its kind.
        (draft,) = drafts(append, self.codec, _now())
        change = draft.change()
        outcome = await self.database.call(Database.insert, change.table, change.values)
        if isinstance(outcome, Conflict | Invalid):
            wrong = await self._wrong_version(draft, outcome)
            if wrong is None:
                raise _broken(outcome)
            return wrong
        self.announce()
        return (draft.recorded(outcome),)

    async def _refused(self, unit: Unit[E], refused: Refused) -> WrongVersion | Refused:
        draft = unit.draft(refused.at)
        wrong = None if draft is None else await self._wrong_version(draft, refused.refusal)
        return wrong or Refused(unit.source(refused.at), refused.refusal)

    async def _wrong_version(self, draft: Draft[E], refusal: Refusal) -> WrongVersion | None:
        if draft.expected is None or not is_version_rule(refusal):
            return None
        return WrongVersion(draft.stream, draft.expected, await self.version(draft.stream))

    async def _select(self, query: Select[*tuple[Any, ...]]) -> list[Recorded[E]]:
        return list(map(self._recorded, await self._rows(query)))

    def _recorded(self, row: Row) -> Recorded[E]:
        return recorded(row, self.codec)

    async def _rows(self, query: Select[*tuple[Any, ...]]) -> Sequence[Row]:
        return await self.database.call(Database.select, query)

    def _of_types(self, types: Sequence[type], after: int) -> Select[*tuple[Any, ...]]:
        query = select(events_table).where(events_table.c.position > after).order_by(events_table.c.position)
        return query.where(events_table.c.type.in_(self.codec.names_of(*types))) if types else query


def _of_stream(stream: str, after: int) -> Select[*tuple[Any, ...]]:
    # As a number of 64 bits: PostgreSQL would refuse one that is no version any stream can have.
    found = select(events_table).where(
        events_table.c.stream == stream, events_table.c.version > literal(after, BigInteger)
    )
    return found.order_by(events_table.c.version)


def _made(
    make: Callable[[Sequence[Row]], Append[E]], codec: EventCodec[E], moment: datetime, rows: Sequence[Row]
) -> Insert:
    return the_one(drafts(make(rows), codec, moment)).change()


def _broken(refusal: Refusal) -> DatabaseError:
    return DatabaseError("statement", f"the event was refused: {refusal}")


def _now() -> datetime:
    return current_scheduler().clock.now()
