"""The bookings that a venue's time belongs to."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter

from msgspec import Struct

from gigbook.business.bookings.model import LIVE, Booking

_START = attrgetter("starts_at")


class Calendar(Struct, frozen=True):
    """The live bookings of a venue, in the order of time. No two of them overlap.

    `mark` is another one after each decision, and nobody else's.
    """

    live: tuple[Booking, ...] = ()
    mark: str = ""

    @classmethod
    def of(cls, bookings: Iterable[Booking], mark: str = "") -> Calendar:
        """The calendar of these live bookings."""
        return cls(tuple(sorted(bookings, key=_START)), mark)

    def overlapping(self, start: datetime, end: datetime, *, but: int = 0) -> Booking | None:
        """The last booking, other than the one with the id `but`, that has a part of the time up to `end`.

        The spans of live bookings follow each other, so only those next to `end` need to be looked at.
        """
        at = bisect_left(self.live, end, key=_START)
        while at and self.live[at - 1].ends_at > start:
            at -= 1
            if self.live[at].id != but:
                return self.live[at]
        return None

    def overdue(self, now: datetime) -> list[Booking]:
        """Those whose hold is over."""
        return [booking for booking in self.live if booking.held_until is not None and booking.held_until <= now]

    def marked(self, mark: str) -> Calendar:
        """The same after a decision that gives nobody any time."""
        return Calendar(self.live, mark)

    def ahead(self, now: datetime) -> Calendar:
        """The same without what is confirmed and over, which nothing can overlap that is to come.

        A hold stays until it has lapsed, whatever it was for.
        """
        if not any(_is_over(booking, now) for booking in self.live):
            return self
        return Calendar(tuple(booking for booking in self.live if not _is_over(booking, now)), self.mark)

    def changed(self, booking: Booking, mark: str) -> Calendar:
        """The calendar with the booking as it is after a change."""
        kept = [other for other in self.live if other.id != booking.id]
        if booking.status in LIVE:
            kept.insert(bisect_left(kept, booking.starts_at, key=_START), booking)
        return Calendar(tuple(kept), mark)


def _is_over(booking: Booking, now: datetime) -> bool:
    return booking.status == "confirmed" and booking.ends_at <= now
