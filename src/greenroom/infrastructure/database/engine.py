"""The database's threads, seen from the event loop."""

import asyncio
import sys
from collections.abc import Sequence

from sqlalchemy import Table

from greenroom.infrastructure.database.connector import connector
from greenroom.infrastructure.database.delivery import Delivery
from greenroom.infrastructure.database.error import DatabaseBusy, DatabaseError
from greenroom.infrastructure.database.health import Degraded, Healthy
from greenroom.infrastructure.database.loads import Loads
from greenroom.infrastructure.database.outcome import Key
from greenroom.infrastructure.database.readers import Readers
from greenroom.infrastructure.database.settings import DatabaseSettings
from greenroom.infrastructure.database.task import Done, Read, Write
from greenroom.infrastructure.database.url import DatabaseUrl
from greenroom.infrastructure.database.writer import Job, Writer


class Engine:
    """Takes requests in the loop's thread and never blocks it.

    Each request comes with a function that gets the answer, or a `DatabaseError`, in the same thread. `crashed` gets
    the exception by which a thread ended: then the engine is of no use any more.
    """

    def __init__(self, url: DatabaseUrl, max_connections: int, settings: DatabaseSettings, crashed: Done) -> None:
        self._settings = settings
        self._crashed = crashed
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[object] = self._loop.create_future()
        opener = connector(url, settings)
        delivery = Delivery(self._loop, self._crash)
        self._writer = Writer(opener, settings, delivery)
        self._readers = Readers(opener, max(1, max_connections - 1), delivery, self._writer, self._loop)
        self._loads = Loads(self._loop, self.read)
        self._gathered: list[Job] = []
        self._accepted = 0
        self._closed = False

    @property
    def health(self) -> Healthy | Degraded:
        """How the database was at the last attempt to use it."""
        return self._writer.health

    async def open(self) -> None:
        """Open the database.

        Raises:
            DatabaseError: it cannot be opened, or is none.
        """
        self._writer.start(self._settle)
        failure = await self._opened
        if isinstance(failure, Exception):
            raise failure
        shorten_switches(self._settings.switch_interval)

    def write(self, write: Write, done: Done) -> None:
        """Have the write carried out; `done` gets its outcome after the commit."""
        self.write_each([(write, done)])

    def write_each(self, jobs: Sequence[Job]) -> None:
        """Have each of the writes carried out on its own, in this order."""
        waiting = self._accepted - self._writer.settled
        room = 0 if self._closed else max(0, self._settings.max_waiting - waiting)
        self._gather(jobs[:room])
        for _, done in jobs[room:]:
            done(_closed() if self._closed else DatabaseBusy(waiting + room))

    def get(self, table: Table, key: Key, done: Done) -> None:
        """Have the row read that has the key; `done` gets it, or `NotFound`."""
        self._loads.get(table, key, done)

    def read(self, read: Read, done: Done) -> None:
        """Have the rows read that a query finds."""
        if self._closed:
            done(_closed())
        elif (waiting := self._readers.waiting) >= self._settings.max_waiting:
            done(DatabaseBusy(waiting))
        else:
            self._readers.put(read, done)

    async def close(self) -> None:
        """Finish everything that was asked for, then close."""
        self._send()
        self._closed = True
        await asyncio.to_thread(self._close)

    def abandon(self) -> None:
        """Close without finishing what nobody waits for. Returns at once; the threads end by themselves."""
        self._closed = True
        self._readers.abandon()
        self._writer.abandon()

    def _settle(self, answer: object) -> None:
        if not self._opened.done():
            self._opened.set_result(answer)

    def _crash(self, fault: object) -> None:
        if self._opened.done():
            self._crashed(fault)
        self._settle(fault)

    def _gather(self, jobs: Sequence[Job]) -> None:
        # A change that starts in a turn of the loop goes with all others of the turn: the thread would take
        # the first one alone, and the rest would wait for a second sync.
        if jobs and not self._gathered:
            self._loop.call_soon(self._send)
        self._gathered += jobs
        self._accepted += len(jobs)

    def _send(self) -> None:
        if self._gathered:
            self._writer.put(self._gathered)
            self._gathered = []

    def _close(self) -> None:
        self._readers.close()
        self._writer.close()


def shorten_switches(seconds: float) -> None:
    """Have threads that wait for the GIL get it soon.

    At Python's 5 ms a busy event loop starves the writer, which needs the GIL several times for each
    change: 32 changes a second were measured beside a full loop, and 14 000 with 0.05 ms.
    """
    sys.setswitchinterval(min(sys.getswitchinterval(), seconds))


def _closed() -> DatabaseError:
    return DatabaseError("closed", "it is being stopped")
