"""Opens sessions on the database that a URL names."""

from typing import Protocol

from greenroom.infrastructure.database.session import Session
from greenroom.infrastructure.database.settings import DatabaseSettings
from greenroom.infrastructure.database.url import DatabaseUrl


class Connector(Protocol):
    """Opens sessions on one database, from any thread."""

    url: DatabaseUrl

    def writer(self) -> Session:
        """Open the session that changes are made in. The first time, a file that is missing is created.

        Raises:
            DatabaseError: the database cannot be reached, or is none.
        """
        ...

    def reader(self) -> Session:
        """Open a session that cannot change anything."""
        ...


def connector(url: DatabaseUrl, settings: DatabaseSettings) -> Connector:
    """Choose by the kind of the URL. Drivers are imported only when they are needed."""
    if url.kind == "postgresql":
        from greenroom.infrastructure.database.postgresql import PostgresConnector

        return PostgresConnector(url, settings)
    from greenroom.infrastructure.database.sqlite import SqliteConnector

    return SqliteConnector(url, settings)
