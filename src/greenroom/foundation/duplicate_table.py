"""The table of a registry whose keys have any number of holders."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Literal, NoReturn, TypeAlias

from greenroom.foundation.match import Entry
from greenroom.foundation.namespace import Name
from greenroom.foundation.process import Process
from greenroom.foundation.table import Table
from greenroom.foundation.typed_key import typed

PartedBy: TypeAlias = Literal["pid", "key"]


class DuplicateTable(Table):
    """Any number of entries for each key, in the order of their registration."""

    __slots__ = ("_buckets", "_count", "parted_by")

    def __init__(self, name: Name | None, parted_by: PartedBy) -> None:
        super().__init__(name)
        self.parted_by = parted_by
        # By key, then by the entry's identity: entries may be equal, and their values need no hash.
        self._buckets: dict[Hashable, dict[int, Entry]] = {}
        self._count = 0

    def lookup(self, key: Hashable) -> list[Entry]:
        """The entries under the key, the oldest first."""
        self.running()
        bucket = self._buckets.get(typed(key))
        return [] if bucket is None else list(bucket.values())

    def holder(self, key: Hashable) -> NoReturn:
        """Refuse: there may be several."""
        raise ValueError(f"expected Via to name a registry with unique keys, got {self.name!r}, whose keys are not")

    def update_value(self, key: Hashable, change: Callable[[Any], Any]) -> NoReturn:
        """Refuse: there may be several values."""
        raise ValueError(f"expected update_value on a registry with unique keys, got {self.name!r}, whose keys are not")

    def count(self) -> int:
        """How many entries there are."""
        self.running()
        return self._count

    @property
    def by_process(self) -> bool:
        """Whether entries are parted by process, not by key."""
        return self.parted_by == "pid"

    def entries(self) -> Iterable[Entry]:
        """All entries."""
        self.running()
        return chain.from_iterable(bucket.values() for bucket in self._buckets.values())

    def open(self, owner: Process[Any], partitions: int, listeners: Sequence[Name], meta: Mapping[Any, Any]) -> None:
        """Begin, empty, for this registry."""
        super().open(owner, partitions, listeners, meta)
        self._buckets, self._count = {}, 0

    def close(self) -> list[Process[Any]]:
        """End with the registry; answers the processes that had registered."""
        self._buckets, self._count = {}, 0
        return super().close()

    def _rival(self, key: Hashable) -> None:
        return None

    def _add(self, entry: Entry) -> None:
        self._buckets.setdefault(typed(entry.key), {})[id(entry)] = entry
        self._count += 1

    def _remove(self, entry: Entry) -> None:
        token = typed(entry.key)
        bucket = self._buckets[token]
        del bucket[id(entry)]
        if not bucket:
            del self._buckets[token]
        self._count -= 1

    def _token(self, entry: Entry) -> Hashable:
        return id(entry)
