"""What the runtime itself may ask of a process, beside what its server answers: OTP's system messages."""

from __future__ import annotations

from collections.abc import Iterable

from greenroom.foundation.handling import Handling, answer_system
from greenroom.foundation.mailbox import Mailbox, Message
from greenroom.foundation.observer import Observer
from greenroom.foundation.signals import stop_server


class System(Handling):
    """A process that can be suspended and observed."""

    __slots__ = ()

    def suspend(self) -> bool:
        """Handle no more messages until it is resumed; False when nothing can hold it."""
        if self.halted:
            return True
        ties = self.tie()
        ties.suspended = True
        if self.resting:
            self.queue = Mailbox()
            if ties.idle is not None:
                self.demand().idle, ties.idle = ties.idle.cancel(), None
        else:
            # In its turn: this message is the last one.
            self.demand()
            self._answer_what_waits()
        return True

    def resume(self) -> None:
        """Go on with the messages that wait."""
        if self.halted:
            self.tie().suspended = False
            if not self.working:
                self.settle()

    def observe(self, observer: Observer | None) -> None:
        """Let debug functions see every message from the next one on; with None no more."""
        self.tie().observer = observer
        if self.resting:
            self.settle()
            return
        # Also the call that runs inline: it ends by looking at what has changed.
        self.disturb()
        if observer is not None and self.backlog is not None:
            self.backlog = observer.watching(self.backlog)

    def _answer_what_waits(self) -> None:
        # What is asked of a suspended process does not wait for its messages; that holds for what was asked before.
        if self.backlog is not None:
            self.backlog = iter(self._without_system(self.backlog))
        if self.queue:
            waiting, self.queue = self.queue, Mailbox()
            self.queue[:0] = self._without_system(waiting)

    def _without_system(self, messages: Iterable[Message]) -> list[Message]:
        left: list[Message] = []
        for message in messages:
            function, args, _, waiter = message
            if not self.halted or self.is_ending or function not in (answer_system, stop_server):
                left.append(message)
                continue
            outcome = function(self.server, *args)
            if waiter is not None:
                self.hand(waiter, outcome)
        return left
