"""States packed whole, those of all kinds in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import msgspec
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text

from greenroom.foundation.errors import GreenroomError
from greenroom.infrastructure.database import Key, Row, UtcTimestamp, Values
from greenroom.infrastructure.entity.codec import Codec, MessagePack, check_frozen

S = TypeVar("S")

Upcast = Callable[[Any], Any]
"""Turns plain data (dictionaries, lists, numbers, text) of one schema into that of the next."""

entity_snapshots: Final = Table(
    "entity_snapshots",
    MetaData(),
    # Kind and key in one: the key of a row is one column.
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("schema", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("updated_at", UtcTimestamp, nullable=False),
)


class UnknownSchema(GreenroomError):
    """A snapshot has a schema that this release can not read."""

    def __init__(self, row: Row, newest: int) -> None:
        super().__init__(f"expected {row['id']} to have a schema that leads to {newest}, got {row['schema']}")


class Snapshots(Generic[S]):
    """A row for each entity in `entity_snapshots`, with its state in MessagePack.

    When the state's type changes, raise `schema` and say how the one before becomes it: `upcasts={1: with_city}`. What
    is stored is read in steps, and written in the newest schema with its next change.
    """

    def __init__(self, state: type[S], *, schema: int = 1, upcasts: Mapping[int, Upcast] | None = None) -> None:
        check_frozen(state)
        self.table = entity_snapshots
        self._state = state
        self._schema = schema
        self._upcasts = dict(upcasts or {})
        self.codec: Codec[S] = MessagePack(state)

    def row_key(self, kind: str, key: Key) -> Key:
        """Kind and key, as in `venue/7`."""
        return f"{kind}/{key!s}"

    def read(self, row: Row) -> S:
        """The state in a row.

        Raises:
            UnknownSchema: it is newer than this release, or no upcast leads on from it.
        """
        if row["schema"] == self._schema:
            return self.codec.unpack(row["data"])
        data: Any = msgspec.msgpack.decode(row["data"])
        for schema in range(row["schema"], self._schema):
            if schema not in self._upcasts:
                raise UnknownSchema(row, self._schema)
            data = self._upcasts[schema](data)
        if row["schema"] > self._schema:
            raise UnknownSchema(row, self._schema)
        return msgspec.convert(data, self._state)

    def write(self, kind: str, key: Key, state: S, at: datetime) -> Values:
        """What the row has in its columns."""
        return {
            "kind": kind,
            "key": str(key),
            "schema": self._schema,
            "data": self.codec.pack(state),
            "updated_at": at,
        }
