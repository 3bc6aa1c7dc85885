"""How a database is driven."""

from dataclasses import dataclass


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
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} to be at least 1, got {getattr(self, name)!r}")
        for name in ("lock_timeout", "read_timeout", "probe_interval", "switch_interval"):
            if not getattr(self, name) > 0:
                raise ValueError(f"expected {name} to be more than 0, got {getattr(self, name)!r}")
