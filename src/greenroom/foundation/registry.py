"""Registries: tables of names that processes keep for themselves, and that anyone may read without a message.

    tree = [child(Registry, "unique").named("venues"), ...]
    child(Venue, "Blue Note").named(Via("venues", "blue-note"))
    Ref(Venue, Via("venues", "blue-note"))

    venues = Registry.table("venues")
    venues.lookup("blue-note")

A name goes when its holder ends; if the registry itself ends, so do those who registered in it. Like Elixir's
`Registry`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

from greenroom.foundation.duplicate_table import DuplicateTable, PartedBy
from greenroom.foundation.errors import AlreadyStarted
from greenroom.foundation.genserver import GenServer
from greenroom.foundation.namespace import Name, Namespace, checked, current_namespace
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Ref
from greenroom.foundation.restart import is_count
from greenroom.foundation.table import NoRegistry, Table
from greenroom.foundation.unique_table import UniqueTable

Keys: TypeAlias = "Literal['unique', 'duplicate'] | tuple[Literal['duplicate'], PartedBy]"


@dataclass
class Registry(GenServer):
    """Owns a table of keys: `unique` ones, or `duplicate` ones, which several processes may hold.

    `partitions` is how many parts a parallel dispatch has, if the keys are duplicate and parted by process. `listeners`
    are names of processes that get `Registered` and `Unregistered`; `meta` is what the table's `meta` answers at first.
    """

    keys: Keys = "unique"
    partitions: int = 1
    listeners: Sequence[Name] = ()
    meta: Mapping[Any, Any] = field(default_factory=dict[Any, Any])
    _table: Table = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _parted_by(self.keys)
        if not is_count(self.partitions) or self.partitions == 0:
            raise ValueError(f"expected partitions to be an integer of at least 1, got {self.partitions!r}")
        if isinstance(self.listeners, str):
            raise ValueError(f"expected listeners to be a list of names, got {self.listeners!r}")
        for name in self.listeners:
            if not isinstance(name, (str, tuple)):
                checked(name)
        if not isinstance(cast(object, self.meta), Mapping):
            raise ValueError(f"expected meta to be a mapping, got {self.meta!r}")

    @staticmethod
    def table(registry: Name | Ref[Registry]) -> Table:
        """The table of a registry, for everything that can be asked of one. Keep it where it is used often.

        Raises:
            NoRegistry: no registry has run under this name.
        """
        if isinstance(registry, Ref):
            process = registry.find()
            server = None if process is None else process.server
            found = server._table if isinstance(server, Registry) else None  # noqa: SLF001  # its own
        else:
            found = current_namespace().tables.get(registry)
        if found is None:
            raise NoRegistry(registry)
        table: Table = found
        return table

    async def init(self) -> None:
        """Take the table of the registry that ran under this name before, if there was one, or make one."""
        process: Process[Any] = self.__process__
        name, tables = process.name, process.namespace.tables
        self._table = _table_for(name, self.keys, None if name is None else tables.get(name))
        if name is not None:
            tables[name] = self._table
        self._table.open(process, self.partitions, self.listeners, self.meta)

    def orphans(self) -> list[Process[Any]]:
        """Those who registered: without the table nobody would find them, and others could take their names."""
        return self._table.close() if hasattr(self, "_table") else []


@dataclass(frozen=True, slots=True)
class Via:
    """A key in the registry of this name, in place of a plain name; `value` is what the process says of itself."""

    registry: Name
    key: Hashable
    # Not a part of the name, and it may have no hash.
    value: object = field(default=None, compare=False, repr=False)

    def claim(self, namespace: Namespace, process: Any) -> None:
        """Give the key to the process; raises `AlreadyStarted`, or `NoRegistry`."""
        table = namespace.tables.get(self.registry)
        if table is None:
            raise NoRegistry(self.registry)
        if not isinstance(table, UniqueTable):
            table.holder(self.key)
        refusal = table.claim(self.key, process, self.value)
        if refusal is not None:
            raise AlreadyStarted(self.key, refusal.ref)

    def release(self, namespace: Namespace, process: Any) -> None:
        """Take the key back from the process."""
        table = namespace.tables.get(self.registry)
        if table is not None:
            table.release(self.key, process)

    def find(self, namespace: Namespace) -> Any:
        """The process that holds the key, or None."""
        table = namespace.tables.get(self.registry)
        return None if table is None or table.owner is None else table.holder(self.key)


def _parted_by(keys: object) -> PartedBy | None:
    match keys:
        case "unique":
            return None
        case "duplicate" | ("duplicate", "pid"):
            return "pid"
        case ("duplicate", "key"):
            return "key"
        case _:
            raise ValueError(
                f"expected keys to be 'unique', 'duplicate', ('duplicate', 'pid') or ('duplicate', 'key'), got {keys!r}"
            )


def _table_for(name: Name | None, keys: Keys, known: Table | None) -> Table:
    parted_by = _parted_by(keys)
    if parted_by is None:
        return known if isinstance(known, UniqueTable) else UniqueTable(name)
    if isinstance(known, DuplicateTable) and known.parted_by == parted_by:
        return known
    return DuplicateTable(name, parted_by)
