"""How a database is driven."""

from dataclasses import dataclass

from greenroom.foundation.restart import is_count
from greenroom.foundation.seconds import is_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Limits of the database process. Times are in seconds."""

    max_waiting: int = 10_000
    """Changes that may wait for the writer; one more is refused with `DatabaseBusy`."""

    max_batch: int = 1_000
    """Changes that share a commit at most."""

    lock_timeout: float = 2.0
    """How long to wait for another program that holds the write lock."""

    read_timeout: float = 30.0
    """How long a query may take, so that a bad one does not keep its connection for good."""

    probe_interval: float = 1.0
    """The longest pause between two tries to reach a database that failed."""

    switch_interval: float = 0.00005
    """How long a thread waits for the GIL before it asks for it; Python's own 5 ms are too long here."""

    def __post_init__(self) -> None:
        for name in ("max_waiting", "max_batch"):
            limit: object = getattr(self, name)
            if not is_count(limit) or limit == 0:
                raise ValueError(f"expected {name} to be an integer of at least 1, got {limit!r}")
        for name in ("lock_timeout", "read_timeout", "probe_interval", "switch_interval"):
            seconds: object = getattr(self, name)
            if not is_seconds(seconds) or seconds == 0:
                raise ValueError(f"expected {name} to be seconds, more than 0, got {seconds!r}")
