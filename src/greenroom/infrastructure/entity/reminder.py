"""Reminders: timers of entities that survive the process, and the program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import randrange
from typing import Final, TypeAlias

from sqlalchemy import BigInteger, Column, Integer, MetaData, Select, Table, Text, bindparam, or_, select

from greenroom.infrastructure.database import Delete, Insert, Key, Row, Step, UtcTimestamp

entity_reminders: Final = Table(
    "entity_reminders",
    MetaData(),
    # Kind, key and name in one: the key of a row is one column.
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("due", UtcTimestamp, nullable=False),
    Column("every", BigInteger),
    Column("held_until", UtcTimestamp),
    Column("version", Integer, nullable=False),
)

MILLISECOND: Final = timedelta(milliseconds=1)
CENTURY: Final = timedelta(days=36525)


@dataclass(frozen=True, slots=True)
class Reminder:
    """What an entity asked to be told, and when it was due."""

    name: str
    due: datetime
    note: str = ""


def stored_reminder(kind: str, key: Key, reminder: Reminder, every: float | None, *, replace: bool = False) -> Insert:
    """The step that stores a reminder, in place of the one of the same name if there may be one."""
    if reminder.due.tzinfo is None:
        raise ValueError(f"expected a time with a time zone, got {reminder.due!r}")
    if every is not None and not MILLISECOND.total_seconds() <= every <= CENTURY.total_seconds():
        raise ValueError(f"expected a period between a millisecond and a century, got {every!r} s")
    values: Mapping[str, object] = {
        "id": _id(kind, key, reminder.name),
        "kind": kind,
        "key": json.dumps(key),
        "name": reminder.name,
        "note": reminder.note,
        "due": reminder.due,
        "every": None if every is None else round(every * 1000),
        "held_until": None,
        # No version that one of the same name had before: whoever still delivers that one must not take this for it.
        "version": randrange(1, 2**30),  # noqa: S311  # nobody has to be kept from guessing
    }
    return Insert(entity_reminders, values, row=False, replace=replace)


def forgotten(kind: str, key: Key, name: str) -> Step:
    """The step that removes a reminder, if it is there."""
    return Delete(entity_reminders, _id(kind, key, name), optional=True)


Query: TypeAlias = Select[*tuple[object, ...]]


def _due() -> Query:
    columns, now = entity_reminders.c, bindparam("now", type_=UtcTimestamp())
    return (
        select(*columns)
        .where(columns.kind == bindparam("of"), columns.due <= now)
        .where(or_(columns.held_until.is_(None), columns.held_until <= now))
        .order_by(columns.due)
        .limit(bindparam("most"))
    )


def _next() -> Query:
    columns = entity_reminders.c
    next_ones = select(columns.due).where(columns.kind == bindparam("of"), columns.due > bindparam("now"))
    return next_ones.order_by(columns.due).limit(1)


# Composed once: every kind asks both whenever it looks, and to compose them takes longer than to carry them out.
_DUE: Final = _due()
_NEXT: Final = _next()


def due_query(kind: str, now: datetime, limit: int) -> Query:
    """The reminders that are due and held by nobody, the oldest first."""
    return _DUE.params(of=kind, now=now, most=limit)


def next_query(kind: str, now: datetime) -> Query:
    """The one that is due next."""
    return _NEXT.params(of=kind, now=now)


def next_due(row: Row, now: datetime) -> datetime | None:
    """When a reminder is due again: the first of its times that is still to come."""
    if row["every"] is None:
        return None
    due: datetime = row["due"]
    every: timedelta = row["every"] * MILLISECOND
    missed = max(0, (now - due) // every)
    return due + (missed + 1) * every


def _id(kind: str, key: Key, name: str) -> str:
    return json.dumps([kind, key, name])
