"""What happened, in the order in which it happened, kept for good."""

from greenroom.infrastructure.event_store.append import Append
from greenroom.infrastructure.event_store.codec import (
    Encoded,
    EventCodec,
    EventKind,
    MalformedEvent,
    UnknownEvent,
    Upcast,
)
from greenroom.infrastructure.event_store.follower import Follower
from greenroom.infrastructure.event_store.recorded import Committed, Origin, Recorded, WrongVersion
from greenroom.infrastructure.event_store.schema import append_in_turn, create_events, events_table
from greenroom.infrastructure.event_store.store import EventStore
from greenroom.infrastructure.event_store.unit import Work

__all__ = [
    "Append",
    "Committed",
    "Encoded",
    "EventCodec",
    "EventKind",
    "EventStore",
    "Follower",
    "MalformedEvent",
    "Origin",
    "Recorded",
    "UnknownEvent",
    "Upcast",
    "Work",
    "WrongVersion",
    "append_in_turn",
    "create_events",
    "events_table",
]
