"""Brings a database to the schema that this release needs."""

from dataclasses import dataclass
from pathlib import Path

from greenroom.foundation.errors import GreenroomError
from greenroom.infrastructure.database.url import DatabaseUrl


class NewerDatabase(GreenroomError):
    """The database was migrated by a newer release; this one must not touch it."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(
            f"expected the database at revision {expected} or older, got {found}, which a newer release made"
        )


@dataclass(frozen=True, slots=True)
class Migrated:
    """The database is at revision `to`; it was at `since` (None: empty) before."""

    since: str | None
    to: str


def migrate(url: str | DatabaseUrl, location: Path) -> Migrated:
    """Apply the migrations in the folder `location` that the database lacks.

    Costs about a millisecond when there are none. Two programs may do it at the same time. Blocks:
    call it before the event loop runs, or in a thread.

    Raises:
        NewerDatabase: the database has a revision that is not in `location`.
        DatabaseError: the database cannot be opened or changed.
    """
    raise NotImplementedError
