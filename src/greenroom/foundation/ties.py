"""What ties a process to others. Most processes have little of it most of the time, so all is made on first use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn, TypeAlias

from greenroom.foundation.effects import Effects
from greenroom.foundation.mailbox import Message, Waiter
from greenroom.foundation.observer import Observer
from greenroom.foundation.ref import Monitor
from greenroom.foundation.reply import Reply
from greenroom.foundation.timer import Timer, Timers
from greenroom.foundation.worker import Worker

Watcher: TypeAlias = Callable[[object, object], object]
"""Called with the watch (a `Monitor`, or any token) and the exit reason."""


class _Nothing(dict[Any, Any]):
    __slots__ = ()

    def __setitem__(self, key: object, value: object) -> NoReturn:
        raise TypeError("expected a dictionary of one process, got the one that stands for all that have none")


NONE: Final = _Nothing()
"""In place of each dictionary that nothing was put into yet. Read it and take from it; the methods below put."""


ROOM: Final = 1024
"""How many timers of a process one dictionary takes."""


class Ties:
    """Links, monitors, timers, and answers that are owed."""

    __slots__ = (
        "_releases",
        "calling",
        "dictionary",
        "full",
        "home",
        "idle",
        "label",
        "last",
        "links",
        "observer",
        "promises",
        "room",
        "starter",
        "suspended",
        "timers",
        "trapping",
        "watchers",
        "watching",
    )

    def __init__(self) -> None:
        # `Any` below stands for processes, which are defined on top of this.
        self.links: dict[Any, None] = NONE
        self.watchers: dict[object, Watcher] = NONE
        self.watching: dict[Monitor, Any] = NONE
        self.trapping = False
        # Those set last, with room for so many, and the full dictionaries before them.
        self.timers: Timers = NONE
        self.room = 0
        self.full: Sequence[Timers] = ()
        self.promises: dict[Waiter, Reply[Any] | None] = NONE
        self._releases: dict[Callable[[], object], None] = NONE
        self.calling: Any = None
        self.starter: Any = None
        self.home: list[Worker] | None = None
        self.idle: Timer | None = None
        self.observer: Observer | None = None
        self.suspended = False
        self.label: object = None
        # The message that its handler failed at.
        self.last: Message | None = None
        self.dictionary: dict[object, object] = NONE

    @property
    def releases(self) -> dict[Callable[[], object], None]:
        """What is called when the process ends."""
        if self._releases is NONE:
            self._releases = {}
        return self._releases

    def link(self, other: Any) -> None:
        """Remember a link to another process."""
        if self.links is NONE:
            self.links = {}
        self.links[other] = None

    def tell(self, watch: object, watcher: Watcher) -> None:
        """Call the watcher when the process ends."""
        if self.watchers is NONE:
            self.watchers = {}
        self.watchers[watch] = watcher

    def watch(self, monitor: Monitor, other: Any) -> None:
        """Remember a monitor over another process."""
        if self.watching is NONE:
            self.watching = {}
        self.watching[monitor] = other

    def promise(self, waiter: Waiter, reply: Reply[Any] | None = None) -> None:
        """Owe an answer to someone who is not in the mailbox any more; with the reply, if that is to bring it."""
        if self.promises is NONE:
            self.promises = {}
        self.promises[waiter] = reply

    def forgive(self, waiter: Waiter) -> None:
        """Owe this answer no more; a reply that nobody ever sends must not keep all who have given up."""
        reply = self.promises.pop(waiter, None)
        if reply is not None:
            reply.detach(waiter)

    def own_timers(self) -> Timers:
        """Where the next timer that ends with the process belongs."""
        if len(self.timers) >= self.room:
            # Not one for all: to set and cancel beside a million others would make that one anew again and again.
            self.full = tuple(timers for timers in (*self.full, self.timers) if timers)
            self.timers = {}
            self.room = ROOM
        return self.timers

    def all_timers(self) -> list[Timer]:
        """The timers that end with the process."""
        return [timer for timers in (*self.full, self.timers) for timer in timers]

    @property
    def is_empty(self) -> bool:
        """Whether nothing ties the process to anyone now, so that nobody would miss them."""
        kept = (self.links, self.watchers, self.watching, self.promises, self._releases, self.dictionary)
        held = (self.home, self.idle, self.observer, self.starter, self.label)
        is_free = all(it is None for it in held) and not (self.trapping or self.suspended)
        return is_free and not any(kept) and not self.all_timers()

    def release(self) -> None:
        """Cancel every timer that was to come back to the process, and call everyone who waits for its end."""
        for timer in self.all_timers():
            timer.drop()
        if self.idle is not None:
            self.idle.drop()
        for release in self._releases:
            release()


class Control:
    """What a process was asked to do once its handler is through: continue, stop, or go at once."""

    __slots__ = ("answers", "continuations", "effects", "exit", "idle", "ignored", "starting", "stop")

    def __init__(self) -> None:
        self.continuations: list[Any] = []
        self.answers: list[tuple[Waiter, object]] = []
        self.effects: Effects | None = None
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
