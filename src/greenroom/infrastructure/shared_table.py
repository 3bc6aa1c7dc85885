"""Tables that one process writes, and everyone reads without a message: what ETS is for in Erlang.

    PRICES: SharedTable[str, int] = SharedTable("prices")

    @dataclass
    class PriceList(GenServer):
        async def init(self) -> None:
            PRICES.create()

        async def change(self, drink: str, price: int) -> None:
            PRICES[drink] = price

    PRICES["gin"]

For what is read often and by many. A read is a look-up in a dictionary, so values that are shared have to be
immutable. Between two `await`s nobody else runs: what is read there belongs together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar, overload

from greenroom.foundation.errors import AlreadyStarted, GreenroomError, NotRunning
from greenroom.foundation.namespace import Namespace, current_namespace
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Ref
from greenroom.foundation.running import running_process

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")


class NoTable(GreenroomError, LookupError):
    """Nobody owns a table of this name now."""

    def __init__(self, name: str) -> None:
        super().__init__(f"expected a process to own the table {name!r}, got none")


class NotTableOwner(GreenroomError):
    """A process that does not own the table tried to write to it; ask the owner to do it."""

    def __init__(self, name: str, owner: object) -> None:
        super().__init__(f"expected {owner}, the owner of the table {name!r}, to write to it")


@dataclass(frozen=True, slots=True)
class TableGiven:
    """The process owns the table from now on: the owner gave it away, or ended with this process as its heir."""

    table: SharedTable[Any, Any]
    giver: Ref[Any]


# Without slots: `SharedTable[str, int]("prices")` would fail on Python 3.11, which tries to note the types on the
# instance.
@dataclass(frozen=True)
class SharedTable(Generic[K, V]):
    """The name of a table, with the types of its keys and values. It is looked up in the current namespace at each use.

    Everything raises `NoTable` while nobody owns a table of this name. What writes raises `NotTableOwner` in any other
    process than the owner.
    """

    name: str

    # What the owner does.

    def create(self, heir: Ref[Any] | None = None) -> None:
        """Make the table, empty, and own it: it ends with the running process, unless there is an heir then.

        The heir is that of every later owner as well. It gets `TableGiven`.

        Raises:
            AlreadyStarted: there is such a table.
            OutsideProcess: no process is running.
        """
        owner = running_process("create")
        namespace = current_namespace()
        holdings = _holdings(namespace)
        if self.name in holdings:
            raise AlreadyStarted(self.name, holdings[self.name].owner)
        holdings[self.name] = Holding(self, namespace, owner, heir)

    def give(self, ref: Ref[Any]) -> None:
        """Let another process own the table; it gets `TableGiven`.

        Raises:
            NotRunning: it is not there; nothing has changed.
        """
        holding = self._mine()
        process = ref.where()
        if not isinstance(process, Process):
            raise NotRunning(ref, "give")
        holding.give(process)

    def delete(self) -> None:
        """End the table."""
        self._mine().end()

    def __setitem__(self, key: K, value: V) -> None:
        self._mine().data[key] = value

    def __delitem__(self, key: K) -> None:
        del self._mine().data[key]

    def update(self, values: Mapping[K, V]) -> None:
        """Put many values under their keys, at once for all readers."""
        self._mine().data.update(values)

    def clear(self) -> None:
        """Take everything out."""
        self._mine().data.clear()

    # What everyone does.

    def __getitem__(self, key: K) -> V:
        value: V = self._held().data[key]
        return value

    @overload
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: D) -> V | D: ...
    def get(self, key: K, default: object = None) -> object:
        """What is under the key, or the default."""
        return self._held().data.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._held().data

    def __len__(self) -> int:
        return len(self._held().data)

    def __iter__(self) -> Iterator[K]:
        # A copy: the reader may suspend between two keys, and the owner may write then.
        return iter(list(self._held().data))

    def snapshot(self) -> dict[K, V]:
        """All that is in the table now."""
        return dict(self._held().data)

    def view(self) -> Mapping[K, V]:
        """The table itself as a read-only mapping, for those who read it in a loop; empty once the table has ended."""
        return MappingProxyType(self._held().data)

    @property
    def owner(self) -> Ref[Any] | None:
        """The process that owns it, None when there is no such table."""
        holding = _holdings(current_namespace()).get(self.name)
        return None if holding is None else holding.owner

    def _held(self) -> Holding:
        holding = _holdings(current_namespace()).get(self.name)
        if holding is None:
            raise NoTable(self.name)
        return holding

    def _mine(self) -> Holding:
        holding = self._held()
        if running_process("to write to a table") is not holding.owner:
            raise NotTableOwner(self.name, holding.owner)
        return holding


class Holding:
    """A table's content, and whose it is."""

    __slots__ = ("_heir", "_namespace", "_table", "data", "owner")

    def __init__(
        self, table: SharedTable[Any, Any], namespace: Namespace, owner: Process[Any], heir: Ref[Any] | None
    ) -> None:
        # `Any`: the types are the table's own, which hands the content out.
        self.data: dict[Any, Any] = {}
        self._table = table
        self._namespace = namespace
        self._heir = heir
        self.owner = owner
        owner.tie().releases[self._bequeath] = None

    def give(self, process: Process[Any]) -> None:
        """Let the process own it."""
        self.owner.tie().releases.pop(self._bequeath, None)
        self._pass_to(process)

    def end(self) -> None:
        """Be no more."""
        self.owner.tie().releases.pop(self._bequeath, None)
        self._dissolve()

    def _pass_to(self, process: Process[Any]) -> None:
        giver, self.owner = self.owner, process
        process.tie().releases[self._bequeath] = None
        process.inform(TableGiven(self._table, giver))

    def _bequeath(self) -> None:
        # The owner is ending: it is no longer found, not even if it is the heir itself.
        heir = None if self._heir is None else self._heir.where()
        if isinstance(heir, Process):
            self._pass_to(heir)
        else:
            self._dissolve()

    def _dissolve(self) -> None:
        del _holdings(self._namespace)[self._table.name]
        # Whoever has a view of it must not go on with what nobody keeps up to date.
        self.data.clear()


def _holdings(namespace: Namespace) -> dict[str, Holding]:
    found: dict[str, Holding] | None = namespace.holdings.get(SharedTable)
    if found is None:
        found = namespace.holdings[SharedTable] = {}
    return found
