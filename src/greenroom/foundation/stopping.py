"""How a supervisor ends its children: asked first, killed when their time is up, and that is reported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from greenroom.foundation.child import ChildSpec
from greenroom.foundation.child_report import report_child
from greenroom.foundation.exits import KILLED, NORMAL, SHUTDOWN, is_clean
from greenroom.foundation.process import Process
from greenroom.foundation.worker import current_worker


async def shut_down(process: Process[Any], spec: ChildSpec[Any]) -> None:
    """End one child and wait until it is gone."""
    await shut_down_all([(process, spec)])


async def shut_down_all(children: Iterable[tuple[Process[Any], ChildSpec[Any]]]) -> None:
    """End many children at the same time, each with its own limit."""
    asked = [_ask_to_end(process, spec) for process, spec in list(children)]
    for leaving in asked:
        if leaving is not None:
            await leaving.see_off()


def _ask_to_end(process: Process[Any], spec: ChildSpec[Any]) -> Leaving | None:
    # Sends the signal that its spec asks for; None if it is gone with that. Its supervisor does not hear of the end any
    # more.
    supervisor: Process[Any] | None
    supervisor, process.parent = process.parent, None
    if spec.seconds_to_stop == "brutal_kill":
        process.kill()
    else:
        process.signal(SHUTDOWN, supervisor, orderly=True)
    return Leaving(process, spec, supervisor) if process.alive else None


class Leaving:
    """A child that was asked to end. It is killed when its time is up, also if its supervisor is killed before."""

    __slots__ = ("gone", "is_late", "process", "spec", "supervisor", "timer")

    def __init__(self, process: Process[Any], spec: ChildSpec[Any], supervisor: Process[Any] | None) -> None:
        self.process = process
        self.spec = spec
        self.supervisor = supervisor
        self.is_late = False
        limit = spec.seconds_to_stop
        timers = process.namespace.scheduler.timers
        self.timer = None if isinstance(limit, str) else timers.schedule(limit, self._expired)
        process.tie().tell(self, self._ended)
        self.gone = process.gone()

    async def see_off(self) -> None:
        """Wait for its end, and report one that is not as it was asked to."""
        worker = current_worker()
        if worker is not None:
            # A child that calls its supervisor now would wait for ever: whoever looks for circles has to see this one.
            worker.calling = self.process
        try:
            reason = await self.gone
        finally:
            if worker is not None:
                worker.calling = None
        if self.supervisor is not None and not _is_as_asked(reason, self.spec):
            action = f"since it took more than {self.spec.seconds_to_stop} s to stop" if self.is_late else "stopping it"
            report_child(self.supervisor, self.spec, reason, action)

    def _expired(self) -> None:
        self.is_late = True
        self.process.kill()

    def _ended(self, _: object, reason: object) -> None:
        if self.timer is not None:
            self.timer.drop()


def _is_as_asked(reason: object, spec: ChildSpec[Any]) -> bool:
    if spec.seconds_to_stop == "brutal_kill":
        return reason == KILLED
    if reason == NORMAL:
        # OTP: a permanent child has no reason to end by itself just now.
        return spec.options.restart != "permanent"
    return is_clean(reason)
