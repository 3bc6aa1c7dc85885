"""Why an entity's process leaves in good order: whoever waited for it in vain may ask its successor."""

from __future__ import annotations

from typing import Final

from greenroom.foundation.exits import Shutdown
from greenroom.infrastructure.entity.error import StaleState

RETIRED: Final = Shutdown("retired")
"""It was not used for a while, or had to make room."""

ERASED: Final = Shutdown("erased")
"""It erased itself."""


def has_departed(reason: object) -> bool:
    """Whether the process left before it took what still waited in its mailbox."""
    return reason in (RETIRED, ERASED) or (isinstance(reason, Shutdown) and isinstance(reason.detail, StaleState))
