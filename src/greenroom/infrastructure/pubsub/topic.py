"""Topics, typed by their events.

    def calendar(venue: str) -> Topic[Booked | Cancelled]:
        return Topic(f"venue:{venue}")

    calendar("blue-note").publish(Booked(friday, "Nina"))

A process that has called `subscribe` gets each event in `handle_info`; other code iterates over `listen`. A topic is a
name and needs no making: it lives in the current namespace while somebody has subscribed to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from greenroom.foundation.namespace import current_namespace
from greenroom.foundation.running import running_process
from greenroom.infrastructure.pubsub.channel import channel_of, channels_of, publish_in
from greenroom.infrastructure.pubsub.listener import Listener

E = TypeVar("E")

MAILBOX: Final = 10_000
"""How many messages may wait for a subscribed process before it misses events, unless it says otherwise."""

BUFFER: Final = 1_000
"""How many events may wait for a listener before it misses some, unless it says otherwise."""


# Without slots: `Topic[Booked]("bookings")` would fail on Python 3.11, which tries to note the type on the instance.
@dataclass(frozen=True)
class Topic(Generic[E]):
    """The name of what is published, with the type of its events: frozen dataclasses, best a closed union of them.

    Each subscriber gets the events of one publisher in the order in which they were published, and in order with what
    that publisher sends it otherwise. What was published before somebody subscribed does not reach it.
    """

    name: str

    def publish(self, event: E) -> None:
        """Send the event to every subscriber. Returns at once: nobody is waited for, slow ones miss events.

        An entity that tells of its own changes calls its `publish`, which waits until they are certain.
        """
        publish_in(current_namespace(), self.name, event)

    def publish_from(self, event: E) -> None:
        """Send the event to every subscriber but the running process.

        Raises:
            OutsideProcess: none is running.
        """
        sender = running_process("publish_from")
        channel = channels_of(current_namespace()).get(self.name)
        if channel is not None:
            channel.publish(event, sender)

    def subscribe(self, limit: int = MAILBOX) -> None:
        """Let the running process get each event in `handle_info`, until it ends; once is enough.

        While `limit` messages wait for it already, it gets one `Missed` in place of the events that come.

        Raises:
            OutsideProcess: none is running.
        """
        if limit < 1:
            raise ValueError(f"expected limit to be at least 1, got {limit!r}")
        process = running_process("subscribe")
        channel_of(current_namespace(), self.name).join(process, limit)

    def unsubscribe(self) -> None:
        """Let the running process get no more of it; what was published before still arrives."""
        process = running_process("unsubscribe")
        channel = channels_of(current_namespace()).get(self.name)
        if channel is not None:
            channel.leave(process)

    def listen(self, limit: int = BUFFER) -> Listener[E]:
        """Iterate over the events, anywhere in asyncio code.

            async with calendar("blue-note").listen() as events:
                async for event in events:
                    ...

        Up to `limit` events wait to be read; whoever reads too slowly gets one `Missed` in place of those in between.
        """
        return Listener(self.name, limit)

    def count(self) -> int:
        """How many processes and listeners have subscribed."""
        channel = channels_of(current_namespace()).get(self.name)
        return 0 if channel is None else len(channel.subscriptions) + len(channel.listeners)
