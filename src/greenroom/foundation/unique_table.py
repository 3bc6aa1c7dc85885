"""The table of a registry whose keys have one holder each."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from greenroom.foundation.match import Entry
from greenroom.foundation.namespace import Name
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Ref
from greenroom.foundation.running import running_process
from greenroom.foundation.table import NoRegistry, Table
from greenroom.foundation.typed_key import typed


class UniqueTable(Table):
    """One entry for each key."""

    __slots__ = ("_entries",)

    def __init__(self, name: Name | None) -> None:
        super().__init__(name)
        self._entries: dict[Hashable, Entry] = _Closed(name)

    def lookup(self, key: Hashable) -> list[Entry]:
        """The entry under the key, in a list."""
        try:
            return [self._entries[key if type(key) is str else typed(key)]]
        except KeyError:
            return []

    def holder(self, key: Hashable) -> Ref[Any] | None:
        """The process that holds the key."""
        entry = self._entries.get(key if type(key) is str else typed(key))
        return None if entry is None else entry[1]

    def update_value(self, key: Hashable, change: Callable[[Any], Any]) -> tuple[Any, Any] | None:
        """Change what the running process says under the key; answers the new value and the old one."""
        process, token = running_process("update_value"), typed(key)
        entry = self._entries.get(token)
        if entry is None or entry.ref is not process:
            return None
        value = change(entry.value)
        self._entries[token] = changed = Entry(entry.key, process, value)
        self._replace(process, changed)
        return value, entry.value

    def count(self) -> int:
        """How many entries there are."""
        self.running()
        return len(self._entries)

    @property
    def by_process(self) -> bool:
        """Never: a key is in one partition."""
        return False

    def entries(self) -> Iterable[Entry]:
        """All entries."""
        self.running()
        return self._entries.values()

    def open(self, owner: Process[Any], partitions: int, listeners: Sequence[Name], meta: Mapping[Any, Any]) -> None:
        """Begin, empty, for this registry."""
        super().open(owner, partitions, listeners, meta)
        self._entries = {}

    def close(self) -> list[Process[Any]]:
        """End with the registry; answers the processes that had registered."""
        self._entries = _Closed(self.name)
        return super().close()

    def _rival(self, key: Hashable) -> Ref[Any] | None:
        entry = self._entries.get(typed(key))
        return None if entry is None else entry.ref

    def _add(self, entry: Entry) -> None:
        self._entries[typed(entry.key)] = entry

    def _remove(self, entry: Entry) -> None:
        del self._entries[typed(entry.key)]

    def _token(self, entry: Entry) -> Hashable:
        return typed(entry.key)


class _Closed(dict[Hashable, Entry]):
    # In place of the entries while no registry runs, so that a look-up needs not ask.

    __slots__ = ("_name",)

    def __init__(self, name: Name | None) -> None:
        super().__init__()
        self._name = name

    def get(self, key: Hashable, default: object = None) -> NoReturn:
        raise NoRegistry(self._name)

    def __missing__(self, key: Hashable) -> NoReturn:
        raise NoRegistry(self._name)
