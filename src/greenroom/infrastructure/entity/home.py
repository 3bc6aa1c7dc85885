"""Where the states of a kind are kept.

`Columns` spreads a state over the columns of a table, where SQL can query it. `Snapshots` packs it whole into a table
that many kinds share. `Memory` keeps it nowhere else. Anything else that has `Home`'s methods will do as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Table

from greenroom.infrastructure.database import Key, Row, Values
from greenroom.infrastructure.entity.codec import Codec, MessagePack, check_frozen

S = TypeVar("S")


class Home(Protocol[S]):
    """A table with a column `version`, and how a state looks in one of its rows."""

    @property
    def table(self) -> Table:
        """The table; its primary key has one column."""
        ...

    @property
    def codec(self) -> Codec[S]:
        """Packs the states that hibernate."""
        ...

    def row_key(self, kind: str, key: Key) -> Key:
        """The primary key of an entity's row."""
        ...

    def read(self, row: Row) -> S:
        """The state in a row."""
        ...

    def write(self, kind: str, key: Key, state: S, at: datetime) -> Values:
        """What a row with this state has in its columns, without primary key and version."""
        ...


@dataclass(frozen=True, slots=True)
class Memory(Generic[S]):
    """No place but memory: for presence, sessions, and what else may be gone after a restart."""

    state: type[S]

    def __post_init__(self) -> None:
        check_frozen(self.state)

    @property
    def codec(self) -> Codec[S]:
        """Packs the states that hibernate."""
        return MessagePack(self.state)
