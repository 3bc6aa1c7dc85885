"""Changes to tables, as values: what `Database.transact` carries out together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Table
from sqlalchemy.sql.dml import UpdateBase

from greenroom.infrastructure.database.outcome import Key, Row

Values = Mapping[str, object]
"""Values by column name, as the columns' types have them in Python."""


@dataclass(frozen=True, slots=True)
class Insert:
    """Add a row. Columns that are left out take the table's server default, or NULL; defaults in Python are refused."""

    table: Table
    values: Values


@dataclass(frozen=True, slots=True)
class Update:
    """Change the row with this key.

    Where the table has a column `version`, each update adds one to it. With `version` given, the
    row must be at that version, and the answer is `Stale` when it is not.
    """

    table: Table
    key: Key
    values: Values
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the row with this key, if it is at `version` where one is given."""

    table: Table
    key: Key
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Execute:
    """Carry out any INSERT, UPDATE or DELETE of SQLAlchemy Core.

    Its row is the first that the statement returns, or an empty mapping.
    """

    statement: UpdateBase


Change = Insert | Update | Delete | Execute

Step = Change | Callable[[Sequence[Row]], Change]
"""A change, or a function that makes one from the rows of the changes before it.

The function runs in the writer's thread, perhaps more than once: it must be quick, and do nothing
but make the change."""
