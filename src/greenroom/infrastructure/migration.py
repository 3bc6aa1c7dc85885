"""Brings a database to the schema that a release needs.

Migrations are Alembic's, in a folder with `env.py` and `versions/`. The name of each begins with its revision,
and they are applied in the order of their names: `0001_customers.py`, `0002_venues.py`. Alembic is imported
only when the database is behind, since that takes half a second.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from greenroom.foundation.errors import GreenroomError
from greenroom.infrastructure.database.connector import connector
from greenroom.infrastructure.database.session import Session
from greenroom.infrastructure.database.settings import DatabaseSettings
from greenroom.infrastructure.database.url import DatabaseUrl

# Another program that starts at the same time may be migrating; this one waits until it is done.
_PATIENT = DatabaseSettings(lock_timeout=60.0)


class NewerDatabase(GreenroomError):
    """The database was migrated by a newer release; this one must not touch it."""

    def __init__(self, found: str, newest: str) -> None:
        super().__init__(f"expected the database at revision {newest} or older, got {found} of a newer release")
        self.found = found
        self.newest = newest


@dataclass(frozen=True, slots=True)
class Migrated:
    """The database is at revision `to`; it was at `since` before, None if it was empty."""

    since: str | None
    to: str


def migrate(url: str | DatabaseUrl, location: Path) -> Migrated:
    """Apply the migrations in the folder `location` that the database lacks.

    Takes a few milliseconds where there are none. All of them are applied, or none. Two programs may do it at the
    same time. Blocks: call it before the event loop runs, or in a thread.

    Raises:
        NewerDatabase: the database has a revision that is not in `location`.
        DatabaseError: the database cannot be opened or changed.
    """
    known = revisions(location)
    place = url if isinstance(url, DatabaseUrl) else DatabaseUrl.parse(url)
    with closing(connector(place, _PATIENT).writer()) as session:
        since = _revision(session, known)
        if since != known[-1]:
            _upgrade(session, location, known)
    return Migrated(since, known[-1])


def revisions(location: Path) -> Sequence[str]:
    """List the revisions in the folder, oldest first.

    Raises:
        ValueError: there are none.
    """
    found = sorted(path.name.partition("_")[0] for path in (location / "versions").glob("[0-9]*_*.py"))
    if not found:
        raise ValueError(f"expected migrations such as {location / 'versions' / '0001_customers.py'}, got none")
    return found


def migrations_of(package: str) -> Path:
    """Find a package's migrations: inside it when installed, at the root of the checkout otherwise.

    Raises:
        ValueError: they are in neither place.
    """
    spec = find_spec(package)
    inside = Path(spec.origin).parent if spec and spec.origin else Path()
    for folder in (inside, *inside.parents[1:2]):
        if (folder / "migrations" / "env.py").is_file():
            return folder / "migrations"
    raise ValueError(f"expected migrations beside or inside {package}, got none")


def _revision(session: Session, known: Sequence[str]) -> str | None:
    found = session.revision()
    if found is not None and found not in known:
        raise NewerDatabase(found, known[-1])
    return found


def _upgrade(session: Session, location: Path, known: Sequence[str]) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(location).replace("%", "%%"))
    with session.schema_change() as connection:
        # Read again under the lock: another program may have been faster.
        if _revision(session, known) == known[-1]:
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
