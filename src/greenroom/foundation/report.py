"""What is told about the life of a process: telemetry at its start and its end, and a log record if it ended badly."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from greenroom.foundation import telemetry
from greenroom.foundation.exits import KILLED, describe, is_clean

logger = logging.getLogger("greenroom.process")

START: Final = ("greenroom", "process", "start")
CRASH: Final = ("greenroom", "process", "crash")
STOP: Final = ("greenroom", "process", "stop")


def report_start(process: object) -> None:
    """Tell that the process is there, and whose child it is; its `init` is through."""
    if telemetry.bus.listening:
        telemetry.execute(START, {}, {"process": process})


def report_end(process: Any, reason: object) -> None:
    """Tell that the process ended; at the level of an error unless it was meant to.

    The log record carries what it says in words as its `report` too.
    """
    clean = is_clean(reason)
    if telemetry.bus.listening:
        telemetry.execute(STOP if clean else CRASH, {}, {"process": process, "reason": reason})
    if not clean:
        # A kill is no mistake of the process; those to whom it matters hear of it, and report it if they like.
        level = logging.INFO if isinstance(reason, str) and reason == KILLED else logging.ERROR
        if logger.isEnabledFor(level):
            _log_crash(level, process, reason)


def _log_crash(level: int, process: Any, reason: object) -> None:
    about: Mapping[str, object] = process.server.__about__()
    logger.log(
        level,
        "%s crashed: %s%s",
        process,
        describe(reason),
        "".join(f"\n  {what}: {value}" for what, value in about.items()),
        exc_info=reason if isinstance(reason, BaseException) else None,
        extra={"report": {"process": process, "reason": reason, **about}},
    )
