"""Processes whose mailbox has a limit. The others know nothing of it, and pay nothing for it.

The limit is for what others ask: calls, casts and messages. Timers, exits, the ends of children and of monitored
processes always get in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from greenroom.foundation import telemetry
from greenroom.foundation.errors import MailboxFull
from greenroom.foundation.mailbox import Arguments, Keywords, Message, Waiter
from greenroom.foundation.mailbox_limit import MailboxLimit
from greenroom.foundation.namespace import Name, Namespace
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Down, Exit, Timeout
from greenroom.foundation.report import identity
from greenroom.foundation.server import Server

S_co = TypeVar("S_co", covariant=True)
P = ParamSpec("P")

FULL: Final = ("greenroom", "mailbox", "full")
PROTECTED: Final = (Down, Exit, Timeout)


class LimitedProcess(Process[S_co]):
    """A process that takes so many messages and no more."""

    __slots__ = ("_blocked", "limit")

    def __init__(self, server: Server, namespace: Namespace, name: Name | None, limit: MailboxLimit) -> None:
        super().__init__(server, namespace, name)
        self.limit = limit
        # Calls that wait for room, the first one first.
        self._blocked: deque[Waiter] = deque()

    async def request(
        self, method: Callable[..., object], args: Arguments, kwargs: Keywords, seconds: float | None
    ) -> Any:
        """Call with a deadline, which holds for the time without room too."""
        if not self.alive or not (self._is_full or self._blocked):
            return await super().request(method, args, kwargs, seconds)
        clock = self.namespace.scheduler.clock
        began = clock.monotonic()
        await self._make_room(self._named(method), seconds)
        if seconds is not None:
            seconds -= clock.monotonic() - began
        try:
            return await super().request(method, args, kwargs, seconds)
        finally:
            # Not every call takes the room that was made for it: this one may be none for the server, or be cancelled.
            if not self._is_full:
                self._wake_one()

    def cast(self, method: Callable[Concatenate[S_co, P], object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Put the request into the mailbox if there is room."""
        if self._lets_in("cast"):
            super().cast(method, *args, **kwargs)

    def send(self, message: object) -> None:
        """Put the message into the mailbox if there is room."""
        if self._lets_in("info"):
            super().send(message)

    def settle(self) -> None:
        """Do what comes next; a call that was let in and ran inline has left its room to the next one."""
        super().settle()
        if not self._is_full:
            self._wake_one()

    def die(self, reason: object) -> None:
        """End now; blocked calls find nobody there."""
        super().die(reason)
        while self._wake_one():
            pass

    @property
    def _is_full(self) -> bool:
        return self.waiting >= self.limit.messages

    def _waiting(self) -> Iterator[Message]:
        for message in super()._waiting():
            self._wake_one()
            yield message

    def _lets_in(self, kind: str) -> bool:
        if not self.alive or not self._is_full:
            return True
        self._report_full(kind)
        return self.limit.when_full == "drop_oldest" and self._drop_oldest()

    async def _make_room(self, method: str, seconds: float | None) -> None:
        self._refuse_circle(method, seconds)
        self._report_full("call")
        if self.limit.when_full == "block":
            await self._queue_up(method, seconds)
        elif self.limit.when_full == "refuse" or not self._drop_oldest():
            raise MailboxFull(self, method, self.limit.messages)

    async def _queue_up(self, method: str, seconds: float | None) -> None:
        scheduler = self.namespace.scheduler
        deadline = None if seconds is None else scheduler.clock.monotonic() + seconds
        turn = scheduler.loop.create_future()
        self._blocked.append(turn)
        while True:
            try:
                await self._wait(turn, method, seconds)
            except BaseException:  # too late, cancelled, killed: the place in the queue goes with the one who waits
                if turn in self._blocked:
                    self._blocked.remove(turn)
                else:
                    # The room was for this one, who has given up.
                    self._wake_one()
                raise
            if not self.alive or not self._is_full:
                return
            # Something that always gets in was faster.
            seconds = None if deadline is None else deadline - scheduler.clock.monotonic()
            turn = scheduler.loop.create_future()
            self._blocked.appendleft(turn)

    def _wake_one(self) -> bool:
        while self._blocked:
            turn = self._blocked.popleft()
            if not turn.done():
                turn.set_result(None)
                return True
        return False

    def _drop_oldest(self) -> bool:
        self.disturb()
        backlog = list(self.backlog or ())
        dropped = self._take_first(backlog) or self._take_first(self.queue or [])
        # The old iterator is exhausted: a turn that goes through it ends, and the next one takes this.
        self.backlog = iter(backlog) if self.backlog is not None else None
        if dropped is None:
            return False
        function, _, _, waiter = dropped
        if waiter is not None and not waiter.done():
            waiter.set_exception(MailboxFull(self, function.__name__, self.limit.messages))
        return True

    def _take_first(self, messages: list[Message]) -> Message | None:
        for position, message in enumerate(messages):
            if self._may_go(message):
                return messages.pop(position)
        return None

    def _may_go(self, message: Message) -> bool:
        function, args, _, _ = message
        if function is self.server.__class__.__info__:
            return not isinstance(args[0], PROTECTED)
        return function.__name__ in self.server.__handlers__

    def _report_full(self, kind: str) -> None:
        if telemetry.bus.listening:
            measurements = {"messages": self.waiting, "limit": self.limit.messages}
            telemetry.execute(FULL, measurements, {**identity(self), "kind": kind, "when_full": self.limit.when_full})
