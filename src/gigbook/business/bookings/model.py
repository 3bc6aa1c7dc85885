"""What a booking is, what one is made of, and why one may be refused. Nothing here knows of processes or tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from gigbook.business.bookings.times import Time, written
from gigbook.business.ids import Id
from gigbook.business.refusals import Refusal
from gigbook.business.rules import LINE, OPTIONAL_LINES, Rule, line, optional_lines

LONGEST_TITLE: Final = 200
LONGEST_REASON: Final = 500
LONGEST: Final = timedelta(days=7)
"""How long one booking may take."""

HOLD_SECONDS: Final = 900
MOST_HOLD_SECONDS: Final = 7 * 24 * 3600

Status: TypeAlias = Literal["requested", "held", "confirmed", "cancelled", "expired"]

LIVE: Final[tuple[Status, ...]] = ("held", "confirmed")
"""A booking with one of these has its time to itself: no other of them at the venue overlaps it."""

Title: TypeAlias = Annotated[
    str,
    Meta(
        description="Not empty once it is trimmed.",
        examples=["Nina plays Bach"],
        extra_json_schema={"minLength": 1, "maxLength": LONGEST_TITLE, "pattern": LINE},
    ),
]
Reason: TypeAlias = Annotated[
    str,
    Meta(
        examples=["The singer has a cold"],
        extra_json_schema={"maxLength": LONGEST_REASON, "pattern": OPTIONAL_LINES},
    ),
]


class Booking(Struct, frozen=True, kw_only=True, gc=False):
    """A booking. It starts and ends at moments, which have the offset of the venue's clock then."""

    id: Id
    venue_id: Id
    artist_id: Id
    title: Title
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    status: Status
    held_until: datetime | None
    created_at: datetime
    updated_at: datetime


class BookingDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What somebody asks for: who plays where, when, and what."""

    venue_id: Id
    artist_id: Annotated[Id, Meta(description="A user whose role is artist.")]
    title: Title
    starts_at: Time
    ends_at: Time


class Hold(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """For how long nobody else gets the time."""

    seconds: Annotated[int, Meta(ge=1, le=MOST_HOLD_SECONDS)] = HOLD_SECONDS


class Cancellation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Why it is off."""

    reason: Reason | None = None


RULES: Final[Mapping[str, Rule]] = {
    "title": partial(line, most=LONGEST_TITLE),
    "starts_at": written,
    "ends_at": written,
}
CANCELLATION_RULES: Final[Mapping[str, Rule]] = {"reason": partial(optional_lines, most=LONGEST_REASON)}


@dataclass(frozen=True, slots=True)
class Taken(Refusal):
    """Another booking has a part of that time at the venue."""

    by: int

    def __str__(self) -> str:
        return f"The venue is taken at that time, by booking {self.by}"


@dataclass(frozen=True, slots=True)
class Closed(Refusal):
    """The venue is not open for all of that time."""

    def __str__(self) -> str:
        return "The venue is not open for all of that time"


@dataclass(frozen=True, slots=True)
class Begun(Refusal):
    """The time has come for which the booking was requested."""

    def __str__(self) -> str:
        return "The time of the booking has begun, without anybody having held or confirmed it"


@dataclass(frozen=True, slots=True)
class WrongStatus(Refusal):
    """The booking would have to be in another status for that."""

    status: Status
    wanted: tuple[Status, ...]

    def __str__(self) -> str:
        return f"The booking is {self.status}; for this it would have to be {' or '.join(self.wanted)}"
