"""One reader's connection, opened when needed and again when lost."""

from greenroom.infrastructure.database.connector import Connector
from greenroom.infrastructure.database.error import FATAL, DatabaseError
from greenroom.infrastructure.database.session import Session
from greenroom.infrastructure.database.task import Found, Read


class Reader:
    """Answers reads, in one thread."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._session: Session | None = None

    def opens(self) -> bool:
        """Open the connection; False when that fails."""
        try:
            self._open()
        except DatabaseError:
            return False
        return True

    def answer(self, read: Read) -> Found | DatabaseError:
        """Read, once more if a connection that served before turns out to be lost."""
        served = self._session is not None
        answer = self._try(read)
        lost = isinstance(answer, DatabaseError) and answer.reason in FATAL
        return self._try(read) if lost and served else answer

    def close(self) -> None:
        """Let go of the connection."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _try(self, read: Read) -> Found | DatabaseError:
        try:
            return self._open().read(read)
        except DatabaseError as failure:
            if failure.reason in FATAL:
                self.close()
            return failure
        except Exception as fault:  # a fault in one caller's query must not cost the others their reader
            return DatabaseError.of(fault, "statement")

    def _open(self) -> Session:
        if self._session is None:
            self._session = self._connector.reader()
        return self._session
