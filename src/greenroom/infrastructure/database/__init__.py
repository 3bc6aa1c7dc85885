"""Rows in SQLite or PostgreSQL: one writer with group commit, and readers that never wait for it."""

from greenroom.infrastructure.database.change import Change, Delete, Execute, Insert, Returning, Step, Update, Values
from greenroom.infrastructure.database.error import DatabaseBusy, DatabaseError
from greenroom.infrastructure.database.health import Degraded, Healthy
from greenroom.infrastructure.database.outcome import (
    Conflict,
    Invalid,
    Key,
    NotFound,
    Refusal,
    Refused,
    Row,
    Stale,
)
from greenroom.infrastructure.database.process import Database
from greenroom.infrastructure.database.settings import DatabaseSettings
from greenroom.infrastructure.database.timestamp import UtcTimestamp
from greenroom.infrastructure.database.url import DatabaseUrl

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
    "NotFound",
    "Refusal",
    "Refused",
    "Returning",
    "Row",
    "Stale",
    "Step",
    "Update",
    "UtcTimestamp",
    "Values",
]
