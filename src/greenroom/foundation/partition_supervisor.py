"""A supervisor of equal children, so that no single one has to do all the work.

    child(PartitionSupervisor, child(DynamicSupervisor), partitions=8).named("venues")

    Ref(DynamicSupervisor, Partition("venues", "blue-note"))

A key leads to the same partition for as long as their number stays. Like Elixir's `PartitionSupervisor`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeAlias, cast

from greenroom.foundation.child import ChildForm, ChildSpec, child_spec
from greenroom.foundation.errors import Rejected, StartError
from greenroom.foundation.mailbox import Arguments
from greenroom.foundation.namespace import Name, Namespace
from greenroom.foundation.process import Process
from greenroom.foundation.restart import Strategy
from greenroom.foundation.supervisor import NoSuchChild, Supervisor

WithArguments: TypeAlias = Callable[[Arguments, int], Arguments]


@dataclass(frozen=True, slots=True)
class NoSuchSize:
    """A partition supervisor can not have so many partitions: no more than it was started with."""

    partitions: int
    most: int


class PartitionSupervisor(Supervisor):
    """Starts one child for each partition, by default one for each core; their ids are 0, 1, and so on.

    `with_arguments` makes the arguments of each child, of those in its spec and the number of its partition.
    """

    def __init__(
        self,
        child: ChildForm,
        *,
        partitions: int | None = None,
        strategy: Strategy = "one_for_one",
        max_restarts: int = 3,
        max_seconds: float = 5.0,
        with_arguments: WithArguments | None = None,
    ) -> None:
        super().__init__((), strategy=strategy, max_restarts=max_restarts, max_seconds=max_seconds)
        self._pattern = child_spec(child)
        if self._pattern.name is not None:
            raise ValueError(f"expected a child without a name, since there are many of it, got {self._pattern.name!r}")
        self._most = self._size = _checked(partitions)
        self._with_arguments = with_arguments

    def specs(self) -> Iterable[ChildForm]:
        """One child for each partition."""
        return [self._partition(number) for number in range(self._most)]

    async def partitions(self) -> int:
        """How many there are now."""
        return self._size

    async def resize(self, partitions: int) -> NoSuchSize | StartError | None:
        """Stop the last partitions, or start them again; keys are shared out anew."""
        if not isinstance(cast(object, partitions), int):
            raise Rejected(f"expected partitions to be an integer, got {partitions!r}")
        if not 0 <= partitions <= self._most:
            return NoSuchSize(partitions, self._most)
        while self._size > partitions:
            # No key leads there any more when it stops.
            self._size -= 1
            await self.terminate_child(self._size)
        while self._size < partitions:
            started = await self.restart_child(self._size)
            if isinstance(started, NoSuchChild):
                # A temporary one was forgotten when it stopped.
                started = await self.start_child(self._partition(self._size))
            if isinstance(started, StartError):
                return started
            self._size += 1
        return None

    def holder(self, key: Hashable) -> Process[Any] | None:
        """The process of the partition that the key leads to; None while it does not run."""
        if self._size == 0:
            return None
        number = abs(key) if isinstance(key, int) else hash(key)
        child = self._children.get(number % self._size)
        return child.process if child is not None and isinstance(child.process, Process) else None

    def _partition(self, number: int) -> ChildSpec[Any]:
        spec = self._pattern
        args = spec.args if self._with_arguments is None else self._with_arguments(spec.args, number)
        return type(spec)(spec.start_function, args, spec.kwargs, replace(spec.options, id=number))


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition of the supervisor of this name, in place of a plain name: the one that the key leads to."""

    supervisor: Name
    key: Hashable

    def claim(self, namespace: Namespace, process: Any) -> NoReturn:
        """Refuse: partitions get their names from their supervisor."""
        raise ValueError(f"expected a name that a process may take, got {self}")

    def release(self, namespace: Namespace, process: Any) -> None:
        """Do nothing: nobody can hold it."""

    def find(self, namespace: Namespace) -> Any:
        """The process of the partition, or None."""
        supervisor = namespace.find(self.supervisor)
        server = None if supervisor is None else supervisor.server
        return server.holder(self.key) if isinstance(server, PartitionSupervisor) else None


def _checked(partitions: object) -> int:
    if partitions is None:
        return os.cpu_count() or 1
    if not isinstance(partitions, int) or isinstance(partitions, bool) or partitions < 1:
        raise ValueError(f"expected partitions to be an integer above 0, got {partitions!r}")
    return partitions
