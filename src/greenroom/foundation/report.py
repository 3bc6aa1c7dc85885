"""What is told about the life of a process: telemetry at its start and its end, and a log record if it ended badly.

The record is written out only if a handler of the log wants it, and at most `REPORTS_PER_SECOND` times for crashes of
one kind: a hundred thousand processes that all lose their database must not drown it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from functools import cached_property
from traceback import print_exc
from typing import Any, Final

from greenroom.foundation import telemetry
from greenroom.foundation.exits import KILLED, describe, is_clean
from greenroom.foundation.mailbox import Message
from greenroom.foundation.redaction import Request, arguments_of, in_short, without_secrets

logger = logging.getLogger("greenroom.process")

START: Final = ("greenroom", "process", "start")
CRASH: Final = ("greenroom", "process", "crash")
STOP: Final = ("greenroom", "process", "stop")

REPORTS_PER_SECOND: Final = 50
KINDS: Final = 1000
"""How many kinds are counted apart, before all begin anew."""


def report_start(process: Any) -> None:
    """Tell that the process is there, and whose child it is; its `init` is through."""
    if telemetry.bus.listening:
        telemetry.execute(START, {}, identity(process))


def identity(process: Any) -> dict[str, object]:
    """Which process it is: itself, and in words what goes into the labels of a metric and into a log."""
    return {"process": process, "server": process.server.__class__.__name__, "name": process.name}


def report_end(process: Any, reason: object) -> None:
    """Tell that the process ended; at the level of an error unless it was meant to."""
    if is_clean(reason) or _is_of_the_loop(process, reason):
        if telemetry.bus.listening:
            telemetry.execute(STOP, {}, {**identity(process), "reason": reason})
        return
    # A kill is no mistake of the process; those to whom it matters hear of it, and report it if they like.
    level = logging.INFO if isinstance(reason, str) and reason == KILLED else logging.ERROR
    is_logged = logger.isEnabledFor(level)
    if not is_logged and not telemetry.bus.listening:
        return
    report = CrashReport(process, reason)
    if telemetry.bus.listening:
        telemetry.execute(CRASH, {}, {**identity(process), "reason": reason, "report": report})
    if is_logged:
        silenced = limit.admit((process.server.__kind__, type(reason)))
        if silenced is not None:
            report.silenced = silenced
            _write(level, report)


def _is_of_the_loop(process: Any, reason: object) -> bool:
    # When the loop ends, one pulls the next along; what a clean-up has met is still worth a report.
    return process.namespace.scheduler.is_ending and not isinstance(reason, BaseException)


def _write(level: int, report: CrashReport) -> None:
    traceback = report.reason if isinstance(report.reason, BaseException) else None
    try:
        logger.log(level, "%s", report, exc_info=traceback, extra={"report": report})
    except Exception:  # a log that fails must not keep a process from ending
        if logging.raiseExceptions:
            print_exc()


class CrashReport(Mapping[str, object]):
    """What is known of a crash, by words: the process, the reason, its label, its last message, its state.

    It is put together when somebody reads it; secrets are left out, as `format_status` and the names of fields say.
    """

    def __init__(self, process: Any, reason: object) -> None:
        self.process = process
        self.reason = reason
        self.silenced = 0
        self._server = process.server
        self._label = None if process.ties is None else process.ties.label
        self._last: Message | None = None if process.ties is None else process.ties.last

    @cached_property
    def _found(self) -> Mapping[str, object]:
        label = {} if self._label is None else {"label": self._label}
        about = self._server.__about__(self._message(), self.reason)
        return {"process": self.process, "reason": self.reason, **label, **about}

    def _message(self) -> Request | None:
        if self._last is None:
            return None
        function, args, kwargs, _ = self._last
        return Request(function.__name__, without_secrets(arguments_of(function, args, kwargs)))

    def __getitem__(self, word: str) -> object:
        return self._found[word]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __str__(self) -> str:
        told = {word: value for word, value in self.items() if word not in ("process", "reason")}
        if self.silenced:
            told["not reported"] = f"{self.silenced} more of this kind"
        lines = [f"{self.process} crashed: {describe(self.reason)}"]
        return "\n  ".join([*lines, *(f"{word}: {in_short(value)}" for word, value in told.items())])


class ReportLimit:
    """Lets so many reports of one kind through in a second, and counts the others."""

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self._kinds: dict[object, _Second] = {}

    def forget(self) -> None:
        """Begin anew, as for another program."""
        self._kinds.clear()

    def admit(self, kind: object) -> int | None:
        """How many of this kind were left out before this report; None to leave it out too."""
        now = int(time.monotonic())
        second = self._kinds.get(kind)
        if second is None:
            if len(self._kinds) >= KINDS:
                self.forget()
            second = self._kinds[kind] = _Second(now)
        elif second.number != now:
            second.number, second.reports = now, 0
        second.reports += 1
        if second.reports > self.per_second:
            second.silenced += 1
            return None
        silenced, second.silenced = second.silenced, 0
        return silenced


class _Second:
    __slots__ = ("number", "reports", "silenced")

    def __init__(self, number: int) -> None:
        self.number = number
        self.reports = 0
        self.silenced = 0


limit: Final = ReportLimit(REPORTS_PER_SECOND)
"""The limit of all reports in the log; each kind is counted by itself."""
