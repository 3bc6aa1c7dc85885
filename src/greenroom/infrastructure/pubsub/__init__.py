"""Topics: what is published reaches every process and every listener that has subscribed."""

from greenroom.infrastructure.pubsub.listener import Listener
from greenroom.infrastructure.pubsub.missed import Missed
from greenroom.infrastructure.pubsub.topic import Topic

__all__ = ["Listener", "Missed", "Topic"]
