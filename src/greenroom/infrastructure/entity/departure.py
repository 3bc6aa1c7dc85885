"""Why an entity's process leaves in good order: whoever waited for it in vain may ask its successor."""

from __future__ import annotations

from typing import Final

from greenroom.foundation.exits import NORMAL, Shutdown
from greenroom.infrastructure.entity.error import StaleState

RETIRED: Final = Shutdown("retired")
"""It was not used for a while, or had to make room."""

ERASED: Final = Shutdown("erased")
"""It erased itself."""

CUT_OFF: Final = Shutdown("cut off from a change")
"""A handler did not wait until it was known what became of a change, so nobody here knows."""


def has_departed(reason: object) -> bool:
    """Whether the process left before it took what still waited in its mailbox."""
    return reason in (RETIRED, ERASED) or has_lost_track(reason)


def is_in_turn(reason: object) -> bool:
    """Whether the process ended between two messages, with nothing of its own on the way to the database."""
    return (has_departed(reason) and reason != CUT_OFF) or (isinstance(reason, str) and reason == NORMAL)


def has_lost_track(reason: object) -> bool:
    """Whether the process left since what it knew is not, or may not be, what is stored."""
    return reason == CUT_OFF or (isinstance(reason, Shutdown) and isinstance(reason.detail, StaleState))
