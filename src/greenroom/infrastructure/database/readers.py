"""Threads that read, each on a connection of its own, so that no reader waits for the writer."""

from asyncio import AbstractEventLoop
from queue import Empty, SimpleQueue
from threading import Thread, current_thread

from greenroom.infrastructure.database.connector import Connector
from greenroom.infrastructure.database.delivery import Delivery
from greenroom.infrastructure.database.error import FATAL, DatabaseError
from greenroom.infrastructure.database.reader import Reader
from greenroom.infrastructure.database.task import Done, Read
from greenroom.infrastructure.database.writer import Writer

# One thread does quick reads faster than many, which would take turns under the GIL.
_TOO_LONG = 0.005


class Readers:
    """A pool that starts with one thread, and gets another whenever reads have waited too long."""

    def __init__(
        self, connector: Connector, limit: int, delivery: Delivery, writer: Writer, loop: AbstractEventLoop
    ) -> None:
        self._connector = connector
        self._limit = limit
        self._delivery = delivery
        self._writer = writer
        self._loop = loop
        self._jobs: SimpleQueue[tuple[Read, Done] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._watching = False
        self._closing = False

    @property
    def waiting(self) -> int:
        """How many reads no thread has taken yet."""
        return self._jobs.qsize()

    def put(self, read: Read, done: Done) -> None:
        """Have the rows found. Called in the loop's thread."""
        self._jobs.put((read, done))
        if not self._threads:
            self._grow()
        elif not self._watching and self.waiting > 1:
            self._watch()

    def close(self) -> None:
        """Finish what was put, then close. Blocks until it is done."""
        self._closing = True
        self._jobs.put(None)
        for thread in tuple(self._threads):
            thread.join()

    def abandon(self) -> None:
        """Drop what waits, and close."""
        self._closing = True
        try:
            while True:
                self._jobs.get_nowait()
        except Empty:
            self._jobs.put(None)

    # Growth.

    def _watch(self) -> None:
        self._watching = True
        self._loop.call_later(_TOO_LONG, self._relieve)

    def _relieve(self) -> None:
        self._watching = False
        if not self._closing and not self._jobs.empty() and len(self._threads) < self._limit:
            self._grow()
            self._watch()

    def _grow(self) -> None:
        thread = self._delivery.thread(f"reader-{len(self._threads) + 1}", self._run)
        self._threads.append(thread)
        thread.start()

    def _run(self) -> None:
        reader = Reader(self._connector)
        if not reader.opens() and len(self._threads) > 1:
            # The server has no connection to spare: the other threads do the work.
            self._threads.remove(current_thread())
            return
        while (job := self._jobs.get()) is not None:
            read, done = job
            answer = reader.answer(read)
            if isinstance(answer, DatabaseError) and answer.reason in FATAL:
                self._writer.suspect(answer.reason)
            self._delivery.post([(done, answer)])
        # For the next thread: one word closes them all, however many there are.
        self._jobs.put(None)
        reader.close()
