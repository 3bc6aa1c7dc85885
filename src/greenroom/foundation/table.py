"""The table of a registry: its process owns it, and anyone in the event loop reads and writes it without a message."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from greenroom.foundation.errors import GreenroomError
from greenroom.foundation.function_process import spawn
from greenroom.foundation.key_lock import KeyLock, Locks
from greenroom.foundation.match import Entry, Guard, Match, Spec, accepted, checked_specs
from greenroom.foundation.namespace import Name
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Ref, process_at
from greenroom.foundation.running import running_process
from greenroom.foundation.typed_key import typed


class NoRegistry(GreenroomError, ValueError):
    """No registry runs under this name."""

    def __init__(self, name: object) -> None:
        super().__init__(f"expected a registry named {name!r} to be running")


@dataclass(frozen=True, slots=True)
class AlreadyRegistered:
    """The key is held by this process."""

    ref: Ref[Any]


@dataclass(frozen=True, slots=True)
class Registered:
    """A process has registered: what the listeners of a registry are told."""

    registry: Name | None
    key: Any
    ref: Ref[Any]
    value: Any


@dataclass(frozen=True, slots=True)
class Unregistered:
    """A process has given up a key; listeners who want to hear of its end monitor it."""

    registry: Name | None
    key: Any
    ref: Ref[Any]


class Table(ABC):
    """What the processes of a registry say of themselves, by key.

    It stays the same object when the registry restarts under its name, empty then. While no registry runs, everything
    raises `NoRegistry`.
    """

    __slots__ = ("_held", "_listeners", "_locks", "_meta", "name", "owner", "partitions")

    def __init__(self, name: Name | None) -> None:
        self.name = name
        self.owner: Process[Any] | None = None
        self.partitions = 1
        self._held: dict[Process[Any], Held] = {}
        self._listeners: Sequence[Name] = ()
        self._locks: Locks = {}
        self._meta: dict[Any, Any] = {}

    # What the running process does for itself.

    def register(self, key: Hashable, value: Any = None) -> Ref[Any] | AlreadyRegistered:
        """Hold the key, until the running process gives it up or ends; answers the registry, which it ends with.

        Raises:
            OutsideProcess: no process is running.
        """
        process = running_process("register")
        refusal = self.claim(key, process, value)
        if refusal is not None:
            return refusal
        process.tie().releases[_Departure(self, process)] = None
        return self.running()

    def unregister(self, key: Hashable) -> None:
        """Give up the key, with all that the running process has under it."""
        self._give_up(key, lambda entry: True)

    def unregister_match(self, key: Hashable, pattern: object, *guards: Guard) -> None:
        """Give up what the running process has under the key if the value fits the pattern and every guard holds."""
        self._give_up(key, lambda entry: accepted(entry.value, pattern, guards))

    @abstractmethod
    def update_value(self, key: Hashable, change: Callable[[Any], Any]) -> tuple[Any, Any] | None:
        """Change what the running process says under the key; answers the new value and the old one.

        None, and `change` does not run, when another process or none holds the key.

        Raises:
            ValueError: the registry has duplicate keys.
        """

    # What anyone may read.

    @abstractmethod
    def lookup(self, key: Hashable) -> list[Entry]:
        """The entries under the key, the oldest first."""

    def values(self, key: Hashable, ref: Ref[Any]) -> list[Any]:
        """What this process says under the key."""
        holder = process_at(ref)
        return [entry.value for entry in self.lookup(key) if entry.ref is holder]

    def keys(self, ref: Ref[Any]) -> list[Any]:
        """The keys that this process holds, the oldest first, each as often as it was registered."""
        self.running()
        holder = process_at(ref)
        return [entry.key for entry in self._entries_of(holder)] if isinstance(holder, Process) else []

    @abstractmethod
    def count(self) -> int:
        """How many entries there are."""

    def match(self, key: Hashable, pattern: object, *guards: Guard) -> list[Entry]:
        """The entries under the key whose value fits the pattern, and of which every guard holds."""
        return [entry for entry in self.lookup(key) if accepted(entry.value, pattern, guards)]

    def count_match(self, key: Hashable, pattern: object, *guards: Guard) -> int:
        """How many `match` would find."""
        return len(self.match(key, pattern, *guards))

    def select(self, *specs: Spec) -> list[Entry]:
        """The entries that at least one spec accepts; all of them without one.

        Raises:
            TypeError: one is neither a `Match` nor a predicate over an entry.
        """
        wanted = checked_specs(specs) or (Match(),)
        return [entry for entry in list(self.entries()) if any(spec(entry) for spec in wanted)]

    def count_select(self, *specs: Spec) -> int:
        """How many `select` would find."""
        return len(self.select(*specs))

    async def dispatch(self, key: Hashable, send: Callable[[list[Entry]], object], *, parallel: bool = False) -> None:
        """Call `send`, plain or `async`, with the entries under the key if there are any.

        With `parallel`, and several partitions by process, it runs for each of these in a process of its own.
        """
        entries = self.lookup(key)
        if parallel and self.partitions > 1 and self.by_process:
            await _send_apart(send, _partitioned(entries, self.partitions))
        elif entries:
            outcome = send(entries)
            if isinstance(outcome, Awaitable):
                await cast("Awaitable[object]", outcome)

    def lock(self, key: Hashable) -> KeyLock:
        """`async with` it to be the only one with this key; whether it is registered does not matter."""
        self.running()
        return KeyLock(self._locks, typed(key))

    # What the registry says of itself.

    def meta(self, key: Hashable, *default: Any) -> Any:
        """What was put under the key.

        Raises:
            KeyError: nothing was, and no default is given.
        """
        self.running()
        if default and key not in self._meta:
            return default[0]
        return self._meta[key]

    def put_meta(self, key: Hashable, value: Any) -> None:
        """Put something under the key."""
        self.running()
        self._meta[key] = value

    def delete_meta(self, key: Hashable) -> None:
        """Take away what is under the key."""
        self.running()
        self._meta.pop(key, None)

    # What the registry and its names do.

    @property
    @abstractmethod
    def by_process(self) -> bool:
        """Whether entries are parted by process, not by key."""

    @abstractmethod
    def holder(self, key: Hashable) -> Ref[Any] | None:
        """The one process that holds the key.

        Raises:
            ValueError: the registry has duplicate keys.
        """

    @abstractmethod
    def entries(self) -> Iterable[Entry]:
        """All entries."""

    def running(self) -> Process[Any]:
        """The registry.

        Raises:
            NoRegistry: it does not run.
        """
        if self.owner is None:
            raise NoRegistry(self.name)
        return self.owner

    def open(self, owner: Process[Any], partitions: int, listeners: Sequence[Name], meta: Mapping[Any, Any]) -> None:
        """Begin, empty, for this registry."""
        self.owner = owner
        self.partitions = partitions
        self._listeners = listeners
        self._meta = dict(meta)

    def close(self) -> list[Process[Any]]:
        """End with the registry; answers the processes that had registered."""
        held, self._held = self._held, {}
        self._meta = {}
        self.owner = None
        return list(held)

    def claim(self, key: Hashable, process: Process[Any], value: Any) -> AlreadyRegistered | None:
        """Give the key to the process, unless another one holds it alone.

        Raises:
            NoRegistry: the registry does not run.
        """
        registry = self.running()
        holder = self._rival(key)
        if holder is not None:
            return AlreadyRegistered(holder)
        entry = Entry(key, process, value)
        self._add(entry)
        self._hold(process, entry)
        self._tell(registry, Registered(self.name, key, process, value))
        return None

    def release(self, key: Hashable, process: Process[Any]) -> None:
        """Take from the process what it has under the key."""
        for entry in [] if self.owner is None else self.lookup(key):
            if entry.ref is process:
                self._discard(process, entry)

    def forget(self, process: Process[Any]) -> None:
        """Take everything from the process."""
        for entry in self._entries_of(process):
            self._remove(entry)
        self._held.pop(process, None)

    @abstractmethod
    def _rival(self, key: Hashable) -> Ref[Any] | None: ...

    @abstractmethod
    def _add(self, entry: Entry) -> None: ...

    @abstractmethod
    def _remove(self, entry: Entry) -> None: ...

    @abstractmethod
    def _token(self, entry: Entry) -> Hashable: ...

    def _give_up(self, key: Hashable, chosen: Callable[[Entry], bool]) -> None:
        registry, process = self.running(), running_process("unregister")
        given_up = [entry for entry in self.lookup(key) if entry.ref is process and chosen(entry)]
        for entry in given_up:
            self._discard(process, entry)
        if given_up:
            self._tell(registry, Unregistered(self.name, key, process))
        if process not in self._held and process.ties is not None:
            process.ties.releases.pop(_Departure(self, process), None)

    def _tell(self, registry: Process[Any], news: Registered | Unregistered) -> None:
        for name in self._listeners:
            listener = registry.namespace.find(name)
            if listener is not None:
                listener.send(news)

    # Most processes hold one key: a dictionary is made for the second.

    def _hold(self, process: Process[Any], entry: Entry) -> None:
        held = self._held.get(process)
        if held is None:
            self._held[process] = entry
        elif isinstance(held, Entry):
            self._held[process] = {self._token(held): held, self._token(entry): entry}
        else:
            held[self._token(entry)] = entry

    def _replace(self, process: Process[Any], entry: Entry) -> None:
        held = self._held[process]
        if isinstance(held, Entry):
            self._held[process] = entry
        else:
            held[self._token(entry)] = entry

    def _discard(self, process: Process[Any], entry: Entry) -> None:
        self._remove(entry)
        held = self._held[process]
        if not isinstance(held, Entry):
            del held[self._token(entry)]
        if held is entry or not held:
            del self._held[process]

    def _entries_of(self, process: Process[Any]) -> list[Entry]:
        held = self._held.get(process)
        if held is None:
            return []
        return [held] if isinstance(held, Entry) else list(held.values())


Held: TypeAlias = "Entry | dict[Hashable, Entry]"
"""What one process has registered: its only entry, or all of them by a token of the table's."""


@dataclass(frozen=True, slots=True)
class _Departure:
    """Called at the end of a process that has registered itself."""

    table: Table
    process: Process[Any]

    def __call__(self) -> None:
        self.table.forget(self.process)


def _partitioned(entries: Sequence[Entry], partitions: int) -> list[list[Entry]]:
    parts: dict[int, list[Entry]] = {}
    for entry in entries:
        parts.setdefault(hash(entry.ref) % partitions, []).append(entry)
    return list(parts.values())


async def _send_apart(send: Callable[[list[Entry]], object], parts: Sequence[list[Entry]]) -> None:
    senders = [spawn(send, part) for part in parts]
    for reason in [await sender.down() for sender in senders]:
        if isinstance(reason, BaseException):
            raise reason
