"""Watching commits."""

from collections.abc import Generator
from contextlib import contextmanager
from uuid import uuid4

from greenroom import telemetry


@contextmanager
def commits() -> Generator[list[int]]:
    """Note how many changes each commit in the block holds."""
    found: list[int] = []
    name = uuid4().hex

    def note(event: object, measurements: telemetry.Measurements, metadata: telemetry.Metadata) -> None:
        found.append(int(measurements["changes"]))

    telemetry.attach(name, ("greenroom", "database", "commit"), note)
    try:
        yield found
    finally:
        telemetry.detach(name)
