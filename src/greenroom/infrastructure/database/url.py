"""Where a database is, as an operator writes it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A database's place: a SQLite file, memory, or a PostgreSQL server.

    `:memory:` parsed once and handed to several is one database for all of them; it lasts as long
    as the object does.
    """

    kind: Literal["file", "memory", "postgresql"]
    text: str

    @classmethod
    def parse(cls, text: str) -> "DatabaseUrl":
        """Read `./customers.db`, `:memory:`, `sqlite:///…` or `postgresql://…`.

        Raises:
            ValueError: the text is none of these.
        """
        raise NotImplementedError
