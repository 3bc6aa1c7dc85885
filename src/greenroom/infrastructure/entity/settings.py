"""How the entities of a kind are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from greenroom.foundation.restart import is_count
from greenroom.foundation.seconds import is_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitySettings:
    """Limits and intervals of one kind, in seconds."""

    idle: float | None = 1800.0
    """An entity that nobody asked for this long leaves memory; None lets it stay. It leaves at most an eighth later."""

    hibernate: float | None = None
    """An entity that nobody asked for this long is packed until the next message; None never packs."""

    save_interval: float = 30.0
    """`save_later` writes once nothing has changed for this long, and never later than twice this time."""

    max_live: int | None = None
    """How many may be in memory; for one more, the least recently used leaves first."""

    max_unsaved: int = 100_000
    """How many may have changes that are not written; one more is refused, so that an outage has a bound in memory."""

    max_batch: int = 500
    """How many states are written in one transaction."""

    retry: float = 5.0
    """The longest pause between two tries to write while the database fails."""

    stop: float = 10.0
    """How long writing everything may take when the kind is stopped."""

    def __post_init__(self) -> None:
        for name in ("idle", "hibernate", "save_interval", "retry", "stop"):
            seconds: object = getattr(self, name)
            if not (is_seconds(seconds) and seconds != 0) and not (seconds is None and name in OPTIONAL):
                raise ValueError(f"expected {name} to be seconds, more than 0, got {seconds!r}")
        for name in ("max_live", "max_unsaved", "max_batch"):
            limit: object = getattr(self, name)
            if not (is_count(limit) and limit != 0) and not (limit is None and name in OPTIONAL):
                raise ValueError(f"expected {name} to be an integer of at least 1, got {limit!r}")


OPTIONAL: Final = frozenset({"idle", "hibernate", "max_live"})
"""What may be None, for no limit."""
