"""The failures of a database, each of which says what became of the request."""

from typing import Literal

from greenroom.foundation.errors import GreenroomError

Reason = Literal[
    "busy",  # too many changes wait already
    "locked",  # another program holds the write lock for too long
    "full",  # no space on the disk
    "read_only",
    "corrupt",
    "lost",  # the server went away, or does not accept connections
    "io",  # the disk or the file system failed
    "slow",  # a read took longer than it may
    "closed",  # the database is being stopped
    "statement",  # the SQL itself is wrong: no such table, a value of no known type
]

FATAL: frozenset[Reason] = frozenset({"corrupt", "io", "lost", "read_only"})
"""After these the connection is not used again: nothing is known about it, or it would stay read-only for good."""


class DatabaseError(GreenroomError):
    """The database failed. What was answered before is safe; this request has no outcome.

    `maybe_applied` says if the change may be stored all the same, as when the connection is lost
    while the commit is on its way. When it is False nothing was stored, and nothing will be.
    """

    def __init__(self, reason: Reason, detail: str, *, maybe_applied: bool = False) -> None:
        super().__init__(f"expected the database to work, got {reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail
        self.maybe_applied = maybe_applied

    @property
    def retry_is_safe(self) -> bool:
        """Whether to send the same request again cannot apply it twice."""
        return not self.maybe_applied

    def copy(self) -> "DatabaseError":
        """Make an equal error, to be raised elsewhere."""
        copy = DatabaseError(self.reason, self.detail, maybe_applied=self.maybe_applied)
        copy.__cause__ = self.__cause__
        return copy

    @classmethod
    def of(cls, error: BaseException, reason: Reason) -> "DatabaseError":
        """Describe a driver's error, whose first line says what happened."""
        failure = cls(reason, next(iter(str(error).splitlines()), type(error).__name__))
        failure.__cause__ = error
        return failure


class DatabaseBusy(DatabaseError):
    """Too many changes wait for the writer. Nothing was stored; try again a little later."""

    def __init__(self, waiting: int) -> None:
        super().__init__("busy", f"{waiting} changes are waiting")
