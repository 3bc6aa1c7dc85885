"""Which venues are open on a day, and have time left in it.

The database finds the venues; if one is free depends on its clock, its opening and its calendar, and is decided here,
batch by batch. So a page costs more the fewer of the venues before its end are free.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from gigbook.business import records
from gigbook.business.venues.model import Venue
from gigbook.business.venues.opening import spans_on
from gigbook.business.venues.span import Span, without
from gigbook.business.venues.table import Filter, conditions, venue, venues

BATCH: Final = 100

A_GIG: Final = timedelta(hours=1)
"""The shortest time that makes it worth to ask a venue."""

Busy: TypeAlias = Callable[[Sequence[int], Span], Awaitable[Mapping[int, Sequence[Span]]]]
"""What is taken at each of these venues (by id) within the span; one that is free throughout may be left out."""


async def page_free(wanted: Filter, *, day: date, busy: Busy, after: int, limit: int) -> list[Venue]:
    """The wanted venues that are free for a gig on the day there, by id, from the first one above `after`."""
    found: list[Venue] = []
    since: int | None = after
    while since is not None and len(found) < limit:
        free, since = await _next_free(wanted, day, busy, since)
        found += free
    return found[:limit]


async def count_free(wanted: Filter, *, day: date, busy: Busy) -> int:
    """How many of the wanted venues are free for a gig on the day there."""
    total = 0
    since: int | None = 0
    while since is not None:
        free, since = await _next_free(wanted, day, busy, since)
        total += len(free)
    return total


def is_free(hours: Sequence[Span], taken: Sequence[Span]) -> bool:
    """Whether a gig fits into the hours beside what is taken."""
    return any(span.length >= A_GIG for span in without(hours, taken))


async def _next_free(wanted: Filter, day: date, busy: Busy, since: int) -> tuple[list[Venue], int | None]:
    """The free venues of the next batch, and where the one after it begins; None after the last one."""
    rows = await records.page(venues, *conditions(wanted), after=since, limit=BATCH)
    opened = [(it, spans_on(it.opening, day, ZoneInfo(it.time_zone))) for it in map(venue, rows)]
    hours = [span for _, spans in opened for span in spans]
    last = rows[-1]["id"] if len(rows) == BATCH else None
    if not hours:
        return [], last
    whole = Span(min(span.start for span in hours), max(span.end for span in hours))
    taken = await busy([it.id for it, spans in opened if spans], whole)
    return [it for it, spans in opened if is_free(spans, taken.get(it.id, ()))], last
