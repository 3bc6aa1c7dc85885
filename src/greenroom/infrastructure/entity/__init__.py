"""Entities: one process for each id, whose state outlives it."""

from greenroom.infrastructure.entity.address import EntityRef
from greenroom.infrastructure.entity.codec import Codec, MessagePack
from greenroom.infrastructure.entity.columns import Columns
from greenroom.infrastructure.entity.error import KeptInMemory, NoSuchEntity, NotSaved, SaveRefused, StaleState
from greenroom.infrastructure.entity.home import Home, Memory
from greenroom.infrastructure.entity.reminder import Reminder, entity_reminders
from greenroom.infrastructure.entity.server import Entity
from greenroom.infrastructure.entity.settings import EntitySettings
from greenroom.infrastructure.entity.snapshots import Snapshots, UnknownSchema, entity_snapshots
from greenroom.infrastructure.entity.tree import Entities, entities

__all__ = [
    "Codec",
    "Columns",
    "Entities",
    "Entity",
    "EntityRef",
    "EntitySettings",
    "Home",
    "KeptInMemory",
    "Memory",
    "MessagePack",
    "NoSuchEntity",
    "NotSaved",
    "Reminder",
    "SaveRefused",
    "Snapshots",
    "StaleState",
    "UnknownSchema",
    "entities",
    "entity_reminders",
    "entity_snapshots",
]
