"""How the database is."""

from dataclasses import dataclass
from datetime import datetime

from greenroom.infrastructure.database.error import Reason


@dataclass(frozen=True, slots=True)
class Healthy:
    """The last change, or the last probe, was committed."""


@dataclass(frozen=True, slots=True)
class Degraded:
    """Changes or reads fail. A probe is repeated until they work again."""

    reason: Reason
    detail: str
    since: datetime
