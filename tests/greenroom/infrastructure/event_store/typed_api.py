"""What type checkers see of the event store: every good line must pass and every `type: ignore` must be needed.

Both checkers read this file in `make check` and complain of an ignore that hides nothing. It is never run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_type

from greenroom.infrastructure import EventStore, Recorded, WrongVersion


@dataclass(frozen=True)
class Booked:
    artist: str


async def appends(events: EventStore[Booked]) -> None:
    assert_type(await events.append("booking:7", [Booked("Nina")]), tuple[Recorded[Booked], ...])
    outcome = await events.append("booking:7", [Booked("Nina")], expected=1)
    if not isinstance(outcome, WrongVersion):
        assert_type(outcome, tuple[Recorded[Booked], ...])

    await events.append("booking:7", ["Nina"])  # type: ignore[list-item]
    (_,) = await events.append("booking:7", [Booked("Nina")], expected=0)  # type: ignore[misc]
