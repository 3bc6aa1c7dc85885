"""Spans of time: what they have in common, and what is left when some are taken away.

>>> from datetime import UTC, datetime
>>> def hours(start: int, end: int) -> Span:
...     return Span(datetime(2026, 11, 21, start, tzinfo=UTC), datetime(2026, 11, 21, end, tzinfo=UTC))
>>> joined([hours(18, 20), hours(10, 12), hours(20, 23)]) == [hours(10, 12), hours(18, 23)]
True
>>> without([hours(10, 18)], [hours(12, 13), hours(17, 20)]) == [hours(10, 12), hours(13, 17)]
True
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The time from `start` up to `end`, which does not belong to it any more: two spans that touch share nothing."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it lasts."""
        return self.end - self.start

    def covers(self, other: Span) -> bool:
        """Whether all of the other lies within this one."""
        return self.start <= other.start and other.end <= self.end


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same time in as few spans as can be, in order: those that touch or overlap become one, empty ones none."""
    found: list[Span] = []
    for span in sorted(span for span in spans if span.start < span.end):
        if found and span.start <= found[-1].end:
            found[-1] = replace(found[-1], end=max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What is left of `spans` when the time of `taken` is cut out, joined and in order."""
    cuts = joined(taken)
    left: list[Span] = []
    for span in joined(spans):
        free_from = span.start
        for cut in cuts:
            if free_from < cut.end and cut.start < span.end:
                left.append(Span(free_from, cut.start))
                free_from = cut.end
        left.append(Span(free_from, span.end))
    return [span for span in left if span.start < span.end]
