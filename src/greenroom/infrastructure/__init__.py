"""What outlives a process, and the world outside.

What needs the extra `sql` is imported when it is first used, so that topics and tables do without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from greenroom.infrastructure.pubsub import Listener, Missed, Topic
from greenroom.infrastructure.shared_table import NoTable, NotTableOwner, SharedTable, TableGiven

HOMES = ("database", "entity", "migration")
"""Where to look, in this order, for what is not imported yet."""

if TYPE_CHECKING:
    from greenroom.infrastructure.database import (
        Change,
        Conflict,
        Database,
        DatabaseBusy,
        DatabaseError,
        DatabaseSettings,
        DatabaseUrl,
        Degraded,
        Delete,
        Execute,
        Healthy,
        Insert,
        Invalid,
        Key,
        NotFound,
        Refusal,
        Refused,
        Row,
        Stale,
        Step,
        Update,
        UtcTimestamp,
        Values,
    )
    from greenroom.infrastructure.entity import (
        Codec,
        Columns,
        Entities,
        Entity,
        EntityRef,
        EntitySettings,
        Home,
        KeptInMemory,
        Memory,
        MessagePack,
        NoSuchEntity,
        NotSaved,
        Reminder,
        SaveRefused,
        Snapshots,
        StaleState,
        UnknownSchema,
        entities,
        entity_reminders,
        entity_snapshots,
    )
    from greenroom.infrastructure.migration import Migrated, NewerDatabase, migrate, migrations_of
else:

    def __getattr__(name: str) -> object:
        """Import what is used for the first time."""
        for home in HOMES if name in __all__ else ():
            module = import_module(f"{__name__}.{home}")
            if hasattr(module, name):
                globals()[name] = getattr(module, name)
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Change",
    "Codec",
    "Columns",
    "Conflict",
    "Database",
    "DatabaseBusy",
    "DatabaseError",
    "DatabaseSettings",
    "DatabaseUrl",
    "Degraded",
    "Delete",
    "Entities",
    "Entity",
    "EntityRef",
    "EntitySettings",
    "Execute",
    "Healthy",
    "Home",
    "Insert",
    "Invalid",
    "KeptInMemory",
    "Key",
    "Listener",
    "Memory",
    "MessagePack",
    "Migrated",
    "Missed",
    "NewerDatabase",
    "NoSuchEntity",
    "NoTable",
    "NotFound",
    "NotSaved",
    "NotTableOwner",
    "Refusal",
    "Refused",
    "Reminder",
    "Row",
    "SaveRefused",
    "SharedTable",
    "Snapshots",
    "Stale",
    "StaleState",
    "Step",
    "TableGiven",
    "Topic",
    "UnknownSchema",
    "Update",
    "UtcTimestamp",
    "Values",
    "entities",
    "entity_reminders",
    "entity_snapshots",
    "migrate",
    "migrations_of",
]
