"""The thread that makes all changes, as many to a commit as are waiting."""

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread

from greenroom.infrastructure.database.connector import Connector
from greenroom.infrastructure.database.delivery import Delivery
from greenroom.infrastructure.database.error import FATAL, DatabaseError, Reason
from greenroom.infrastructure.database.health import Degraded, Healthy
from greenroom.infrastructure.database.outcome import Refusal
from greenroom.infrastructure.database.session import Session
from greenroom.infrastructure.database.settings import DatabaseSettings
from greenroom.infrastructure.database.task import Answers, Done, Transaction, Write, Written

logger = logging.getLogger("greenroom.database")

Job = tuple[Write, Done]


_FIRST_PAUSE = 0.05


class Writer:
    """Group commit: what arrives while a transaction is being synced goes into the next one.

    Nothing is answered before the commit that holds it. When the database fails, all that wait are
    told, and so are those that come later, until a probe finds that it works again.
    """

    def __init__(self, connector: Connector, settings: DatabaseSettings, delivery: Delivery) -> None:
        self.health: Healthy | Degraded = Healthy()
        self.settled = 0
        self._connector = connector
        self._settings = settings
        self._delivery = delivery
        self._jobs: SimpleQueue[Sequence[Job] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._session: Session | None = None
        self._suspicion: Reason | None = None
        self._probe_at = 0.0
        self._pause = _FIRST_PAUSE
        self._stopping = False
        self._abandoned = False

    def start(self, opened: Done) -> None:
        """Open the database in the thread; `opened` gets None, or the `DatabaseError` that prevents it."""
        self._thread = self._delivery.thread("writer", partial(self._run, opened))
        self._thread.start()

    def put(self, jobs: Sequence[Job]) -> None:
        """Have the writes carried out, in this order, each on its own."""
        self._jobs.put(jobs)

    def suspect(self, reason: Reason) -> None:
        """Have the database probed, since a reader failed."""
        self._suspicion = reason
        self._jobs.put(())

    def close(self) -> None:
        """Finish what was put, then close. Blocks until it is done."""
        self._jobs.put(None)
        if self._thread is not None:
            self._thread.join()

    def abandon(self) -> None:
        """Finish the transaction at hand, drop the rest, and close: nobody waits any more."""
        self._abandoned = True
        self._jobs.put(None)

    def _run(self, opened: Done) -> None:
        try:
            self._session = self._connector.writer()
        except DatabaseError as failure:
            self._delivery.post([(opened, failure)])
            return
        self._delivery.post([(opened, None)])
        try:
            while not self._stopping:
                self._serve(self._take())
        finally:
            self._drop_session()

    def _take(self) -> Sequence[Job]:
        """Wait for jobs, and take all that wait; none when it is time for a probe."""
        jobs: list[Job] = []
        try:
            some = self._jobs.get(timeout=self._patience())
            while True:
                if some is None:
                    self._stopping = True
                else:
                    jobs.extend(some)
                some = self._jobs.get_nowait()
        except Empty:
            return jobs

    def _patience(self) -> float | None:
        return max(0.0, self._probe_at - time.monotonic()) if isinstance(self.health, Degraded) else None

    def _serve(self, jobs: Sequence[Job]) -> None:
        self._check()
        for at in range(0, len(jobs), self._settings.max_batch):
            if self._abandoned:
                return
            batch = jobs[at : at + self._settings.max_batch]
            answers = self._settle(batch)
            # First the number: who is answered may have its next change refused otherwise.
            self.settled += len(batch)
            self._delivery.post(answers)

    # Transactions.

    def _settle(self, jobs: Sequence[Job]) -> Answers:
        """Commit the jobs together, and find the answer of each."""
        if isinstance(self.health, Degraded):
            return _refused(jobs, DatabaseError(self.health.reason, self.health.detail))
        try:
            return self._commit(jobs)
        except DatabaseError as failure:
            if failure.reason != "statement":
                self._degrade(failure)
                return _refused(jobs, failure)
            return self._settle_singly(jobs, failure)
        except Exception as fault:  # a fault in one caller's value or function must not take all others down
            return self._settle_singly(jobs, fault)

    def _settle_singly(self, jobs: Sequence[Job], error: Exception) -> Answers:
        """Give each its own transaction, since one spoiled that of all: a deferred constraint, a broken step."""
        if len(jobs) == 1:
            write, done = jobs[0]
            return [(done, self._verdict(write, error))]
        return [answer for job in jobs for answer in self._settle([job])]

    def _verdict(self, write: Write, error: Exception) -> Refusal | DatabaseError:
        cause = error.__cause__ if isinstance(error, DatabaseError) and error.__cause__ else error
        if self._session is None or isinstance(write, Transaction):
            return DatabaseError.of(cause, "statement")
        return self._session.verdict(write, cause)

    def _commit(self, jobs: Sequence[Job]) -> Answers:
        started = time.perf_counter()
        verdicts = self._carry_out_again_if_lost([write for write, _ in jobs])
        session = self._open_session()
        try:
            session.commit()
        except DatabaseError as failure:
            self._give_up(session, failure)
            raise
        self._delivery.tell(
            ("greenroom", "database", "commit"),
            {"changes": len(jobs), "duration": time.perf_counter() - started},
            {"database": str(self._connector.url)},
        )
        return [(done, verdict) for (_, done), verdict in zip(jobs, verdicts, strict=True)]

    def _carry_out_again_if_lost(self, writes: Sequence[Write]) -> Sequence[Written | DatabaseError]:
        try:
            return self._carry_out(writes)
        except DatabaseError as failure:
            if failure.reason != "lost":
                raise
            # No commit was sent, so nothing can be applied twice. A server that restarted while nothing
            # went on is noticed only here, and need not be an error to anyone.
            return self._carry_out(writes)

    def _carry_out(self, writes: Sequence[Write]) -> Sequence[Written | DatabaseError]:
        session = self._open_session()
        try:
            session.begin()
            return session.carry_out(writes)
        except Exception as error:
            self._give_up(session, error)
            raise

    def _give_up(self, session: Session, error: Exception) -> None:
        session.rollback()
        if isinstance(error, DatabaseError) and error.reason in FATAL:
            self._drop_session()

    def _open_session(self) -> Session:
        if self._session is None:
            self._session = self._connector.writer()
        return self._session

    def _drop_session(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    # Outages.

    def _check(self) -> None:
        """Probe the database where it is due, and note what comes of it."""
        match self.health:
            case Healthy() if self._suspicion is None:
                return
            case Degraded() if time.monotonic() < self._probe_at:
                return
            case Degraded(reason=reason):
                self._probe(reason)
            case Healthy():
                self._probe(self._suspicion or "io")
        self._suspicion = None

    def _probe(self, after: Reason) -> None:
        try:
            self._open_session().probe(after)
        except DatabaseError as failure:
            if self._session is not None:
                self._give_up(self._session, failure)
            self._degrade(failure)
            return
        before, self.health = self.health, Healthy()
        if isinstance(before, Degraded):
            logger.warning("the database %s works again, after %s", self._connector.url, before.detail)
            self._tell("recovery", before)
        self._pause = _FIRST_PAUSE

    def _degrade(self, failure: DatabaseError) -> None:
        if isinstance(self.health, Healthy):
            logger.error("the database %s failed: %s: %s", self._connector.url, failure.reason, failure.detail)
            self.health = Degraded(failure.reason, failure.detail, since=datetime.now(UTC))
            self._tell("failure", self.health)
        else:
            self.health = Degraded(failure.reason, failure.detail, since=self.health.since)
        self._probe_at = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, self._settings.probe_interval)

    def _tell(self, what: str, outage: Degraded) -> None:
        seconds = (datetime.now(UTC) - outage.since).total_seconds()
        metadata = {"database": str(self._connector.url), "reason": outage.reason, "detail": outage.detail}
        self._delivery.tell(("greenroom", "database", what), {"duration": seconds}, metadata)


def _refused(jobs: Sequence[Job], failure: DatabaseError) -> Answers:
    # To each an error of its own: a traceback grows wherever an error is raised.
    return [(done, failure.copy()) for _, done in jobs]
