"""What outlives a process, and the world outside.

What needs the extra `sql` is imported when it is first used, so that topics and tables do without it.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from greenroom.infrastructure.pubsub import Listener, Missed, Topic
from greenroom.infrastructure.shared_table import NoTable, NotTableOwner, SharedTable, TableGiven

HOMES = ("database", "entity", "event_store", "migration")
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
        Returning,
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
    from greenroom.infrastructure.event_store import (
        Append,
        Committed,
        Encoded,
        EventCodec,
        EventKind,
        EventStore,
        Follower,
        MalformedEvent,
        Origin,
        Recorded,
        UnknownEvent,
        Upcast,
        Work,
        WrongVersion,
        append_in_turn,
        create_events,
        events_table,
    )
    from greenroom.infrastructure.migration import Migrated, NewerDatabase, migrate, migrations_of
else:

    def __getattr__(name: str) -> object:
        """Import what is used for the first time."""
        for home in HOMES if name in __all__ else ():
            module = _imported(f"{__name__}.{home}", name)
            if hasattr(module, name):
                globals()[name] = getattr(module, name)
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        """Name what is not imported yet as well, for whoever completes or corrects a name."""
        return sorted({*globals(), *__all__})


def _imported(module: str, name: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{__name__}.{name} needs the extra 'sql', as in pip install 'greenroom[sql]': {error}", name=error.name
        ) from error


__all__ = [
    "Append",
    "Change",
    "Codec",
    "Columns",
    "Committed",
    "Conflict",
    "Database",
    "DatabaseBusy",
    "DatabaseError",
    "DatabaseSettings",
    "DatabaseUrl",
    "Degraded",
    "Delete",
    "Encoded",
    "Entities",
    "Entity",
    "EntityRef",
    "EntitySettings",
    "EventCodec",
    "EventKind",
    "EventStore",
    "Execute",
    "Follower",
    "Healthy",
    "Home",
    "Insert",
    "Invalid",
    "KeptInMemory",
    "Key",
    "Listener",
    "MalformedEvent",
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
    "Origin",
    "Recorded",
    "Refusal",
    "Refused",
    "Reminder",
    "Returning",
    "Row",
    "SaveRefused",
    "SharedTable",
    "Snapshots",
    "Stale",
    "StaleState",
    "Step",
    "TableGiven",
    "Topic",
    "UnknownEvent",
    "UnknownSchema",
    "Upcast",
    "Update",
    "UtcTimestamp",
    "Values",
    "Work",
    "WrongVersion",
    "append_in_turn",
    "create_events",
    "entities",
    "entity_reminders",
    "entity_snapshots",
    "events_table",
    "migrate",
    "migrations_of",
]
