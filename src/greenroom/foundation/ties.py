"""What ties a process to others. Most processes have none of it most of the time, so it is made on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from greenroom.foundation.mailbox import Message, Waiter
from greenroom.foundation.observer import Observer
from greenroom.foundation.ref import Monitor
from greenroom.foundation.timer import Timer
from greenroom.foundation.worker import Worker

Watcher: TypeAlias = Callable[[object, object], object]
"""Called with the watch (a `Monitor`, or any token) and the exit reason."""


class Ties:
    """Links, monitors, timers, and answers that are owed."""

    __slots__ = (
        "calling",
        "dictionary",
        "home",
        "idle",
        "label",
        "last",
        "links",
        "observer",
        "promises",
        "releases",
        "starter",
        "suspended",
        "timers",
        "trapping",
        "watchers",
        "watching",
    )

    def __init__(self) -> None:
        # `Any` below stands for processes, which are defined on top of this.
        self.links: dict[Any, None] = {}
        self.watchers: dict[object, Watcher] = {}
        self.watching: dict[Monitor, Any] = {}
        self.trapping = False
        self.timers: dict[Timer, None] = {}
        self.promises: dict[Waiter, None] = {}
        self.releases: dict[Callable[[], object], None] = {}
        self.calling: Any = None
        self.starter: Any = None
        self.home: list[Worker] | None = None
        self.idle: Timer | None = None
        self.observer: Observer | None = None
        self.suspended = False
        self.label: object = None
        # The message that its handler failed at.
        self.last: Message | None = None
        self.dictionary: dict[object, object] = {}

    def drop_timers(self) -> None:
        """Cancel every timer that was to come back to the process."""
        for timer in list(self.timers):
            timer.drop()
        if self.idle is not None:
            self.idle.drop()


class Control:
    """What a process was asked to do once its handler is through: continue, stop, or go at once."""

    __slots__ = ("answers", "continuations", "exit", "idle", "ignored", "starting", "stop")

    def __init__(self) -> None:
        self.continuations: list[Any] = []
        self.answers: list[tuple[Waiter, object]] = []
        self.stop: Ending | None = None
        self.exit: Ending | None = None
        self.idle: float | None = None
        self.ignored = False
        self.starting = False

    @property
    def is_end(self) -> bool:
        """Whether the process is to end."""
        return self.stop is not None or self.exit is not None

    @property
    def is_work(self) -> bool:
        """Whether there is something to do before the next message."""
        return self.stop is not None or bool(self.continuations)


class Ending:
    """The reason of an end, boxed: a reason may be any value, None included."""

    __slots__ = ("reason",)

    def __init__(self, reason: object) -> None:
        self.reason = reason
