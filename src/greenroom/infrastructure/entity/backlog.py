"""Which entities have changes that are not stored, and when each is due. Pure, with the time passed in."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

LEAD: Final = 0.1
"""How much of an interval before its last moment a write begins, so that it is over by then."""

SPARE: Final = 64
"""How many entries may be out of date, beside as many as there are entities, before they are thrown out."""


class Subject(Protocol):
    """An entity, as far as its saving goes."""

    # The process, which tells entities apart: as dataclasses they may be equal to each other.
    __process__: Any
    __unsaved__: Unsaved[Any] | None


E = TypeVar("E", bound=Subject)


class Unsaved(Generic[E]):
    """What one entity has changed since it was stored."""

    __slots__ = ("afresh", "changed", "doubt", "due", "entity", "since", "taken", "urgent")

    def __init__(self, entity: E, now: float, due: float) -> None:
        self.entity = entity
        self.since = now
        self.changed = now
        self.due = due
        self.urgent = False
        # While a write is on its way: that it is, and when the first change came that it does not have.
        self.taken = False
        self.afresh: float | None = None
        # What was written without an answer: it may be stored, and nothing else may be written before that is known.
        self.doubt: Any = None


Entry: TypeAlias = "tuple[float, int, Unsaved[E]]"


class Backlog(Generic[E]):
    """The entities that wait to be written: each once its changes have rested, none later than twice the interval."""

    def __init__(self, interval: float, limit: int) -> None:
        self._interval = interval
        self._limit = limit
        self._unsaved: dict[object, Unsaved[E]] = {}
        # An entry may be out of date when its time comes: `due` tells.
        self._heap: list[Entry[E]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._unsaved)

    def __iter__(self) -> Iterator[Unsaved[E]]:
        return iter(list(self._unsaved.values()))

    @property
    def is_full(self) -> bool:
        """Whether one more entity is one too many."""
        return len(self._unsaved) >= self._limit

    @property
    def is_crowded(self) -> bool:
        """Whether it is time to write without waiting for anything to rest."""
        return 2 * len(self._unsaved) >= self._limit

    @property
    def next_due(self) -> float | None:
        """When to look again; nothing is due before."""
        return self._heap[0][0] if self._heap else None

    def note(self, entity: E, now: float) -> None:
        """Remember that the entity has changed."""
        unsaved = entity.__unsaved__
        if unsaved is None:
            unsaved = Unsaved(entity, now, now + self._interval)
            entity.__unsaved__ = self._unsaved[entity.__process__] = unsaved
            self._push(unsaved)
        elif unsaved.taken and unsaved.afresh is None:
            unsaved.afresh = now
        unsaved.changed = now

    def hurry(self, unsaved: Unsaved[E], now: float) -> None:
        """Have the entity written as soon as can be."""
        if not unsaved.taken and not (unsaved.urgent and unsaved.due <= now):
            self._schedule(unsaved, now, urgent=True)

    def take_due(self, now: float, limit: int) -> list[Unsaved[E]]:
        """Take those that are to be written now; what goes beyond the limit stays due."""
        found: list[Unsaved[E]] = []
        while self._heap and self._heap[0][0] <= now and len(found) < limit:
            entry = heappop(self._heap)
            if not self._is_current(entry):
                continue
            unsaved = entry[2]
            rested = now if unsaved.urgent else self._rested(unsaved)
            if rested > now:
                self._schedule(unsaved, rested)
            else:
                unsaved.taken = True
                found.append(unsaved)
        return found

    def stored(self, unsaved: Unsaved[E]) -> None:
        """The state that was taken is stored; what came after it waits for its own time."""
        unsaved.taken = False
        if unsaved.afresh is None:
            self.forget(unsaved.entity)
        else:
            unsaved.since, unsaved.afresh = unsaved.afresh, None
            self._schedule(unsaved, unsaved.since + self._interval)

    def failed(self, unsaved: Unsaved[E], again: float) -> None:
        """The state that was taken is not stored; it is due again at that time."""
        unsaved.taken = False
        unsaved.afresh = None
        self._schedule(unsaved, again, urgent=True)

    def forget(self, entity: E) -> Unsaved[E] | None:
        """Nothing of the entity is to be written any more; answers what was."""
        entity.__unsaved__ = None
        return self._unsaved.pop(entity.__process__, None)

    def lost(self, process: object) -> Unsaved[E] | None:
        """The process has ended; answers what it had not saved."""
        return self._unsaved.pop(process, None)

    def _is_current(self, entry: Entry[E]) -> bool:
        at, _, unsaved = entry
        return unsaved.due == at and not unsaved.taken and self._holds(unsaved)

    def _holds(self, unsaved: Unsaved[E]) -> bool:
        return self._unsaved.get(unsaved.entity.__process__) is unsaved

    def _rested(self, unsaved: Unsaved[E]) -> float:
        return min(unsaved.changed + self._interval, unsaved.since + (2 - LEAD) * self._interval)

    def _schedule(self, unsaved: Unsaved[E], due: float, *, urgent: bool = False) -> None:
        unsaved.due = due
        unsaved.urgent = urgent
        if self._holds(unsaved):
            self._push(unsaved)

    def _push(self, unsaved: Unsaved[E]) -> None:
        if len(self._heap) > 2 * len(self._unsaved) + SPARE:
            # Entities that save by themselves, again and again, leave one behind each time.
            self._heap = list(filter(self._is_current, self._heap))
            heapify(self._heap)
        heappush(self._heap, (unsaved.due, next(self._order), unsaved))
