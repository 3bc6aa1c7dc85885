"""What the threads are asked to do, and what they answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Table

from greenroom.infrastructure.database.change import Change, Step
from greenroom.infrastructure.database.outcome import Key, Refusal, Refused, Row


@dataclass(frozen=True, slots=True)
class Transaction:
    """Steps that succeed or fail together."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """Read the rows with these keys."""

    table: Table
    keys: tuple[Key, ...]


Write = Change | Transaction
# A result's columns are of any types.
Query = Select[*tuple[Any, ...]]
Read = Query | Load

Written = Row | Refusal | tuple[Row, ...] | Refused
"""What became of a write, when the database worked."""

Found = Sequence[Row] | Mapping[Key, Row]
"""What a read found."""

Done = Callable[[object], None]
"""Takes the answer, or the `DatabaseError`, in the event loop's thread."""

Answers = Sequence[tuple[Done, object]]
