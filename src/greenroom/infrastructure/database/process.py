"""The database as a process: one writer with group commit, and a pool of readers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Select, Table

from greenroom.foundation.genserver import GenServer, Reply
from greenroom.infrastructure.database.change import Step, Values
from greenroom.infrastructure.database.health import Degraded, Healthy
from greenroom.infrastructure.database.outcome import Conflict, Invalid, Key, NotFound, Refused, Row, Stale
from greenroom.infrastructure.database.settings import DatabaseSettings
from greenroom.infrastructure.database.url import DatabaseUrl


@dataclass
class Database(GenServer):
    """The one owner of a database's write connection.

    A change is answered after the commit that holds it is on disk. Changes that arrive while
    others are being committed share the next commit. Each answers for itself: one that is refused
    leaves its neighbours alone.

    Every method fails with `DatabaseError` when the database does, and with `DatabaseBusy` when
    too many changes wait already.
    """

    url: str | DatabaseUrl
    max_connections: int = 100
    settings: DatabaseSettings = field(default_factory=DatabaseSettings)

    def insert(self, table: Table, values: Values) -> Reply[Row | Conflict | Invalid]:
        """Add a row and answer with it, with what the database filled in."""
        raise NotImplementedError

    def get(self, table: Table, key: Key) -> Reply[Row | NotFound]:
        """Read the row with this key. All that ask in the same turn of the loop share one query."""
        raise NotImplementedError

    def update(
        self, table: Table, key: Key, values: Values, *, version: int | None = None
    ) -> Reply[Row | NotFound | Stale | Conflict | Invalid]:
        """Change the row, and answer with all of it as it is now.

        A column `version` goes up by one. With `version` given the row must be at that version.
        """
        raise NotImplementedError

    def delete(self, table: Table, key: Key, *, version: int | None = None) -> Reply[Row | NotFound | Stale | Conflict]:
        """Remove the row, and answer with what it was."""
        raise NotImplementedError

    def select(self, query: Select[*tuple[object, ...]]) -> Reply[Sequence[Row]]:
        """Read what any SELECT of SQLAlchemy Core finds."""
        raise NotImplementedError

    def transact(self, *steps: Step) -> Reply[tuple[Row, ...] | Refused]:
        """Carry out all the changes or none, and answer with their rows in order.

        A step may be a function of the rows so far, as when a row needs the id of the one before:

            database.call(Database.transact, Insert(customers, values), lambda rows: Insert(keys, {"id": rows[0]["id"]}))
        """
        raise NotImplementedError

    def health(self) -> Reply[Healthy | Degraded]:
        """Tell if writes and reads work, and if not, why and since when."""
        raise NotImplementedError
