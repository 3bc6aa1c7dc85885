"""Logging: one line for each event, for people on a terminal and as JSON everywhere else, on standard error."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from gigbook.application.settings import Settings


def configure(settings: Settings, stream: TextIO = sys.stderr) -> None:
    """Send every log line of this program, and of the libraries in it, to the stream."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    console = stream.isatty() if settings.log_format == "auto" else settings.log_format == "console"
    steps: list[Processor] = [structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    ending: list[Processor] = _for_people(stream) if console else _for_machines()
    structlog.configure(
        processors=[*steps, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*steps, structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    for chatty in ("uvicorn", "alembic"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))
    logging.basicConfig(handlers=[handler], level=level, force=True)


def _for_people(stream: TextIO) -> list[Processor]:
    return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)]


def _for_machines() -> list[Processor]:
    return [structlog.processors.format_exc_info, _json]


def _json(_: WrappedLogger, __: str, event: EventDict) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()
