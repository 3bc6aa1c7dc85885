"""Times as people write them, and the moments that they mean at a venue.

A time with an offset is a moment wherever it is read. One without is what the clock on the venue's wall shows, and
twice a year that is no moment, or two:

>>> berlin = ZoneInfo("Europe/Berlin")
>>> moment("2026-11-21T20:00", berlin).isoformat()
'2026-11-21T20:00:00+01:00'
>>> moment("2026-11-21T19:00:00Z", berlin).isoformat()
'2026-11-21T20:00:00+01:00'
>>> moment("2026-03-29T02:30", berlin)
Flaw(reason='does not exist in Europe/Berlin: clocks are put forward then')
>>> moment("2026-10-25T02:30", berlin)
Flaw(reason='comes twice in Europe/Berlin: add +02:00 for the first or +01:00 for the second')
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timezone, tzinfo
from typing import Annotated, Final, TypeAlias
from zoneinfo import ZoneInfo

from msgspec import Meta

from gigbook.business.rules import Flaw

EARLIEST_YEAR: Final = 1970
LATEST_YEAR: Final = 9998
"""The years in which every time has a moment in every zone, and a day before and after it."""

_DAY: Final = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_OFFSET: Final = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
TIME: Final = f"^{_DAY}T{_TIME}{_OFFSET}?$"
MOMENT: Final = f"^{_DAY}T{_TIME}{_OFFSET}$"

Time: TypeAlias = Annotated[
    str,
    Meta(
        description="Without an offset it is the time on the clock at the venue.",
        examples=["2030-11-21T20:00:00", "2030-11-21T19:00:00Z"],
        extra_json_schema={"pattern": TIME},
    ),
]


def written(text: str) -> str | Flaw:
    """The text, if it is a time, with or without an offset."""
    found = _read(text, _TIMES)
    return found if isinstance(found, Flaw) else text


def written_moment(text: str) -> str | Flaw:
    """The text, if it is a time with an offset."""
    found = _read(text, _MOMENTS)
    return found if isinstance(found, Flaw) else text


def moment_of(text: str) -> datetime:
    """The moment in UTC that a text stands for which `written_moment` has let through."""
    return datetime.fromisoformat(text).astimezone(UTC)


def moment(text: str, zone: ZoneInfo) -> datetime | Flaw:
    """The moment that the text stands for at a venue in this zone, with the offset that it has there."""
    found = _read(text, _TIMES)
    if isinstance(found, Flaw) or found.tzinfo is not None:
        return found if isinstance(found, Flaw) else at_venue(found, zone)
    first, second = (found.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    before, after = _offset(first), _offset(second)
    if before.utcoffset(None) < after.utcoffset(None):
        return Flaw(f"does not exist in {zone.key}: clocks are put forward then")
    if before.utcoffset(None) > after.utcoffset(None):
        return Flaw(
            f"comes twice in {zone.key}: add {_in_words(before)} for the first or {_in_words(after)} for the second"
        )
    return at_venue(first, zone)


def at_venue(at: datetime, zone: ZoneInfo) -> datetime:
    """The same moment with the offset that it has in this zone.

    The offset is fixed, as two times in one zone would be compared by what its clock shows, which is not their order
    in the night when it is put back.
    """
    local = at.astimezone(zone)
    return local.replace(tzinfo=_offset(local), fold=0)


def _read(text: str, pattern: re.Pattern[str]) -> datetime | Flaw:
    if not pattern.fullmatch(text):
        offset = " with an offset" if pattern is _MOMENTS else ""
        return Flaw(f"must be a time{offset}, such as 2030-11-21T20:00:00{'Z' if offset else ''}")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return Flaw("must be a day that the calendar has")
    if not EARLIEST_YEAR <= found.year <= LATEST_YEAR:
        return Flaw(f"must lie in the years {EARLIEST_YEAR} to {LATEST_YEAR}")
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


def _offset(local: datetime) -> timezone:
    offset = local.utcoffset()
    assert offset is not None, "it has a zone"
    return timezone(offset)


def _in_words(offset: tzinfo) -> str:
    return datetime(2000, 1, 1, tzinfo=offset).isoformat()[-6:]


_TIMES: Final = re.compile(TIME)
_MOMENTS: Final = re.compile(MOMENT)
