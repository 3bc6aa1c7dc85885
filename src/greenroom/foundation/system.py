"""What the runtime itself may ask of a process, beside what its server answers: OTP's system messages."""

from __future__ import annotations

from greenroom.foundation.handling import Handling
from greenroom.foundation.mailbox import Mailbox
from greenroom.foundation.observer import Observer


class System(Handling):
    """A process that can be suspended and observed."""

    __slots__ = ()

    def suspend(self) -> bool:
        """Handle no more messages until it is resumed; False when nothing can hold it."""
        self.tie().suspended = True
        if self.resting:
            self.queue = Mailbox()
        else:
            # In its turn: this message is the last one.
            self.demand()
        return True

    def resume(self) -> None:
        """Go on with the messages that wait."""
        if self.halted:
            self.tie().suspended = False
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
