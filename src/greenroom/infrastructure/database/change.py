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
    row: bool = True
    """Whether the row is asked for; without, the answer may be an empty mapping, which costs less."""

    replace: bool = False
    """Whether a row that has this key already gets these values, instead of a conflict."""


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
    row: bool = True
    """Whether the row is asked for; without, the answer may be an empty mapping, which costs less."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the row with this key, if it is at `version` where one is given."""

    table: Table
    key: Key
    version: int | None = None
    optional: bool = False
    """Whether the row may be missing; the answer is an empty mapping then, and no refusal."""


@dataclass(frozen=True, slots=True)
class Execute:
    """Carry out any INSERT, UPDATE or DELETE of SQLAlchemy Core.

    Its row is the first that the statement returns, or an empty mapping.
    """

    statement: UpdateBase


Change = Insert | Update | Delete | Execute

Make = Callable[[Sequence[Row]], Change]

Step = Change | Make
"""A change, or a function that makes one from the rows of the changes before it.

The function runs in the writer's thread, perhaps more than once: it must be quick, and do nothing
but make the change."""


class Returning:
    """A step that keeps the row it came to, for whoever handed it over.

        booking = Returning(Insert(bookings, values))
        refusal = await self.save(state, booking, *events.steps(lambda _: requested(booking.row["id"])))
        return refusal or booking.row["id"]

    It is of one transaction: make a new one for each.
    """

    __slots__ = ("_row", "_step")

    def __init__(self, step: Step) -> None:
        self._step = step
        self._row: Row | None = None

    @property
    def row(self) -> Row:
        """The row, for functions of later steps, and for all once the transaction is stored.

        Of a transaction that was refused it is worth nothing.

        Raises:
            LookupError: the step was not carried out.
        """
        if self._row is None:
            raise LookupError(f"expected a row of {self._step!r}, but it was not carried out")
        return self._row

    def __call__(self, rows: Sequence[Row]) -> Change:
        """The change, as the writer asks for it."""
        return self._step(rows) if callable(self._step) else self._step

    # In the writer's thread, as each attempt gets to it: when the answer to a commit is lost, the attempt that was
    # stored is the last one that came so far.
    def came_to(self, row: Row) -> None:
        """Keep the row."""
        self._row = row

    def committed(self) -> None:
        """Called in the event loop when the transaction is on disk, before it is answered. By default nothing."""
