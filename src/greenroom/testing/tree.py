"""The supervision tree of a test, which ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ParamSpec, TypeVar, cast

from greenroom.foundation.child import ChildSpec, child
from greenroom.foundation.errors import AlreadyStarted, StartError
from greenroom.foundation.exits import SHUTDOWN
from greenroom.foundation.ref import Ref
from greenroom.foundation.supervisor import Supervisor
from greenroom.testing.clock import VirtualClock
from greenroom.testing.crashing import crash
from greenroom.testing.probe import Probe
from greenroom.testing.settling import settle, stage_loop

P = ParamSpec("P")
S = TypeVar("S")


class Tree:
    """Starts what a test needs under a supervisor of its own, and stops it in reverse order when the test is over.

    The addresses that it answers are names: they find the process that was started in place of one that crashed.
    """

    def __init__(self) -> None:
        self.supervisor: Ref[Supervisor] | None = None
        self._seats: dict[int, Any] = {}
        self._numbers = count(1)
        self._probes: list[Probe] = []

    async def start(self, server: Callable[P, S], /, *args: P.args, **kwargs: P.kwargs) -> Ref[S]:
        """Start a server made of these arguments.

        Raises:
            StartError: it did not start.
        """
        return await self.start_supervised(child(server, *args, **kwargs))

    async def start_supervised(self, spec: ChildSpec[S]) -> Ref[S]:
        """Start a child with options and perhaps a name of its own.

        Raises:
            StartError: it did not start.
        """
        if self.supervisor is None:
            self.supervisor = await Supervisor.start(
                (), max_restarts=1_000_000, max_seconds=1.0, strategy="one_for_one"
            )
        named = spec if spec.name is not None else self._seated(spec)
        started = await self.supervisor.within(None).call(Supervisor.start_child, named)
        if isinstance(started, StartError):
            raise started
        if named.name is None or not isinstance(spec.start_function, type):
            return cast("Ref[S]", started)
        return Ref(cast("type[S]", spec.start_function), named.name)

    async def stop(self, ref: Ref[Any]) -> None:
        """Stop a child and forget it, as its supervisor does."""
        assert self.supervisor is not None
        for info in await self.supervisor.call(Supervisor.which_children):
            if info.ref is ref.find():
                await self.supervisor.within(None).call(Supervisor.terminate_child, info.id)
                await self.supervisor.call(Supervisor.delete_child, info.id)

    async def crash(self, ref: Ref[Any], error: BaseException | None = None) -> None:
        """Kill a process, or let its next handler raise the error, and wait until its supervisor has acted."""
        await crash(ref, error)

    async def probe(self) -> Probe:
        """Start a probe that ends with the test."""
        probe = await Probe.start()
        self._probes.append(probe)
        return probe

    async def close(self) -> None:
        """Stop everything, the last child first; a test's clock is moved as far as that takes."""
        for probe in self._probes:
            probe.leave()
        if self.supervisor is None or not self.supervisor.alive:
            return
        stopping = asyncio.ensure_future(self.supervisor.stop(SHUTDOWN))
        clock = stage_loop().clock
        await settle()
        while isinstance(clock, VirtualClock) and not stopping.done() and await clock.skip_to_next_timer():
            pass
        await stopping

    def _seated(self, spec: ChildSpec[S]) -> ChildSpec[S]:
        seat = Seat(next(self._numbers), self._seats)
        seated = spec.named(seat)
        return seated if spec.options.id is not None else seated.id(f"{spec.child_id!r} {seat.number}")


@dataclass(frozen=True, slots=True, repr=False)
class Seat:
    """A name that only the tree knows: an address by it outlives a restart, and the namespace stays the test's own."""

    number: int
    taken: dict[int, Any] = field(compare=False)

    def claim(self, namespace: object, process: Any) -> None:
        """Give the seat to the process; raises `AlreadyStarted`."""
        holder = self.taken.setdefault(self.number, process)
        if holder is not process:
            raise AlreadyStarted(self, holder)

    def release(self, namespace: object, process: Any) -> None:
        """Take it back."""
        if self.taken.get(self.number) is process:
            del self.taken[self.number]

    def find(self, namespace: object) -> Any:
        """The process that sits there, or None."""
        return self.taken.get(self.number)

    def __repr__(self) -> str:
        return f"seat {self.number}"
