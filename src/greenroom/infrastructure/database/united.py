"""Many writes carried out together, round by round: the first steps of all, then the second steps of all.

Each round is a few statements, however many transactions there are. What comes out must be what comes out of one after
the other, so no round may make room for a step that is earlier in that order, but in a later round. Within a round all
is in order. Between rounds, what is changed or removed in one is not touched in another; and since a neighbour might
make it possible, a later round removes nothing that others refer to, and refers to no neighbour's row. What triggers
make of other rows is not seen here: to them the writes of one batch come in some order.
"""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Table

from greenroom.infrastructure.database.change import Change, Delete, Execute, Insert, Returning, Step, Update
from greenroom.infrastructure.database.outcome import NotFound, Row, Stale, key_column
from greenroom.infrastructure.database.statement import is_referred_to, references
from greenroom.infrastructure.database.task import Transaction, Write

Outcome = Row | NotFound | Stale
Perform = Callable[[Sequence[Change]], Sequence[Outcome]]


class Apart(Exception):
    """One of the writes is refused, or may be in another's way: they can not be carried out together."""


def may_unite(write: Write) -> bool:
    """Whether, as far as can be seen before, it changes single rows by their keys."""
    if isinstance(write, Transaction):
        return not any(isinstance(step, Execute) for step in write.steps)
    return not isinstance(write, Execute)


def perform_united(writes: Sequence[Write], perform: Perform) -> Sequence[Outcome | tuple[Row, ...]]:
    """Carry out all of them, and answer each.

    Raises:
        Apart: that is not possible. Some of their steps were carried out, and must be undone.
    """
    united = [_Progress(write) for write in writes]
    rounds = _Rounds()
    while going := [each for each in united if each.is_going]:
        changes = [rounds.admit(each.change(), each) for each in going]
        for each, change, outcome in zip(going, changes, perform(changes), strict=True):
            each.take(outcome)
            rounds.note(change, outcome, each)
        rounds.next()
    return [each.answer() for each in united]


def _steps(write: Write) -> Sequence[Step]:
    return write.steps if isinstance(write, Transaction) else (write,)


class _Progress:
    """How far one write is."""

    __slots__ = ("_outcomes", "_steps", "_write")

    def __init__(self, write: Write) -> None:
        self._write = write
        self._steps = _steps(write)
        self._outcomes: list[Outcome] = []

    @property
    def is_going(self) -> bool:
        """Whether there is another step."""
        return len(self._outcomes) < len(self._steps)

    def change(self) -> Change:
        """What the next step does."""
        step = self._steps[len(self._outcomes)]
        return step(self._rows()) if callable(step) else step

    def take(self, outcome: Outcome) -> None:
        """Go on to the step after it."""
        step = self._steps[len(self._outcomes)]
        if isinstance(self._write, Transaction) and not isinstance(outcome, Mapping):
            raise Apart
        if isinstance(step, Returning) and isinstance(outcome, Mapping):
            step.came_to(outcome)
        self._outcomes.append(outcome)

    def answer(self) -> Outcome | tuple[Row, ...]:
        """What became of it."""
        return self._rows() if isinstance(self._write, Transaction) else self._outcomes[0]

    def _rows(self) -> tuple[Row, ...]:
        return tuple(outcome for outcome in self._outcomes if isinstance(outcome, Mapping))


class _Rounds:
    """Which tables were touched when, and whose the new rows are."""

    def __init__(self) -> None:
        self._round = 0
        self._inserted: dict[Table, int] = {}
        self._changed: dict[Table, int] = {}
        self._owners: dict[tuple[str, object], _Progress] = {}

    def next(self) -> None:
        """Begin another round."""
        self._round += 1

    def admit(self, change: Change, owner: _Progress) -> Change:
        """Take the change, unless it would be in the way."""
        match change:
            case Insert(table, values, replace=False):
                self._admit_only(table, self._changed)
                self._demand_no_neighbour(table, values, owner)
                self._inserted.setdefault(table, self._round)
            case Insert(table, values) | Update(table, _, values):
                self._admit_only(table, self._changed, self._inserted)
                self._demand_no_neighbour(table, values, owner)
                self._changed[table] = self._round
            case Delete(table) if not self._round or not is_referred_to(table):
                self._admit_only(table, self._changed, self._inserted)
                self._changed[table] = self._round
            case _:
                raise Apart
        return change

    def note(self, change: Change, outcome: Outcome, owner: _Progress) -> None:
        """Remember whose a new row is."""
        if isinstance(change, Insert) and isinstance(outcome, Mapping):
            self._owners[change.table.fullname, outcome[key_column(change.table)]] = owner

    def _admit_only(self, table: Table, *touched: Mapping[Table, int]) -> None:
        if any(rounds.get(table, self._round) != self._round for rounds in touched):
            raise Apart

    def _demand_no_neighbour(self, table: Table, values: Mapping[str, object], owner: _Progress) -> None:
        for name, referred in references(table):
            if self._owners.get((referred, values.get(name)), owner) is not owner:
                raise Apart
