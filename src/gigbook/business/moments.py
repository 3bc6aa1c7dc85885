"""The time, as it is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

MOMENT: Final = timedelta(milliseconds=1)
"""The shortest time that can be stored."""


def now() -> datetime:
    """The time in UTC, cut to the millisecond: what is answered at once equals what is read back later."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
