"""The processes of one kind, under one supervisor: what writes, what starts and supervises, what reminds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from greenroom.foundation.child import ChildForm, ChildSpec, child
from greenroom.foundation.namespace import Name
from greenroom.foundation.ref import Ref
from greenroom.foundation.restart import Strategy
from greenroom.foundation.supervisor import Supervisor
from greenroom.infrastructure.database import Database
from greenroom.infrastructure.entity.alarm import Alarm
from greenroom.infrastructure.entity.home import Home, Memory
from greenroom.infrastructure.entity.kind import Kind
from greenroom.infrastructure.entity.live import Live
from greenroom.infrastructure.entity.saver import Saver
from greenroom.infrastructure.entity.server import Entity
from greenroom.infrastructure.entity.settings import EntitySettings
from greenroom.infrastructure.entity.store import Store

K = TypeVar("K", bound=int | str)
S = TypeVar("S")


def entities(
    entity: type[Entity[K, S]],
    home: Home[S] | Memory[S],
    settings: EntitySettings | None = None,
    *,
    database: Name = "database",
) -> ChildSpec[Entities]:
    """A child for a tree that has all entities of one class; it comes after the database.

    tree = [child(Database, url).named("database"), entities(Venue, Columns(venues, Diary))]
    """
    spec = child(Entities, entity=entity, home=home, settings=settings or EntitySettings(), database=database)
    return spec.named(f"{entity.__entity__}/tree")


@dataclass
class Entities(Supervisor):
    """Supervises one kind. If the writer crashes, the entities stay; it goes on where the last one stopped."""

    strategy: Strategy = "one_for_one"
    # `Any`: what `entities` has checked against each other.
    entity: type[Entity[Any, Any]] = field(kw_only=True)
    home: Home[Any] | Memory[Any] = field(kw_only=True)
    settings: EntitySettings = field(kw_only=True)
    database: Name = field(kw_only=True)

    async def init(self) -> None:
        """Start the kind's processes once those are gone that a killed predecessor left: they hold the names."""
        name = self.entity.__entity__
        for left in (Ref(Saver, f"{name}/saver"), Ref(Live, name), Ref(Alarm, f"{name}/alarm")):
            await left.down()
        await super().init()

    def specs(self) -> Iterable[ChildForm]:
        """The writer before the entities, since it ends after them."""
        kind = self._kind()
        name = self.entity.__entity__
        yield child(Saver, kind).named(f"{name}/saver")
        yield child(Live, entity=self.entity, kind=kind).named(name)
        if self.entity.__reminds__:
            yield child(Alarm, self.entity, kind, Ref(Database, self.database)).named(f"{name}/alarm")

    def _kind(self) -> Kind[Any, Any]:
        clock = self.__process__.namespace.scheduler.clock
        store: Store[Any, Any] | None = None
        if not isinstance(self.home, Memory):
            store = Store(self.entity.kind, self.home, Ref(Database, self.database), clock, self.settings.retry)
        return Kind(self.entity.kind, self.home, store, self.settings, clock)
