"""What goes wrong with entities, and what became of the request."""

from __future__ import annotations

from greenroom.foundation.errors import GreenroomError, Rejected
from greenroom.infrastructure.database import Key, Refusal


class NoSuchEntity(GreenroomError):
    """Nothing is stored under this key, and the kind has no state to begin with."""

    def __init__(self, kind: str, key: Key) -> None:
        super().__init__(f"expected a {kind} with the key {key!r}, got none")
        self.kind = kind
        self.key = key


class NotSaved(Rejected):
    """A change could not be taken, since the database can not store it now. Nothing of it was applied: try again."""

    retry_is_safe = True

    def __init__(self, kind: str, key: Key, why: str) -> None:
        super().__init__(f"{kind} {key!r} could not be changed: {why}")
        self.kind = kind
        self.key = key


class StaleState(Rejected):
    """Another program has changed what is stored since this process read it. Nothing was overwritten.

    The process leaves, and the next call starts one that reads the row anew. What the handler did before, and stored,
    is stored: to ask again is safe unless the handler saves more than once.
    """

    def __init__(self, kind: str, key: Key, version: int) -> None:
        super().__init__(f"expected {kind} {key!r} to be stored at version {version}, but it was changed elsewhere")
        self.kind = kind
        self.key = key
        self.version = version


class SaveRefused(GreenroomError):
    """A state that was to be written later can not be: the table's rules forbid it, or it can not be packed.

    The entity goes back to what is stored.
    """

    def __init__(self, kind: str, key: Key, refusal: Refusal) -> None:
        super().__init__(f"{kind} {key!r} has changes that can not be stored: {refusal}")
        self.kind = kind
        self.key = key
        self.refusal = refusal


class KeptInMemory(GreenroomError, TypeError):
    """Something was to be stored of a kind that is kept in memory alone."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"expected {kind} to have a home in the database, got Memory")
