"""What happened on an event loop: which processes started there, which still live, and which crashed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, cast

from greenroom.foundation import report, telemetry
from greenroom.foundation.process import Process
from greenroom.foundation.scheduler import Scheduler
from greenroom.testing.settling import stage_loop

_numbers: Final = count(1)


@dataclass(slots=True, eq=False)
class Crash:
    """A process that ended badly, and what the log says about it."""

    process: str
    reason: object
    expected: bool = False
    text: str = ""

    def __str__(self) -> str:
        return self.text or f"{self.process}: {self.reason!r}"


@dataclass(frozen=True, slots=True, eq=False)
class Birth:
    """A process that was started: what it runs, and whose child it was then."""

    process: Process[Any]
    server: type
    parent: Process[Any] | None


@dataclass(eq=False)
class Record:
    """Listens to one scheduler's processes, by telemetry and the log."""

    scheduler: Scheduler
    births: list[Birth] = field(default_factory=list[Birth])
    alive: dict[Process[Any], None] = field(default_factory=dict[Process[Any], None])
    crashes: list[Crash] = field(default_factory=list[Crash])
    _expected: list[object] = field(default_factory=list[object])
    _id: str = ""
    _log: logging.Handler | None = None

    def open(self) -> None:
        """Listen from now on."""
        _records[self.scheduler.loop] = self
        # A test gets all reports of its own crashes, whatever the tests before it have used up.
        report.limit.forget()
        self._id = f"greenroom.testing.{next(_numbers)}"
        telemetry.attach_many(self._id, [report.START, report.STOP, report.CRASH], self._note)
        self._log = _CrashLog(self)
        report.logger.addHandler(self._log)

    def close(self) -> None:
        """Listen no more."""
        del _records[self.scheduler.loop]
        telemetry.detach(self._id)
        if self._log is not None:
            report.logger.removeHandler(self._log)

    def expect(self, reason: object) -> None:
        """Take every crash for this very reason, so far and from now on, as one that the test knows of."""
        self._expected.append(reason)
        for crash in self.crashes:
            crash.expected = crash.expected or crash.reason is reason

    def unread(self) -> Iterator[Crash]:
        """The crashes that the test did not say it expected.

        A reason that is no exception was given by somebody on purpose: such an end is no mistake to overlook.
        """
        return (crash for crash in self.crashes if not crash.expected and isinstance(crash.reason, BaseException))

    def _note(self, event: telemetry.Event, _: telemetry.Measurements, metadata: telemetry.Metadata) -> None:
        process = cast("Process[Any]", metadata["process"])
        if process.namespace.scheduler is not self.scheduler:
            return
        if event == report.START:
            self.births.append(Birth(process, process.server.__class__, process.parent))
            self.alive[process] = None
        elif self.alive.pop(process, self) is None and event == report.CRASH:
            # Whoever starts a process is told that its `init` failed; only the end of a living one can go unseen.
            reason = metadata["reason"]
            self.crashes.append(Crash(repr(process), reason, any(reason is known for known in self._expected)))


_records: Final[dict[asyncio.AbstractEventLoop, Record]] = {}


def current_record() -> Record:
    """The record of the running test."""
    return _records[stage_loop()]


class _CrashLog(logging.Handler):
    """Keeps the text of a report with the crash that it is about: telemetry tells of it right before the log does."""

    def __init__(self, record: Record) -> None:
        super().__init__(logging.ERROR)
        self._record = record

    def emit(self, record: logging.LogRecord) -> None:
        crashes = self._record.crashes
        if crashes and not crashes[-1].text:
            crashes[-1].text = self.format(record)
