"""What is told about the life of a process: telemetry at its start and its end, and a log record if it ended badly."""

from __future__ import annotations

import logging
from typing import Final

from greenroom.foundation import telemetry
from greenroom.foundation.exits import describe, is_clean

logger = logging.getLogger("greenroom.process")

START: Final = ("greenroom", "process", "start")
CRASH: Final = ("greenroom", "process", "crash")
STOP: Final = ("greenroom", "process", "stop")


def report_start(process: object) -> None:
    """Tell that the process is there, and whose child it is; its `init` is through."""
    if telemetry.bus.listening:
        telemetry.execute(START, {}, {"process": process})


def report_end(process: object, reason: object) -> None:
    """Tell that the process ended; at the level of an error unless it was meant to."""
    clean = is_clean(reason)
    if telemetry.bus.listening:
        telemetry.execute(STOP if clean else CRASH, {}, {"process": process, "reason": reason})
    if not clean:
        traceback = reason if isinstance(reason, BaseException) else None
        logger.error("%s crashed: %s", process, describe(reason), exc_info=traceback)
