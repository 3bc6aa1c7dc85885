"""Events that the running system tells about itself, for whoever listens.

An event is a tuple of words, as in `("greenroom", "process", "crash")`, with measurements (numbers) and metadata
(everything else). Handlers run at once, in the process that tells; one that raises is detached and reported, so that
watching can not break what is watched. After Erlang's `telemetry`. All events of the project are listed in
`docs/telemetry.md`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from greenroom.foundation.exits import FAULTS

Event: TypeAlias = tuple[str, ...]
Measurements: TypeAlias = Mapping[str, float]
Metadata: TypeAlias = Mapping[str, object]
Handler: TypeAlias = Callable[[Event, Measurements, Metadata], object]

logger = logging.getLogger("greenroom.telemetry")


@dataclass(slots=True)
class Bus:
    """Who listens to what. `listening` is the one attribute that is read where nobody does."""

    listening: bool = False
    handlers: dict[Event, dict[str, Handler]] = field(default_factory=dict[Event, dict[str, Handler]])


bus = Bus()


def attach(handler_id: str, event: Event, handler: Handler) -> None:
    """Call `handler(event, measurements, metadata)` at every such event.

    Raises:
        ValueError: the id already listens to this event; detach it first.
        TypeError: the event is no tuple of words, or the handler no function.
    """
    attach_many(handler_id, [event], handler)


def attach_many(handler_id: str, events: list[Event], handler: Handler) -> None:
    """Attach one handler to several events under one id, to all of them or to none; raises as `attach` does."""
    for event in events:
        _check(handler_id, event, handler)
    for event in events:
        bus.handlers.setdefault(event, {})[handler_id] = handler
        bus.listening = True


def detach(handler_id: str) -> bool:
    """Stop calling this handler; False when nothing listened under the id."""
    found = False
    for event, listeners in list(bus.handlers.items()):
        found = listeners.pop(handler_id, None) is not None or found
        if not listeners:
            del bus.handlers[event]
    bus.listening = bool(bus.handlers)
    return found


def list_handlers(prefix: Event = ()) -> list[tuple[str, Event]]:
    """The ids and events of all handlers whose event begins with the prefix."""
    return [
        (handler_id, event)
        for event, listeners in bus.handlers.items()
        if event[: len(prefix)] == prefix
        for handler_id in listeners
    ]


def execute(event: Event, measurements: Measurements, metadata: Metadata) -> None:
    """Tell everyone who listens to the event."""
    if not bus.listening:
        return
    for handler_id, handler in list(bus.handlers.get(event, {}).items()):
        try:
            handler(event, measurements, metadata)
        except FAULTS as error:  # whatever a listener does wrong must not reach what it listens to
            detach(handler_id)
            logger.exception("telemetry handler %s failed at %s and was detached", handler_id, event)
            execute(("greenroom", "telemetry", "failure"), {}, {"handler": handler_id, "event": event, "error": error})


@contextmanager
def span(event: Event, metadata: Metadata) -> Generator[dict[str, object]]:
    """Tell `event + ("start",)`, then `("stop",)` with the duration, or `("exception",)` when the block raises.

    Yields a dictionary whose entries are added to the metadata of the end.
    """
    found: dict[str, object] = {}
    started = time.perf_counter()
    execute((*event, "start"), {"monotonic": started}, metadata)
    try:
        yield found
    except BaseException as error:
        seconds = time.perf_counter() - started
        execute((*event, "exception"), {"duration": seconds}, {**metadata, **found, "error": error})
        raise
    execute((*event, "stop"), {"duration": time.perf_counter() - started}, {**metadata, **found})


def _check(handler_id: str, event: object, handler: object) -> None:
    words = cast("tuple[object, ...]", event) if isinstance(event, tuple) else ()
    if not words or not all(isinstance(word, str) for word in words):
        raise TypeError(f"expected an event as a tuple of words, as ('greenroom', 'process', 'crash'), got {event!r}")
    if not callable(handler):
        raise TypeError(f"expected a handler to be a function of event, measurements and metadata, got {handler!r}")
    if handler_id in bus.handlers.get(cast(Event, event), {}):
        raise ValueError(f"expected an id that does not listen to {event} yet, got {handler_id!r}")
