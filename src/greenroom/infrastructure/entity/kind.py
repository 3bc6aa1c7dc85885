"""What the processes of one kind share: where its entities are kept, how, and what of them is not stored yet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Generic, Protocol, TypeVar

from greenroom.foundation import telemetry
from greenroom.foundation.clock import Clock
from greenroom.foundation.exits import describe
from greenroom.infrastructure.database import Key
from greenroom.infrastructure.entity.backlog import Backlog, Unsaved
from greenroom.infrastructure.entity.codec import Codec
from greenroom.infrastructure.entity.error import KeptInMemory
from greenroom.infrastructure.entity.home import Home, Memory
from greenroom.infrastructure.entity.settings import EntitySettings
from greenroom.infrastructure.entity.store import Store

K = TypeVar("K", bound=int | str)
S = TypeVar("S")

logger = logging.getLogger("greenroom.entity")

PREFIX: Final = "entities"


def kind_name(kind: str) -> str:
    """The name of the process that starts the entities of a kind, and the first half of their own names."""
    return f"{PREFIX}/{kind}"


class Writer(Protocol):
    """Whoever writes the backlog."""

    def arm(self) -> None:
        """Look at the backlog when it is due next."""
        ...


class Alarms(Protocol):
    """Whoever delivers reminders."""

    def expect(self, seconds: float) -> None:
        """Look for due reminders in this many seconds."""
        ...


class Kind(Generic[K, S]):
    """One kind in one namespace, from the start of its tree to the end."""

    def __init__(
        self, name: str, home: Home[S] | Memory[S], store: Store[K, S] | None, settings: EntitySettings, clock: Clock
    ) -> None:
        self.name = name
        self.settings = settings
        self.clock = clock
        # `Any`: entities are defined on top of this.
        self.backlog: Backlog[Any] = Backlog(settings.save_interval, settings.max_unsaved)
        self.writer: Writer | None = None
        self.alarms: Alarms | None = None
        # Called when entities were saved that had to be, for the kind to have room.
        self.saved: Callable[[], object] | None = None
        self._home = home
        self._store = store

    @cached_property
    def codec(self) -> Codec[S]:
        """Packs the states that hibernate. Made on first use: a kind that never hibernates may have any states."""
        return self._home.codec

    @property
    def store(self) -> Store[K, S]:
        """Its rows.

        Raises:
            KeptInMemory: it has none.
        """
        if self._store is None:
            raise KeptInMemory(self.name)
        return self._store

    @property
    def is_stored(self) -> bool:
        """Whether it has rows."""
        return self._store is not None

    def expect(self, due: datetime) -> None:
        """Have reminders looked for at this time."""
        if self.alarms is not None:
            self.alarms.expect((due - self.store.now()).total_seconds())

    def hurry(self, entity: Any) -> None:
        """Have what is not stored of the entity written as soon as can be."""
        if entity.__unsaved__ is not None:
            self.backlog.hurry(entity.__unsaved__, self.clock.monotonic())
            if self.writer is not None:
                self.writer.arm()

    def report_loss(self, unsaved: Unsaved[Any], reason: object) -> None:
        """Say that an entity ended before its changes were saved."""
        entity, seconds = unsaved.entity, self.clock.monotonic() - unsaved.since
        logger.error(
            "%s %r ended (%s) with changes of the last %.3f s that were not saved",
            self.name,
            entity.key,
            describe(reason),
            seconds,
        )
        self.tell("lost", {"seconds": seconds}, key=entity.key, reason=reason, state=entity.state)

    def tell(self, event: str, measurements: Mapping[str, float], key: Key | None = None, **more: object) -> None:
        """Tell telemetry what happened to an entity of the kind, or to several."""
        if telemetry.bus.listening:
            telemetry.execute(("greenroom", "entity", event), measurements, {"kind": self.name, "key": key, **more})
