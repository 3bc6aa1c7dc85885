"""A process that writes down what it is sent, for a test to read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

from greenroom.foundation.exits import SHUTDOWN
from greenroom.foundation.genserver import GenServer
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Monitor, Ref
from greenroom.testing.settling import settle, settle_until

M = TypeVar("M")
T = TypeVar("T")


@dataclass
class Recorder(GenServer):
    """What a probe runs: it keeps every message, and does what the test asks it to do in its place."""

    messages: list[object] = field(default_factory=list[object])

    async def handle_info(self, message: object) -> None:
        """Keep it."""
        self.messages.append(message)

    async def perform(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work as this process."""
        return await work()


class Probe:
    """Stands in for a process that subscribes, monitors or links; `probe.ref` is its address.

    `probe.messages` is what came and was not expected yet, in order.
    """

    def __init__(self, ref: Ref[Recorder], process: Process[Recorder]) -> None:
        self.ref = ref
        self.messages: list[object] = process.server.messages
        self._process = process

    @classmethod
    async def start(cls) -> Probe:
        """Start one; a tree's `probe` ends it with the test."""
        ref = await Recorder.start()
        return cls(ref, ref.find())

    @overload
    async def expect_message(self, wanted: type[M], /) -> M: ...
    @overload
    async def expect_message(self, wanted: Callable[[Any], bool], /) -> object: ...
    @overload
    async def expect_message(self, wanted: M, /) -> M: ...
    async def expect_message(self, wanted: object, /) -> object:
        """Wait for a message of this type, one that the predicate accepts, or one that is equal; take it out.

        Raises:
            AssertionError: none came, and none can come any more.
        """
        await self._until(wanted)
        at = next(index for index, message in enumerate(self.messages) if _fits(message, wanted))
        return self.messages.pop(at)

    async def expect_no_message(self, wanted: object = object) -> None:
        """Let everything run that can; nothing of this kind may have come.

        Raises:
            AssertionError: something did.
        """
        await settle()
        found = [message for message in self.messages if _fits(message, wanted)]
        if found:
            raise AssertionError(f"expected no message like {_name(wanted)}, got {found}")

    def monitor(self, ref: Ref[Any]) -> Monitor:
        """Get a `Down` when the other ends."""
        return self._process.monitor(ref)

    def demonitor(self, monitor: Monitor) -> None:
        """Undo it."""
        self._process.demonitor(monitor)

    def link(self, ref: Ref[Any]) -> None:
        """End with the other, or get an `Exit` after `trap_exit`."""
        self._process.link(ref)

    def unlink(self, ref: Ref[Any]) -> None:
        """Undo it."""
        self._process.unlink(ref)

    def trap_exit(self, trapping: bool = True) -> None:
        """Get exit signals as `Exit` messages."""
        self._process.tie().trapping = trapping

    async def perform(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work as this process: what it starts may link to it, and what it calls is called by it."""
        return await self.ref.within(None).call(Recorder.perform, work)

    def leave(self) -> None:
        """End it."""
        if self._process.alive:
            self.trap_exit(False)
            self._process.exit(SHUTDOWN)

    async def _until(self, wanted: object) -> None:
        def has_come() -> bool:
            return any(_fits(message, wanted) for message in self.messages)

        if not has_come():
            await settle_until(has_come, lambda: f"expected a message like {_name(wanted)}, got {self.messages}")


def _fits(message: object, wanted: object) -> bool:
    if isinstance(wanted, type):
        return isinstance(message, wanted)
    return bool(wanted(message)) if callable(wanted) else message == wanted


def _name(wanted: object) -> str:
    return str(getattr(wanted, "__name__", None) or repr(wanted))
