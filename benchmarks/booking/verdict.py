"""What is in the database in the end, against what the clients were told."""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sqlalchemy import Engine, create_engine, select

from benchmarks.booking.clients import Told, Wish
from gigbook.business.bookings.table import bookings
from greenroom.infrastructure import DatabaseUrl

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Verdict:
    """How much is wrong; all of it should be nothing."""

    overlaps: int
    """Pairs of live bookings of one venue that share some time."""

    lost: int
    """Bookings that a client was told are confirmed, and that are not there so."""

    refused_for_nothing: int
    """Clients who were told that the time is taken, while no live booking has it."""

    unexpected: int
    """Answers with other statuses than 200, 201 and 409."""

    def __str__(self) -> str:
        """In one line, for the table."""
        found = {
            "overlapping": self.overlaps,
            "lost": self.lost,
            "refused for nothing": self.refused_for_nothing,
            "unexpected answers": self.unexpected,
        }
        return ", ".join(f"{many} {name}" for name, many in found.items() if many) or "none"


def judged(url: DatabaseUrl, venues: list[int], told: Told) -> Verdict:
    """Compare all of it. Nothing was cancelled and no hold has run out, so who was in the way still is."""
    live: dict[int, list[Span]] = defaultdict(list)
    confirmed: dict[int, tuple[int, Span]] = {}
    engine = opened(url)
    with engine.connect() as connection:
        for row in connection.execute(select(*bookings.columns).where(bookings.c.status.in_(("held", "confirmed")))):
            live[row.venue_id].append((row.starts_at, row.ends_at))
            if row.status == "confirmed":
                confirmed[row.id] = (row.venue_id, (row.starts_at, row.ends_at))
    engine.dispose()
    for spans in live.values():
        spans.sort()
    return Verdict(
        overlaps=sum(one[1] > other[0] for spans in live.values() for one, other in pairwise(spans)),
        lost=sum(confirmed.get(id) != (venues[it.venue], (it.start, it.end)) for id, it in told.confirmed.items()),
        refused_for_nothing=sum(not taken(wish, live[venues[wish.venue]]) for wish in told.refused),
        unexpected=sum(n for status, n in told.statuses.items() if status[-3:] not in ("200", "201", "409")),
    )


def taken(wish: Wish, spans: list[Span]) -> bool:
    """Whether one of the spans, which do not overlap, has a part of that time."""
    after = bisect_right(spans, wish.end, key=lambda span: span[0])
    return any(start < wish.end and end > wish.start for start, end in spans[max(0, after - 3) : after + 1])


def opened(url: DatabaseUrl) -> Engine:
    return create_engine(f"sqlite:///{url.address}" if url.kind == "file" else url.address)
