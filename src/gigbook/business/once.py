"""Requests that are carried out once, however often they are sent.

The key of a request is stored with the answer, in the transaction that makes the change: there is no moment in which
one is on disk without the other. A key is kept for a day; then the `Forgetter` makes it free again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import Column, MetaData, Select, Table, Text, select

from gigbook.business.database import database
from gigbook.business.moments import now
from gigbook.business.refusals import KeyReused
from greenroom.infrastructure import Database, Delete, Insert, NotFound, Row, Step, UtcTimestamp

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

KEPT: Final = timedelta(days=1)

keys: Final = Table(
    "idempotency_keys",
    MetaData(),
    Column("id", Text, primary_key=True),
    Column("request", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
)


class Once(Struct, frozen=True):
    """What makes a request the same as one before: where it goes, its key, and a digest of what it asks for."""

    scope: str
    key: str
    fingerprint: str

    @property
    def id(self) -> str:
        """The primary key of what is stored about it."""
        return f"{self.scope} {self.key}"


class Repeated(Struct, Generic[T_co], frozen=True):
    """The answer that the same request got before; nothing was done now."""

    answer: T_co


def expired(limit: int) -> Select[*tuple[object, ...]]:
    """The query for keys that need not be kept any longer, the oldest first."""
    return select(keys.c.id).where(keys.c.created_at < now() - KEPT).order_by(keys.c.created_at).limit(limit)


def forgetting(id: str) -> Step:
    """The step that makes a key free again."""
    return Delete(keys, id, optional=True)


def remember(once: Once, answer: Callable[[Sequence[Row]], Struct]) -> Step:
    """The step that stores the key with the answer, made from the rows of the steps before it."""
    at = now()

    def step(rows: Sequence[Row]) -> Insert:
        text = msgspec.json.encode(answer(rows)).decode()
        return Insert(keys, {"id": once.id, "request": once.fingerprint, "answer": text, "created_at": at})

    return step


async def recall(once: Once | None, shape: type[T]) -> Repeated[T] | KeyReused | None:
    """What is stored under the key, if there is one: the answer, or that another request used it, or nothing."""
    if once is None:
        return None
    match await database.call(Database.get, keys, once.id):
        case NotFound():
            return None
        case row if row["request"] != once.fingerprint:
            return KeyReused(once.key)
        case row:
            return Repeated(msgspec.json.decode(row["answer"], type=shape))
