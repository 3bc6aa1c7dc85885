"""The rows of one kind: read many at a time, written only by who knows their latest version."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Column, select

from greenroom.foundation.clock import Clock
from greenroom.foundation.errors import CallError, CallTimeout, NotRunning
from greenroom.foundation.ref import Ref
from greenroom.infrastructure.database import (
    Conflict,
    Database,
    DatabaseError,
    Delete,
    Insert,
    Invalid,
    Key,
    NotFound,
    Refusal,
    Refused,
    Row,
    Stale,
    Step,
    Update,
)
from greenroom.infrastructure.database.outcome import key_column
from greenroom.infrastructure.database.statement import VERSION
from greenroom.infrastructure.database.task import Transaction, Written
from greenroom.infrastructure.database.timestamp import UtcTimestamp, cut
from greenroom.infrastructure.entity.error import NotSaved, StaleState
from greenroom.infrastructure.entity.home import Home
from greenroom.infrastructure.entity.outbox import Outbox, Outcome
from greenroom.infrastructure.entity.patience import Pause, wait, within

K = TypeVar("K", bound=int | str)
S = TypeVar("S")

LOAD_SECONDS = 5.0


class Copy(NamedTuple, Generic[K, S]):
    """A state to be written, the version of the row that it came from, 0 where there is none yet, and the time."""

    key: K
    state: S
    version: int
    # Part of it, so that it is the same when it is written again: whoever looks knows it for its own.
    at: datetime


class Store(Generic[K, S]):
    """Talks to the database for one kind. Its versions count the writes to a row, from 1."""

    def __init__(self, kind: str, home: Home[S], database: Ref[Database], clock: Clock, retry: float) -> None:
        self._kind = kind
        self._home = home
        self._database = database.within(None)
        self._outbox = Outbox(database)
        self._reader = database.within(LOAD_SECONDS)
        self._clock = clock
        self._retry = retry
        self._primary = home.table.c[key_column(home.table)]

    def now(self) -> datetime:
        """The time as it is stored, to the millisecond."""
        now = self._clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def state(self, row: Row) -> S:
        """The state in a row."""
        return self._home.read(row)

    def version(self, row: Row) -> int:
        """The version of a row.

        Raises:
            ValueError: it is that of an entity which has no row yet, so no change of this one would be stored.
        """
        found: int | None = row[VERSION]
        if not found:
            table, key = self._home.table.name, row[self._primary.name]
            raise ValueError(f"expected the rows of {table} to have versions from 1 on, got {found!r} for {key!r}")
        return found

    # Reading.

    async def load(self, keys: Iterable[K]) -> Mapping[K, Row | DatabaseError]:
        """Find the rows of these entities in one query; a key without a row is left out.

        Raises:
            DatabaseError, CallError: the database can not be read.
        """
        wanted = {self._home.row_key(self._kind, key): key for key in keys}
        try:
            rows = await self._rows(tuple(wanted))
        except DatabaseError as error:
            if error.reason != "statement" or len(wanted) == 1:
                raise
            return await self._singly(wanted.values())
        # SQLite takes "7" for 7 where the column is a number: whoever asked for the one has not asked for the other.
        found = ((row[self._primary.name], row) for row in rows)
        return {wanted[row_key]: row for row_key, row in found if row_key in wanted}

    async def settle(self) -> None:
        """Wait until everything that was given to the writer before is committed, or refused.

        Raises:
            DatabaseError, CallError: nothing is known about it.
        """
        outcome = await within(LOAD_SECONDS, self._settled())
        if outcome is None:
            raise CallTimeout(repr(self._database), "transact", LOAD_SECONDS)
        if isinstance(outcome, DatabaseError | CallError):
            raise outcome

    async def _settled(self) -> Outcome:
        return await self._outbox.put(Transaction(()))

    async def _rows(self, keys: Sequence[Key]) -> Sequence[Row]:
        table = self._home.table
        if len(keys) > 1:
            return await self._reader.call(Database.select, select(*table.columns).where(self._primary.in_(keys)))
        found = await self._reader.call(Database.get, table, keys[0])
        return [] if isinstance(found, NotFound) else [found]

    async def _singly(self, keys: Iterable[K]) -> Mapping[K, Row | DatabaseError]:
        # One key of a wrong kind must not spoil the others' query.
        found: dict[K, Row | DatabaseError] = {}
        for key in keys:
            try:
                found.update(await self.load((key,)))
            except DatabaseError as error:
                found[key] = error
        return found

    # Writing.

    def write(
        self, copy: Copy[K, S], also: Sequence[Step] = (), *, doubtful: bool = False
    ) -> Coroutine[Any, Any, int | Refusal]:
        """Store the state, and in the same transaction what `also` says; answers the new version, or the refusal.

        When the outcome of a commit is unknown, it is found out before this returns, however long it takes. `doubtful`
        says that this very write was tried before, and that nobody knows what became of it.

        Raises:
            NotSaved: nothing was stored.
            StaleState: nothing was stored, since somebody else has changed the row.
        """
        # Only what goes with it may ask for its row.
        step = self._change(copy, row=bool(also))
        return self._carry_out(copy.key, copy.version, step, also, doubtful)

    def erase(self, key: K, version: int, also: Sequence[Step] = ()) -> Coroutine[Any, Any, int | Refusal]:
        """Remove the row, if there is one; otherwise like `write`."""
        step = Delete(self._home.table, self._home.row_key(self._kind, key), version, optional=not version)
        return self._carry_out(key, version, step, also, doubtful=False)

    async def write_together(self, copies: Sequence[Copy[K, S]]) -> Refused | None:
        """Store all the states in one transaction, or none.

        Raises:
            DatabaseError, CallError: what the database failed with; it may have stored them.
        """
        steps = list[Step]()
        for copy in copies:
            try:
                steps.append(self._change(copy))
            except Exception as fault:  # of the home's or the codec's own code; it concerns nobody but this entity
                message = f"{type(fault).__name__}: {fault}"
                return Refused(len(steps), Invalid(self._home.table.name, "type", (), "", message))
        outcome = await self._database.call(Database.transact, *steps)
        return outcome if isinstance(outcome, Refused) else None

    def is_stale(self, refusal: Refusal) -> bool:
        """Whether a change of an entity's row was refused because somebody else has changed it."""
        match refusal:
            case Stale(table) | NotFound(table):
                return table == self._home.table.name
            case Conflict(table):
                return table == self._home.table.name and refusal.covers(self._primary.name)
            case _:
                return False

    def _change(self, copy: Copy[K, S], *, row: bool = False) -> Insert | Update:
        table = self._home.table
        row_key = self._home.row_key(self._kind, copy.key)
        values = self._home.write(self._kind, copy.key, copy.state, copy.at)
        if copy.version:
            return Update(table, row_key, values, copy.version, row)
        return Insert(table, {self._primary.name: row_key, **values, VERSION: 1}, row)

    async def _carry_out(
        self, key: K, version: int, step: Insert | Update | Delete, also: Sequence[Step], doubtful: bool
    ) -> int | Refusal:
        # Of no use as long as all goes well.
        pause: Pause | None = None
        write = Transaction((step, *also)) if also else step
        while True:
            outcome = await self._outbox.put(write)
            if isinstance(outcome, DatabaseError | CallError):
                doubtful = doubtful or may_be_stored(outcome)
                if not doubtful:
                    raise NotSaved(self._kind, key, str(outcome)) from outcome
                # To ask again is safe, since the version lets the same change through only once.
                pause = pause or Pause(self._retry)
                await wait(pause.lengthen())
                continue
            refusal, is_own = _refusal_in(outcome)
            if refusal is None:
                return version + 1
            # What goes with it may concern other rows of the same table, which are not this entity's affair.
            if not (is_own and self.is_stale(refusal)):
                return refusal
            if not (doubtful and await self._is_stored(step)):
                raise StaleState(self._kind, key, version)
            return version + 1

    async def _is_stored(self, step: Insert | Update | Delete) -> bool:
        # The row is not at the version it was: our own change, whose answer was lost, may be why.
        table, pause = self._home.table, Pause(self._retry)
        key = step.values[self._primary.name] if isinstance(step, Insert) else step.key
        while True:
            try:
                found = await self._reader.call(Database.get, table, key)  # type: ignore[arg-type]
            except (DatabaseError, CallError):
                await wait(pause.lengthen())
            else:
                return _is_outcome(step, found)


def _refusal_in(outcome: Written) -> tuple[Refusal | None, bool]:
    """The refusal, if it is one, and whether it is about the first step."""
    if isinstance(outcome, Refused):
        return outcome.refusal, outcome.at == 0
    return (outcome, True) if isinstance(outcome, Refusal) else (None, True)


def may_be_stored(error: DatabaseError | CallError) -> bool:
    """Whether a change that failed with this may be stored all the same."""
    return error.maybe_applied if isinstance(error, DatabaseError) else not isinstance(error, NotRunning)


def _is_outcome(step: Insert | Update | Delete, found: Row | NotFound) -> bool:
    if isinstance(step, Delete) or isinstance(found, NotFound):
        return isinstance(step, Delete) and isinstance(found, NotFound)
    version = 1 if isinstance(step, Insert) else (step.version or 0) + 1
    return found[VERSION] == version and all(
        found[name] == _as_stored(step.table.c[name], value) for name, value in step.values.items()
    )


def _as_stored(column: Column[Any], value: Any) -> object:
    return cut(value) if isinstance(column.type, UtcTimestamp) else value
