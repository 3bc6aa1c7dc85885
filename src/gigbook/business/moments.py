"""The time, as it is stored."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import greenroom

MOMENT: Final = timedelta(milliseconds=1)
"""The shortest time that can be stored."""


def now() -> datetime:
    """The time in UTC, cut to the millisecond: what is answered at once equals what is read back later.

    It is that of the running event loop's clock, which tests can move.
    """
    moment = greenroom.now()
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def later(at: datetime, *, than: datetime) -> datetime:
    """The moment `at`, or the shortest time after `than` where that is later.

    So each change is later than the one before, also within a millisecond and when a clock was set back.
    """
    return max(at, than + MOMENT)
