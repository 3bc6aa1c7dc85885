"""A topic's subscribers in one namespace, and the way of an event to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from greenroom.foundation import telemetry
from greenroom.foundation.broadcast import Audience
from greenroom.foundation.limited_process import LimitedProcess
from greenroom.foundation.namespace import Namespace
from greenroom.foundation.process import Process
from greenroom.infrastructure.pubsub.missed import Missed

OVERFLOW: Final = ("greenroom", "pubsub", "overflow")


class Ear(Protocol):
    """A listener outside of any process."""

    def offer(self, event: object) -> None:
        """Take the event, or note that there was no room for it. Returns at once."""


class Channel:
    """Exists while somebody has subscribed."""

    __slots__ = ("_audience", "_far", "_namespace", "listeners", "subscriptions", "topic")

    def __init__(self, topic: str, namespace: Namespace) -> None:
        self.topic = topic
        self._namespace = namespace
        self.subscriptions: dict[Process[Any], Subscription] = {}
        self.listeners: dict[Ear, None] = {}
        # The subscribed processes of this namespace, and those of others; None after a change.
        self._audience: Audience | None = None
        self._far: list[Process[Any]] = []

    def publish(self, event: object, sender: Process[Any] | None = None) -> None:
        """Send the event to everyone but the sender."""
        audience = self._audience or self._gathered()
        # A sender does not rest, so it is among the others.
        for process in audience.tell(event):
            if process is not sender:
                self.subscriptions[process].offer(event)
        for process in self._far:
            if process is not sender:
                self.subscriptions[process].offer(event)
        for listener in self.listeners:
            listener.offer(event)

    def join(self, process: Process[Any], limit: int) -> None:
        """Subscribe the process, until it leaves or ends. A limit of its whole mailbox holds for events as well."""
        if isinstance(process, LimitedProcess):
            limit = min(limit, process.limit.messages)
        subscription = self.subscriptions.get(process)
        if subscription is not None:
            subscription.limit = limit
            self._audience = None
            return
        release = partial(self._drop, process)
        self.subscriptions[process] = Subscription(process, limit, self.topic, release)
        self._audience = None
        process.tie().releases[release] = None

    def leave(self, process: Process[Any]) -> None:
        """End the subscription; what was published before still arrives."""
        subscription = self._drop(process)
        if subscription is not None:
            process.tie().releases.pop(subscription.release, None)

    def open_ear(self, listener: Ear) -> None:
        """Let the listener have what is published from now on."""
        self.listeners[listener] = None

    def close_ear(self, listener: Ear) -> None:
        """Let it have no more."""
        if self.listeners.pop(listener, self) is None:
            self._close_if_empty()

    def _drop(self, process: Process[Any]) -> Subscription | None:
        subscription = self.subscriptions.pop(process, None)
        if subscription is not None:
            self._audience = None
            self._close_if_empty()
        return subscription

    def _gathered(self) -> Audience:
        near = [process for process in self.subscriptions if process.namespace is self._namespace]
        self._far = [process for process in self.subscriptions if process.namespace is not self._namespace]
        most = min((subscription.limit for subscription in self.subscriptions.values()), default=1)
        self._audience = Audience(near, self._namespace, most)
        return self._audience

    def _close_if_empty(self) -> None:
        if not self.subscriptions and not self.listeners:
            channels_of(self._namespace).pop(self.topic, None)


class Subscription:
    """What one process gets of one topic."""

    __slots__ = ("_notice", "_topic", "limit", "process", "release")

    def __init__(self, process: Process[Any], limit: int, topic: str, release: Callable[[], object]) -> None:
        self.process = process
        self.limit = limit
        self.release = release
        self._topic = topic
        self._notice: Missed | None = None

    def offer(self, event: object) -> None:
        """Put the event into the mailbox, or note there that it was missed."""
        if self.process.waiting < self.limit:
            # What is missed from here on is missed after it, also while a notice before it still waits.
            self._notice = None
            self.process.inform(event)
        else:
            self._miss()

    def _miss(self) -> None:
        seen = self._notice
        if seen is not None:
            self._notice = Missed(seen.count + 1, self._topic)
            if self.process.amend(seen, self._notice):
                return
        # The notice before, if there was one, has been read.
        self._notice = Missed(1, self._topic)
        self.process.inform(self._notice)
        telemetry.execute(OVERFLOW, {"limit": self.limit}, {"topic": self._topic, "subscriber": self.process})


def channels_of(namespace: Namespace) -> dict[str, Channel]:
    """The channels that are open in the namespace, by topic."""
    found: dict[str, Channel] | None = namespace.holdings.get(Channel)
    if found is None:
        found = namespace.holdings[Channel] = {}
    return found


def channel_of(namespace: Namespace, topic: str) -> Channel:
    """The channel of a topic, opened if need be."""
    channels = channels_of(namespace)
    found = channels.get(topic)
    if found is None:
        found = channels[topic] = Channel(topic, namespace)
    return found


def publish_in(namespace: Namespace, topic: str, event: object) -> None:
    """Send the event to everyone who has subscribed to the topic in this namespace."""
    channel = channels_of(namespace).get(topic)
    if channel is not None:
        channel.publish(event)
