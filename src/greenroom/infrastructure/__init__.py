"""What outlives a process, and the world outside.

What needs the extra `sql` is imported when it is first used, so that topics and tables do without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from greenroom.infrastructure.pubsub import Listener, Missed, Topic
from greenroom.infrastructure.shared_table import NoTable, NotTableOwner, SharedTable, TableGiven

HOMES = ("database", "migration")
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
    "Conflict",
    "Database",
    "DatabaseBusy",
    "DatabaseError",
    "DatabaseSettings",
    "DatabaseUrl",
    "Degraded",
    "Delete",
    "Execute",
    "Healthy",
    "Insert",
    "Invalid",
    "Key",
    "Listener",
    "Migrated",
    "Missed",
    "NewerDatabase",
    "NoTable",
    "NotFound",
    "NotTableOwner",
    "Refusal",
    "Refused",
    "Row",
    "SharedTable",
    "Stale",
    "Step",
    "TableGiven",
    "Topic",
    "Update",
    "UtcTimestamp",
    "Values",
    "migrate",
    "migrations_of",
]
