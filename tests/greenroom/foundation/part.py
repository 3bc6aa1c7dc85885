"""A part of a tree that writes down when it starts and when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from greenroom import ChildSpec, GenServer, Ref, child


@dataclass
class Plan:
    """How the parts of one test are to behave, and what they did."""

    log: list[str] = field(default_factory=list[str])
    failures: dict[str, int] = field(default_factory=dict[str, int])
    """How many more starts of a part fail."""
    stubborn: set[str] = field(default_factory=set[str])
    """The parts that never end their `terminate`."""
    gates: dict[str, asyncio.Event] = field(default_factory=dict[str, asyncio.Event])
    """What the start of a part waits for."""

    def part(self, name: str) -> ChildSpec[Part]:
        """A child of this name."""
        return child(Part, name, self).named(name)

    def parts(self, names: str) -> Sequence[ChildSpec[Part]]:
        """A child for each letter."""
        return [self.part(name) for name in names]

    def take_log(self) -> list[str]:
        """What was written since the last time."""
        written, self.log[:] = list(self.log), []
        return written


@dataclass
class Part(GenServer):
    """Writes `+name` when it has started and `-name` when it stops in good order."""

    name: str
    plan: Plan

    async def init(self) -> None:
        self.trap_exit()
        if (gate := self.plan.gates.get(self.name)) is not None:
            await gate.wait()
        if self.plan.failures.get(self.name, 0) > 0:
            self.plan.failures[self.name] -= 1
            self.plan.log.append(f"!{self.name}")
            raise RuntimeError(f"{self.name} does not start")
        self.plan.log.append(f"+{self.name}")

    async def terminate(self, reason: object) -> None:
        if self.name in self.plan.stubborn:
            await asyncio.Event().wait()
        self.plan.log.append(f"-{self.name}")

    async def ping(self) -> str:
        return self.name

    async def quit(self, reason: object) -> None:
        self.stop(reason)


def part(name: str) -> Ref[Part]:
    """The part of this name."""
    return Ref(Part, name)
