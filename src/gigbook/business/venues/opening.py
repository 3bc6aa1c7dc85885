"""When a venue is open: slots that come every week, told by the clock on its wall.

A slot opens on a weekday, and closes on the same day, or on the next if it closes at or before the time at which it
opens. Two slots that touch are one run. A venue without any slot is open at any time.

>>> from datetime import UTC, date, datetime
>>> from zoneinfo import ZoneInfo
>>> berlin = ZoneInfo("Europe/Berlin")
>>> fridays = (OpeningSlot(weekday="friday", opens="18:00", closes="02:00"),)
>>> [span] = spans_on(fridays, date(2026, 11, 20), berlin)
>>> print(span.start, span.end, sep=" to ")
2026-11-20 17:00:00+00:00 to 2026-11-21 01:00:00+00:00
>>> evening = datetime(2026, 11, 20, 19, tzinfo=UTC)
>>> holds(fridays, berlin, evening, evening.replace(hour=23)), holds(fridays, berlin, evening, evening.replace(day=21))
(True, False)

When the clock is put forward, a time that it skips stands for the moment at which it is put forward; when it is put
back, a time that comes twice stands for the first. So slots that do not overlap on the wall never do.

>>> sundays = (OpeningSlot(weekday="sunday", opens="01:00", closes="04:00"),)
>>> [span.length.seconds // 3600 for day in (22, 29) for span in spans_on(sundays, date(2026, 3, day), berlin)]
[3, 2]
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated, Final, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from gigbook.business.rules import Flaw
from gigbook.business.venues.span import Span, joined

MOST_SLOTS: Final = 50

_TIME: Final = re.compile("(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_MINUTES_A_DAY: Final = 24 * 60
_MINUTES_A_WEEK: Final = 7 * _MINUTES_A_DAY
_DAY: Final = timedelta(days=1)

Weekday: TypeAlias = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

TimeOfDay: TypeAlias = Annotated[
    str,
    Meta(
        description="Hours and minutes on the clock at the venue.",
        examples=["18:00"],
        extra_json_schema={"pattern": f"^{_TIME.pattern}$"},
    ),
]

WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)


class OpeningSlot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A time in which the venue is open every week; it closes on the next day where that is not after it opens."""

    weekday: Weekday
    opens: TimeOfDay
    closes: TimeOfDay


Opening: TypeAlias = Annotated[
    tuple[OpeningSlot, ...],
    Meta(description="When it is open. Slots may not overlap; without any it is open always.", max_length=MOST_SLOTS),
]


def weekly(slots: Sequence[OpeningSlot]) -> tuple[OpeningSlot, ...] | Flaw:
    """The slots in the order of the week, or what is wrong with them: a time that is none, or two that overlap.

    >>> weekly([OpeningSlot(weekday="friday", opens="18:00", closes="25:00")])
    Flaw(reason='must be a time from 00:00 to 23:59, at [0].closes')
    """
    for at, slot in enumerate(slots):
        for name in ("opens", "closes"):
            if not _TIME.fullmatch(getattr(slot, name)):
                return Flaw(f"must be a time from 00:00 to 23:59, at [{at}].{name}")
    order = sorted(range(len(slots)), key=lambda at: _begin(slots[at]))
    for one, other in pairwise([*order, *order[:1]]):
        # The first slot of the week comes again after the last one.
        next_begin = _begin(slots[other]) + (_MINUTES_A_WEEK if other == order[0] else 0)
        if _begin(slots[one]) + _minutes(slots[one]) > next_begin:
            return Flaw(f"must not overlap, as [{min(one, other)}] and [{max(one, other)}] do")
    return tuple(slots[at] for at in order)


def spans_on(slots: Sequence[OpeningSlot], day: date, zone: ZoneInfo) -> list[Span]:
    """When a venue with these (checked) slots is open on this day there, in UTC and in order.

    A slot belongs to the day on which it opens, to its end on the next; those that touch are one span. Without slots it
    is the whole day, which has 23 or 25 hours when the clock is changed.

    Raises:
        OverflowError: the day is the first or the last that the calendar has.
    """
    if not slots:
        return joined([Span(_moment(day, time.min, zone), _moment(day + _DAY, time.min, zone))])
    return joined(_span(slot, day, zone) for slot in slots if slot.weekday == WEEKDAYS[day.weekday()])


def holds(slots: Sequence[OpeningSlot], zone: ZoneInfo, start: datetime, end: datetime) -> bool:
    """Whether a venue with these (checked) slots is open from `start` to `end` without a break.

    Both are moments with a time zone, whichever; the end comes after the start.
    """
    if not slots:
        return True
    # A slot may open on the day before, and where the clock is put back at midnight, on the day after.
    first = start.astimezone(zone).date() - _DAY
    days = (end.astimezone(zone).date() - first).days + 1
    runs = joined(span for n in range(days + 1) for span in spans_on(slots, first + n * _DAY, zone))
    return any(run.covers(Span(start, end)) for run in runs)


def _begin(slot: OpeningSlot) -> int:
    return WEEKDAYS.index(slot.weekday) * _MINUTES_A_DAY + _minute_of_day(slot.opens)


def _minutes(slot: OpeningSlot) -> int:
    return (_minute_of_day(slot.closes) - _minute_of_day(slot.opens)) % _MINUTES_A_DAY or _MINUTES_A_DAY


def _minute_of_day(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _span(slot: OpeningSlot, day: date, zone: ZoneInfo) -> Span:
    opens, closes = time.fromisoformat(slot.opens), time.fromisoformat(slot.closes)
    return Span(_moment(day, opens, zone), _moment(day if closes > opens else day + _DAY, closes, zone))


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The first moment at which the clock there shows this time of this day, or a later one if it skips this."""
    wall = datetime.combine(day, at)
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # The two readings of a time that is skipped lie on both sides of the change. Changes come on whole seconds.
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), moment
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            before = middle
        else:
            after = middle
    return after
