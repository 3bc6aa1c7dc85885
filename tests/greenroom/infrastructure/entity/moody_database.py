"""A database that answers in the turn in which it is asked, and fails on command: for tests whose time stands still.

The sessions, and with them all SQL, are those of the real one. What is not here is its threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Table

from greenroom import GenServer, Ref, Reply
from greenroom.infrastructure import (
    DatabaseError,
    DatabaseSettings,
    DatabaseUrl,
    Delete,
    Insert,
    Key,
    NotFound,
    Row,
    Step,
    Update,
    Values,
)
from greenroom.infrastructure.database.connector import connector
from greenroom.infrastructure.database.session import Session
from greenroom.infrastructure.database.task import Load, Query, Transaction, Write
from tests.greenroom.infrastructure.entity.venues import venues

Mood = Literal["well", "refuses", "calls it wrong", "loses it", "stores it and loses the answer"]


@dataclass
class MoodyDatabase(GenServer):
    """Stands in for `Database`, under whose name it runs: handlers are found by their names."""

    url: DatabaseUrl
    down: bool = False
    moods: deque[Mood] = field(default_factory=deque["Mood"])
    is_slow: bool = False
    waiting: list[tuple[Sequence[Write], Reply[Any]]] = field(default_factory=list[tuple[Sequence[Write], Reply[Any]]])
    commits: int = 0
    selects: int = 0
    _session: Session = field(init=False, repr=False)

    async def init(self) -> None:
        self._session = connector(self.url, DatabaseSettings()).writer()
        self.__process__.tie().releases[self._session.close] = None

    def insert(self, table: Table, values: Values) -> Reply[Any]:
        return self._write(Insert(table, values))

    def update(self, table: Table, key: Key, values: Values, *, version: int | None = None) -> Reply[Any]:
        return self._write(Update(table, key, values, version))

    def delete(self, table: Table, key: Key, *, version: int | None = None) -> Reply[Any]:
        return self._write(Delete(table, key, version))

    def transact(self, *steps: Step) -> Reply[Any]:
        return self._write(Transaction(steps))

    def write(self, writes: Sequence[Write]) -> Reply[Any]:
        reply = Reply[Any]()
        self.waiting.append((writes, reply))
        if not self.is_slow:
            self._carry_out()
        return reply

    def get(self, table: Table, key: Key) -> Reply[Any]:
        reply = Reply[Row | NotFound]()
        if self._is_up(reply):
            rows = self._session.read(Load(table, (key,)))
            assert isinstance(rows, dict)
            reply.send(rows.get(key) or NotFound(table.name, key))
        return reply

    def select(self, query: Query) -> Reply[Any]:
        reply = Reply[Sequence[Row]]()
        if self._is_up(reply):
            self.selects += 1
            rows = self._session.read(query)
            assert isinstance(rows, list)
            reply.send(rows)
        return reply

    async def fall(self) -> None:
        """Answer nothing from now on but that the database is lost."""
        self.down = True

    async def rise(self) -> None:
        """Work again."""
        self.down = False

    async def slow_down(self) -> None:
        """Let all writes wait; reads find what is there."""
        self.is_slow = True

    async def go_on(self) -> None:
        """Carry out the writes that wait, and those to come."""
        self.is_slow = False
        self._carry_out()

    async def be(self, *moods: Mood) -> None:
        """Take the next writes in these moods, one each."""
        self.moods.extend(moods)

    async def counts(self) -> tuple[int, int]:
        """How many transactions were committed, and how many queries were read."""
        return self.commits, self.selects

    def _carry_out(self) -> None:
        for writes, reply in self.waiting:
            reply.send([_outcome(self._write(write)) for write in writes])
        self.waiting.clear()

    def _write(self, write: Write) -> Reply[Any]:
        reply = Reply[Any]()
        mood = self.moods.popleft() if self.moods else "well"
        if not self._is_up(reply) or mood == "refuses":
            reply.fail(DatabaseError("lost", "it is out for a walk"))
            return reply
        if mood == "calls it wrong":
            reply.fail(DatabaseError("statement", "somebody's change is nonsense"))
            return reply
        self._session.begin()
        (outcome,) = self._session.carry_out([write])
        if mood == "loses it":
            self._session.rollback()
        else:
            self._session.commit()
            self.commits += 1
        if mood != "well":
            reply.fail(DatabaseError("lost", "it went away", maybe_applied=True))
        elif isinstance(outcome, DatabaseError):
            reply.fail(outcome)
        else:
            reply.send(outcome)
        return reply

    def _is_up(self, reply: Reply[Any]) -> bool:
        if self.down:
            reply.fail(DatabaseError("lost", "it is out for a walk"))
        return not self.down


def _outcome(reply: Reply[Any]) -> object:
    try:
        return reply.result()
    except DatabaseError as error:
        return error


async def row(database: Ref[MoodyDatabase]) -> tuple[str, int, int] | None:
    """What is stored of the bar: name, plays and version."""
    found: Row | NotFound = await database.call(MoodyDatabase.get, venues, 7)
    return None if isinstance(found, NotFound) else (found["name"], found["plays"], found["version"])


async def plays(database: Ref[MoodyDatabase], key: int) -> int | None:
    """What is stored of a venue's plays."""
    found: Row | NotFound = await database.call(MoodyDatabase.get, venues, key)
    return None if isinstance(found, NotFound) else found["plays"]
