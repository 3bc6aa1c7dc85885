"""Events as the store gives them back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from greenroom.infrastructure.database import Row
from greenroom.infrastructure.event_store.codec import Encoded, EventCodec

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Origin:
    """Why something happens: the id of what began it all, and of what came right before."""

    correlation_id: str | None = None
    causation_id: str | None = None


# Generic values are without slots: see `Topic`.
@dataclass(frozen=True)
class Recorded(Generic[E_co]):
    """An event, and where and when it was recorded.

    `version` counts the events of its stream, `position` those of all streams, both from one and without gaps.
    """

    event: E_co
    id: str
    position: int
    stream: str
    version: int
    recorded_at: datetime
    correlation_id: str | None = None
    causation_id: str | None = None

    @property
    def consequence(self) -> Origin:
        """The origin of what happens because of this event."""
        return Origin(self.correlation_id or self.id, self.id)


@dataclass(frozen=True, slots=True)
class WrongVersion:
    """Nothing was appended: the stream is at version `actual`, and `expected` was given."""

    stream: str
    expected: int
    actual: int


@dataclass(frozen=True)
class Committed(Generic[E_co]):
    """What a transaction has stored: the rows of its changes and the events of its appends, each in order."""

    rows: tuple[Row, ...]
    events: tuple[Recorded[E_co], ...]


def recorded(row: Row, codec: EventCodec[E]) -> Recorded[E]:
    """The event of a row.

    Raises:
        UnknownEvent, MalformedEvent: the codec can not decode it.
    """
    return Recorded(
        codec.decode(Encoded(row["type"], row["schema"], row["payload"])),
        row["id"],
        row["position"],
        row["stream"],
        row["version"],
        row["recorded_at"],
        row["correlation_id"],
        row["causation_id"],
    )
