"""Aliases: addresses of a process that can be withdrawn, so that answers that come too late go nowhere.

To hear the answer or the `Down`, and never both:

    watch = monitor_with_alias(venue, "reply_demonitor")
    venue.send(Question("is Friday free?", watch.alias))
    await receive()
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from greenroom.foundation.process import Process
from greenroom.foundation.ref import Monitor, Ref
from greenroom.foundation.running import running_process

AliasMode: TypeAlias = Literal["explicit", "demonitor", "reply_demonitor"]


class Alias:
    """An address of one process, which takes messages until it is withdrawn."""

    __slots__ = ("_once", "_process", "_watch", "_withdrawn")

    def __init__(self, process: Process[Any], *, once: bool = False, watch: Monitor | None = None) -> None:
        self._process = process
        self._once = once
        self._watch = watch
        self._withdrawn = False

    @property
    def active(self) -> bool:
        """Whether it takes messages."""
        if self._withdrawn or self._watch is None:
            return not self._withdrawn
        return self._process.ties is not None and self._watch in self._process.ties.watching

    def send(self, message: object) -> None:
        """Send a message to the process; it goes nowhere once the alias is withdrawn."""
        if not self.active:
            return
        if self._once:
            self.withdraw()
            if self._watch is not None:
                self._process.demonitor(self._watch)
        self._process.send(message)

    def withdraw(self) -> bool:
        """Take no more messages; False when it took none before. Erlang's `unalias`."""
        was_active, self._withdrawn = self.active, True
        return was_active


class AliasedMonitor(Monitor):
    """A monitor and an alias that belong to one request."""

    __slots__ = ("alias",)

    alias: Alias


def alias(*, once: bool = False) -> Alias:
    """An alias of the running process; with `once` it is withdrawn by the first message.

    Raises:
        OutsideProcess: no process is running.
    """
    return Alias(running_process("alias"), once=once)


def monitor_with_alias(ref: Ref[Any], mode: AliasMode = "explicit") -> AliasedMonitor:
    """Monitor, with an alias for the answer.

    The alias goes when it is withdrawn, with `demonitor` also when the monitor ends, and with `reply_demonitor` also
    with the first message, which then ends the monitor.

    Raises:
        OutsideProcess: no process is running.
    """
    process = running_process("monitor_with_alias")
    watch = AliasedMonitor(ref)
    watch.alias = Alias(process, once=mode == "reply_demonitor", watch=None if mode == "explicit" else watch)
    process.watch(watch)
    return watch
