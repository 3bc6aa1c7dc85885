"""Events on their way into the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import uuid4

from greenroom.infrastructure.database import Insert, Row, Values
from greenroom.infrastructure.event_store.codec import EventCodec
from greenroom.infrastructure.event_store.recorded import Origin, Recorded
from greenroom.infrastructure.event_store.schema import events_table, open_events_table

E = TypeVar("E")


# Generic values are without slots: see `Topic`.
@dataclass(frozen=True)
class Append(Generic[E]):
    """Add events to the end of a stream.

    The stream must be at version `expected`, which is 0 for one that has no events yet; None for wherever it is.
    `because` is the event that this follows from, or another origin.
    """

    stream: str
    events: Sequence[E]
    expected: int | None = None
    because: Recorded[Any] | Origin | None = None

    def __post_init__(self) -> None:
        if not self.stream:
            raise ValueError("expected the name of a stream, got an empty one")
        if self.expected is not None and self.expected < 0:
            raise ValueError(f"expected a version of at least 0, got {self.expected!r}")

    @property
    def origin(self) -> Origin:
        """Why it happens."""
        match self.because:
            case Recorded():
                return self.because.consequence
            case Origin():
                return self.because
            case None:
                return Origin()


@dataclass(frozen=True, slots=True)
class Draft(Generic[E]):
    """An event that has everything but its place; the version is None where the database is to find it."""

    event: E
    stream: str
    values: Values
    version: int | None
    expected: int | None

    def change(self) -> Insert:
        """What stores it, and answers its position and version."""
        if self.version is None:
            return Insert(open_events_table, self.values)
        return Insert(events_table, {**self.values, "version": self.version})

    def recorded(self, row: Row) -> Recorded[E]:
        """The event with the place that the database gave it."""
        values: Row = self.values
        return Recorded(
            self.event,
            values["id"],
            row["position"],
            self.stream,
            row["version"],
            values["recorded_at"],
            values["correlation_id"],
            values["causation_id"],
        )


def drafts(append: Append[E], codec: EventCodec[E], moment: datetime) -> list[Draft[E]]:
    """The events of an append, encoded.

    Raises:
        UnknownEvent: the codec was not told of a type.
    """
    expected = append.expected
    return [
        Draft(event, append.stream, _values(event, append, codec, moment), _version(expected, nth), expected)
        for nth, event in enumerate(append.events, start=1)
    ]


def the_one(found: Sequence[Draft[E]]) -> Draft[E]:
    """The one event of an append that a function has made in the middle of a transaction.

    Raises:
        ValueError: there are more, or none.
    """
    if len(found) != 1:
        raise ValueError(f"expected a function to append one event, got {len(found)}")
    return found[0]


def _version(expected: int | None, nth: int) -> int | None:
    return None if expected is None else expected + nth


def _values(event: E, append: Append[E], codec: EventCodec[E], moment: datetime) -> Values:
    encoded = codec.encode(event)
    # Cut as the column does it, so that it is the same when it is read again.
    recorded_at = moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)
    return {
        "id": uuid4().hex,
        "stream": append.stream,
        "type": encoded.type,
        "schema": encoded.schema,
        "payload": encoded.payload,
        "correlation_id": append.origin.correlation_id,
        "causation_id": append.origin.causation_id,
        "recorded_at": recorded_at,
    }
