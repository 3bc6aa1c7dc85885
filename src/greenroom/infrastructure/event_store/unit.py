"""Changes and appends that are carried out together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar

from greenroom.infrastructure.database import Change, Row, Step
from greenroom.infrastructure.event_store.append import Append, Draft, drafts, the_one
from greenroom.infrastructure.event_store.codec import EventCodec
from greenroom.infrastructure.event_store.recorded import Committed

E = TypeVar("E")

Work: TypeAlias = "Change | Append[E] | Callable[[Sequence[Row]], Change | Append[E]]"
"""A part of a transaction: a change, an append, or a function that makes one from the rows of the changes before it.

An append that a function makes is of one event. The function is quick and does nothing else, as any `Step`.
"""


class Unit(Generic[E]):
    """The steps of one transaction, and what each of them is to the one who asked for it."""

    def __init__(self, work: Sequence[Work[E]], codec: EventCodec[E], moment: datetime) -> None:
        self._codec = codec
        self._moment = moment
        self.steps: list[Step] = []
        self._sources: list[int] = []
        self._drafts: dict[int, Draft[E]] = {}
        for source, part in enumerate(work):
            self._add(source, part)

    def committed(self, rows: Sequence[Row]) -> Committed[E]:
        """What was stored, if these are the rows of the steps."""
        return Committed(
            self._of_changes(rows), tuple(draft.recorded(rows[at]) for at, draft in sorted(self._drafts.items()))
        )

    def source(self, at: int) -> int:
        """Which part of the work a step belongs to."""
        return self._sources[at]

    def draft(self, at: int) -> Draft[E] | None:
        """The event that a step appends, None if it is another change."""
        return self._drafts.get(at)

    def _add(self, source: int, part: Work[E]) -> None:
        if callable(part):
            self._put(source, self._later(len(self.steps), part))
        elif isinstance(part, Change):
            self._put(source, part)
        else:
            for draft in drafts(part, self._codec, self._moment):
                self._drafts[len(self.steps)] = draft
                self._put(source, draft.change())

    def _put(self, source: int, step: Step) -> None:
        self.steps.append(step)
        self._sources.append(source)

    def _later(self, at: int, make: Callable[[Sequence[Row]], Change | Append[E]]) -> Step:
        def step(rows: Sequence[Row]) -> Change:
            made = make(self._of_changes(rows))
            if isinstance(made, Change):
                return made
            draft = self._drafts[at] = the_one(drafts(made, self._codec, self._moment))
            return draft.change()

        return step

    def _of_changes(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        return tuple(row for at, row in enumerate(rows) if at not in self._drafts)
