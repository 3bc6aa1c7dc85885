"""Reads by key, gathered: those that start in the same turn of the loop are one query."""

from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

from sqlalchemy import Table

from greenroom.infrastructure.database.error import DatabaseError
from greenroom.infrastructure.database.outcome import Key, NotFound, Row
from greenroom.infrastructure.database.task import Done, Load

# More keys to a query bring nothing, and databases limit the parameters.
_MOST_KEYS = 512

_Waiting = dict[Key, list[Done]]


class Loads:
    """Gathers keys until the turn of the loop is over. Used in the loop's thread."""

    def __init__(self, loop: AbstractEventLoop, read: Callable[[Load, Done], None]) -> None:
        self._loop = loop
        self._read = read
        self._gathered: dict[Table, _Waiting] = {}

    def get(self, table: Table, key: Key, done: Done) -> None:
        """Have `done` get the row, `NotFound`, or a `DatabaseError`."""
        if not self._gathered:
            self._loop.call_soon(self._send)
        waiting = self._gathered.setdefault(table, {})
        waiting.setdefault(key, []).append(done)
        if len(waiting) == _MOST_KEYS:
            self._load(table, self._gathered.pop(table))

    def _send(self) -> None:
        gathered, self._gathered = self._gathered, {}
        for table, waiting in gathered.items():
            self._load(table, waiting)

    def _load(self, table: Table, waiting: _Waiting) -> None:
        self._read(Load(table, tuple(waiting)), partial(self._tell, table, waiting))

    def _tell(self, table: Table, waiting: _Waiting, found: object) -> None:
        if not isinstance(found, DatabaseError):
            rows = cast("Mapping[Key, Row]", found)  # what a `Load` is answered with
            for key, listeners in waiting.items():
                answer = rows.get(key) or NotFound(table.name, key)
                for done in listeners:
                    done(answer)
        elif found.reason == "statement" and len(waiting) > 1:
            # One key of a wrong kind must not spoil the others' query.
            for key, listeners in waiting.items():
                self._load(table, {key: listeners})
        else:
            for listeners in waiting.values():
                for done in listeners:
                    done(found.copy())
