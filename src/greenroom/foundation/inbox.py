"""A process as its messages find it: its server, its mailbox, and the state that it is in.

A process's `queue` says what state it is in. None: idle, a call may run inline. `RESTING`: idle as well, but
something else is to be done first, such as stopping an idle timer. `BUSY`: a handler runs and nothing waits.
`CLOSED`: it has ended. A `Shared` one: a broadcast will come by with its messages. Anything else: messages wait, and it
has its turn on the scheduler or is running.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from operator import length_hint
from typing import Any

from greenroom.foundation.mailbox import BUSY, CLOSED, NOTHING, RESTING, Mailbox, Message, Shared
from greenroom.foundation.namespace import Name, Namespace
from greenroom.foundation.server import Server
from greenroom.foundation.ties import Control, Ties
from greenroom.foundation.worker import Worker


class Inbox:
    """A server, and the messages that wait for it."""

    __slots__ = ("backlog", "control", "name", "namespace", "parent", "queue", "server", "ties", "worker")

    def __init__(self, server: Server, namespace: Namespace, name: Name | None) -> None:
        self.server: Any = server
        self.namespace = namespace
        self.name = name
        self.parent: Any = None
        self.queue: Mailbox | None = BUSY
        self.backlog: Iterator[Message] | None = None
        self.worker: Worker | None = None
        self.ties: Ties | None = None
        self.control: Control | None = None
        server.__process__ = self

    @property
    def resting(self) -> bool:
        """Whether a message would be handled at once."""
        return self.queue is None or self.queue is RESTING

    @property
    def waiting(self) -> int:
        """How many messages wait for it."""
        behind = len(self.queue.events) if type(self.queue) is Shared else len(self.queue or ())
        return behind if self.backlog is None else behind + length_hint(self.backlog)

    @property
    def halted(self) -> bool:
        """Whether it keeps all messages waiting, since it was asked to; see `System.suspend`."""
        return self.ties is not None and self.ties.suspended

    @property
    def is_ending(self) -> bool:
        """Whether it is to end, which a suspended process does too."""
        return self.control is not None and self.control.is_end

    @property
    def observed(self) -> bool:
        """Whether debug functions are to see its messages."""
        return self.ties is not None and self.ties.observer is not None

    @property
    def working(self) -> bool:
        """Whether one of its handlers is on the stack, or has suspended."""
        return self.worker is not None and self.worker.works_for(self)

    def was_used(self) -> bool:
        """Whether it has handled a message since this was last asked, or does now: for whoever ends what is idle."""
        if not self.resting:
            return True
        # Every turn notes its worker, so that not even the fastest call pays for this.
        used, self.worker = self.worker is not None, None
        return used

    def put(self, message: Message) -> bool:
        """Let a message wait for its turn; False when the process is gone."""
        queue = self.queue
        if queue is CLOSED:
            return False
        if queue is None or queue is RESTING:
            # In this order: where the stack is full, nobody may be left with messages and without a turn.
            self.namespace.scheduler.schedule(self)
            self.queue = Mailbox((message,))
        elif queue is BUSY:
            self.queue = Mailbox((message,))
        elif type(queue) is Shared:
            self._leave_broadcast(queue)
            self.put(message)
        else:
            queue.append(message)
        return True

    def tie(self) -> Ties:
        """Its ties, made on first use."""
        if self.ties is None:
            self.ties = Ties()
        return self.ties

    def demand(self) -> Control:
        """What it is asked to do after the running handler; made on first use."""
        self.disturb()
        if self.control is None:
            self.control = Control()
        if self.resting:
            # Asked from outside of a handler, by a task that the server has made.
            self.queue = Mailbox()
            self.namespace.scheduler.schedule(self)
        return self.control

    def disturb(self) -> None:
        """Look for what else is to be done once the running handler is through."""
        if self.queue is BUSY:
            self.queue = Mailbox()
        elif type(self.queue) is Shared:
            self._leave_broadcast(self.queue)

    @abstractmethod
    def run_slice(self) -> None:
        """Handle some of the messages that wait."""

    @abstractmethod
    def die(self, reason: object) -> None:
        """End now."""

    @abstractmethod
    def kill(self) -> None:
        """End now, even in the middle of a handler."""

    def _leave_broadcast(self, queue: Shared) -> None:
        # Something else is to come after its messages and before the broadcast's turn.
        function = self.server.__class__.__info__
        self.queue = Mailbox([(function, (event,), NOTHING, None) for event in queue.events])
        self.namespace.scheduler.schedule(self)
