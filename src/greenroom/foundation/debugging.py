"""Watching what a process handles: debug functions, a trace in the log, the last events, statistics.

    debugging.trace(venue)
    debugging.log(venue, keep=100)
    ...
    for event in debugging.logged(venue): ...

As long as one of them is there, the process takes every message through its mailbox; without any, they cost nothing.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import Any, Final, cast

from greenroom.foundation.errors import NotRunning
from greenroom.foundation.observer import DebugFunction, MessageIn, MessageOut, Observer, SystemEvent
from greenroom.foundation.process import Process
from greenroom.foundation.redaction import in_short
from greenroom.foundation.ref import Ref, process_at

__all__ = [
    "DebugFunction",
    "MessageIn",
    "MessageOut",
    "Statistics",
    "clear",
    "count",
    "install",
    "log",
    "logged",
    "remove",
    "statistics",
    "trace",
]

logger = logging.getLogger("greenroom.trace")

TRACE: Final = "trace"
LOG: Final = "log"
STATISTICS: Final = "statistics"


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a process has done since it is counted: messages begun and finished, and seconds spent in handlers."""

    since: float
    received: int = 0
    finished: int = 0
    seconds: float = 0.0


def install(ref: Ref[Any], function: DebugFunction) -> None:
    """Call the function at the beginning and the end of every message; one that raises is removed.

    Raises:
        NotRunning: there is no process.
        TypeError: it is no function.
    """
    if not callable(cast(object, function)):
        raise TypeError(f"expected a function of an event, got {function!r}")
    _observer(ref, "install").functions[function] = function


def remove(ref: Ref[Any], function: DebugFunction) -> None:
    """Call the function no more."""
    _remove(ref, function)


def clear(ref: Ref[Any]) -> None:
    """Call no function any more, write no trace, keep no events and count nothing. OTP's `no_debug`."""
    _remove(ref)


def trace(ref: Ref[Any], enabled: bool = True) -> None:
    """Write every message into the log `greenroom.trace`, or no more."""
    _turn(ref, TRACE, _write if enabled else None)


def log(ref: Ref[Any], keep: int = 10) -> None:
    """Keep this many of the last events; none and no more with zero.

    Raises:
        NotRunning: there is no process.
        ValueError: it is no number of events.
    """
    if not isinstance(cast(object, keep), int) or keep < 0:
        raise ValueError(f"expected keep to be an integer of at least 0, got {keep!r}")
    _turn(ref, LOG, _EventLog(keep) if keep else None)


def logged(ref: Ref[Any]) -> list[SystemEvent]:
    """The events that are kept, the oldest first."""
    kept = _installed(ref, LOG)
    return list(kept.events) if isinstance(kept, _EventLog) else []


def count(ref: Ref[Any], enabled: bool = True) -> None:
    """Begin to count, from zero, or end it."""
    process = _process(ref, STATISTICS)
    now = process.namespace.scheduler.clock.monotonic()
    _turn(ref, STATISTICS, _Counter(now) if enabled else None)


def statistics(ref: Ref[Any]) -> Statistics | None:
    """What has been counted; None when nothing is."""
    counter = _installed(ref, STATISTICS)
    return counter.statistics if isinstance(counter, _Counter) else None


class _EventLog:
    def __init__(self, keep: int) -> None:
        self.events: deque[SystemEvent] = deque(maxlen=keep)

    def __call__(self, event: SystemEvent) -> None:
        self.events.append(event)


class _Counter:
    def __init__(self, now: float) -> None:
        self.since = now
        self.received = 0
        self.finished = 0
        self.seconds = 0.0

    @property
    def statistics(self) -> Statistics:
        return Statistics(self.since, self.received, self.finished, self.seconds)

    def __call__(self, event: SystemEvent) -> None:
        match event:
            case MessageIn():
                self.received += 1
            case MessageOut():
                self.finished += 1
                self.seconds += event.seconds


def _write(event: SystemEvent) -> None:
    match event:
        case MessageIn():
            arguments = in_short(event.arguments)
            logger.info("%s begins %s %s with %s", event.ref, event.kind, event.method, arguments)
        case MessageOut():
            logger.info("%s ends %s %s after %.6f s", event.ref, event.kind, event.method, event.seconds)


def _turn(ref: Ref[Any], word: str, function: DebugFunction | None) -> None:
    if function is None:
        _remove(ref, word)
    else:
        _observer(ref, word).functions[word] = function


def _observer(ref: Ref[Any], what: str) -> Observer:
    process = _process(ref, what)
    observer = process.tie().observer
    if observer is None:
        observer = Observer(process)
        process.observe(observer)
    return observer


def _remove(ref: Ref[Any], *keys: object) -> None:
    # These, or all of them where none is named. Messages that have been prepared for them ask the observer again.
    process = ref.where()
    observer = process.ties.observer if isinstance(process, Process) and process.ties is not None else None
    if observer is not None:
        for key in keys or list(observer.functions):
            observer.functions.pop(key, None)
        if not observer.functions:
            cast("Process[Any]", process).observe(None)


def _installed(ref: Ref[Any], word: str) -> DebugFunction | None:
    ties = _process(ref, word).ties
    return None if ties is None or ties.observer is None else ties.observer.functions.get(word)


def _process(ref: Ref[Any], what: str) -> Process[Any]:
    process = process_at(ref)
    if not isinstance(process, Process) or not process.alive:
        raise NotRunning(ref, what)
    return process
