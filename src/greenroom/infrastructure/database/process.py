"""The database as a process: one writer with group commit, and a pool of readers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, TypeVar, cast

from sqlalchemy import Table
from typing_extensions import override

from greenroom.foundation.genserver import GenServer
from greenroom.foundation.reply import Reply
from greenroom.infrastructure.database.change import Delete, Insert, Returning, Step, Update, Values
from greenroom.infrastructure.database.engine import Engine
from greenroom.infrastructure.database.error import DatabaseError
from greenroom.infrastructure.database.health import Degraded, Healthy
from greenroom.infrastructure.database.outcome import Conflict, Invalid, Key, NotFound, Refused, Row, Stale
from greenroom.infrastructure.database.settings import DatabaseSettings
from greenroom.infrastructure.database.task import Done, Query, Transaction, Write, Written
from greenroom.infrastructure.database.url import DatabaseUrl
from greenroom.infrastructure.database.writer import Job

Answer = TypeVar("Answer")


@dataclass
class Database(GenServer):
    """The one owner of a database's write connection.

    A change is answered after the commit that holds it is on disk. Changes that arrive while
    others are being committed share the next commit. Each answers for itself: one that is refused
    leaves its neighbours alone.

    Every method fails with `DatabaseError` when the database does, and with `DatabaseBusy` when
    too many requests wait already; its start fails with `DatabaseError` when the database cannot be
    opened. An orderly end finishes what was asked for.
    """

    # Handlers hand requests on to the engine, and change nothing here that would have to be undone.
    __undoes__: ClassVar[bool] = False

    url: str | DatabaseUrl
    max_connections: int = 100
    settings: DatabaseSettings = field(default_factory=DatabaseSettings)
    _engine: Engine = field(init=False, repr=False)

    @override
    async def init(self) -> None:
        url = self.url if isinstance(self.url, DatabaseUrl) else DatabaseUrl.parse(self.url)
        self._engine = Engine(url, self.max_connections, self.settings, self._crashed)
        # However the process ends: killed, it must not leave threads behind that hold the write lock.
        self.__process__.tie().releases[self._engine.abandon] = None
        # So that `terminate` runs when the supervisor stops it.
        self.trap_exit()
        await self._engine.open()

    @override
    async def terminate(self, reason: object) -> None:
        await self._engine.close()

    @override
    async def handle_info(self, message: object) -> None:
        if isinstance(message, _ThreadCrashed):
            raise message.fault
        await super().handle_info(message)

    def insert(self, table: Table, values: Values) -> Reply[Row | Conflict | Invalid]:
        """Add a row and answer with it, with what the database filled in."""
        reply: Reply[Row | Conflict | Invalid] = Reply()
        self._engine.write(Insert(table, values), _answering(reply))
        return reply

    def get(self, table: Table, key: Key) -> Reply[Row | NotFound]:
        """Read the row with this key. All that ask in the same turn of the loop share one query."""
        reply: Reply[Row | NotFound] = Reply()
        self._engine.get(table, key, _answering(reply))
        return reply

    def update(
        self, table: Table, key: Key, values: Values, *, version: int | None = None
    ) -> Reply[Row | NotFound | Stale | Conflict | Invalid]:
        """Change the row, and answer with all of it as it is now.

        A column `version` goes up by one. With `version` given the row must be at that version.
        """
        reply: Reply[Row | NotFound | Stale | Conflict | Invalid] = Reply()
        self._engine.write(Update(table, key, values, version), _answering(reply))
        return reply

    def delete(self, table: Table, key: Key, *, version: int | None = None) -> Reply[Row | NotFound | Stale | Conflict]:
        """Remove the row, and answer with what it was."""
        reply: Reply[Row | NotFound | Stale | Conflict] = Reply()
        self._engine.write(Delete(table, key, version), _answering(reply))
        return reply

    def select(self, query: Query) -> Reply[Sequence[Row]]:
        """Read what any SELECT of SQLAlchemy Core finds."""
        reply: Reply[Sequence[Row]] = Reply()
        self._engine.read(query, _answering(reply))
        return reply

    def transact(self, *steps: Step) -> Reply[tuple[Row, ...] | Refused]:
        """Carry out all the changes or none, and answer with their rows in order.

        A step may be a function of the rows so far, as when a row needs the id of the one before:

            note = lambda rows: Insert(notes, {"customer": rows[0]["id"]})
            await database.call(Database.transact, Insert(customers, values), note)
        """
        reply: Reply[tuple[Row, ...] | Refused] = Reply()
        self._engine.write(Transaction(steps), _telling(steps, _answering(reply)))
        return reply

    def write(self, writes: Sequence[Write]) -> Reply[Sequence[Written | DatabaseError]]:
        """Carry out each of the writes on its own, and answer with what became of them in order, once all are through.

        One request for many costs less than many requests; a `DatabaseError` is an answer here, too.
        """
        reply: Reply[Sequence[Written | DatabaseError]] = Reply()
        tally = _Tally(len(writes), reply)
        jobs: list[Job] = []
        for at, write in enumerate(writes):
            done = partial(tally.note, at)
            jobs.append((write, _telling(write.steps, done) if isinstance(write, Transaction) else done))
        self._engine.write_each(jobs)
        return reply

    def health(self) -> Reply[Healthy | Degraded]:
        """Tell if writes and reads work, and if not, why and since when."""
        return Reply[Healthy | Degraded].of(self._engine.health)

    def _crashed(self, fault: object) -> None:
        self.ref.send(_ThreadCrashed(cast("Exception", fault)))


@dataclass(frozen=True, slots=True)
class _ThreadCrashed:
    """One of the threads ended by a fault, which is a crash of the process."""

    fault: Exception


class _Tally:
    """The outcomes of some writes, answered when all are there."""

    def __init__(self, count: int, reply: Reply[Sequence[Written | DatabaseError]]) -> None:
        self._outcomes: list[Any] = [None] * count
        self._left = count
        self._reply = reply
        if not count:
            reply.send(())

    def note(self, at: int, outcome: object) -> None:
        """Take one of the outcomes."""
        self._outcomes[at] = outcome
        self._left -= 1
        if not self._left:
            self._reply.send(self._outcomes)


def _telling(steps: Sequence[Step], answer: Done) -> Done:
    told = [step for step in steps if isinstance(step, Returning)]
    if not told:
        return answer

    def done(outcome: object) -> None:
        try:
            if not isinstance(outcome, Refused | DatabaseError):
                for step in told:
                    step.committed()
        finally:
            # Stored is stored, and whoever waits for it has no other way to hear.
            answer(outcome)

    return done


def _answering(reply: Reply[Answer]) -> Done:
    def done(answer: object) -> None:
        if isinstance(answer, DatabaseError):
            reply.fail(answer)
        else:
            # The threads answer each request with what its method promises; their queue holds them all.
            reply.send(cast("Answer", answer))

    return done
