"""The supervisor of a kind: it starts entities when they are first used, and lets go of those that nobody uses."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import ceil, inf
from operator import length_hint
from typing import Any, Final

from greenroom.foundation.child import ChildSpec
from greenroom.foundation.dynamic_supervisor import DynamicSupervisor
from greenroom.foundation.errors import AlreadyStarted, CallError, NotRunning, StartError, StartFailed
from greenroom.foundation.exits import SHUTDOWN, describe
from greenroom.foundation.mailbox import NOTHING, Message
from greenroom.foundation.process import Process
from greenroom.foundation.reply import Reply
from greenroom.foundation.signals import stop_server
from greenroom.foundation.start import launch
from greenroom.foundation.stopping import shut_down_all
from greenroom.foundation.timer import Timer
from greenroom.infrastructure.database import DatabaseError, Row
from greenroom.infrastructure.entity.departure import RETIRED, is_in_turn
from greenroom.infrastructure.entity.dormant import awake, hibernate, may_hibernate
from greenroom.infrastructure.entity.error import NoSuchEntity
from greenroom.infrastructure.entity.kind import Kind
from greenroom.infrastructure.entity.patience import Pause, wait, within
from greenroom.infrastructure.entity.server import Entity, equip, replace_state
from greenroom.infrastructure.entity.settings import EntitySettings
from greenroom.infrastructure.entity.writing import Writing

logger = logging.getLogger("greenroom.entity")

BATCH: Final = 256
"""How many entities are read in one query, and started in one turn."""

SLICE: Final = 512
"""How many entities a sweep looks at before others have their turn."""

SWEEPS: Final = 8
"""How many times a sweep comes by in the time after which an entity is idle."""

RESOLUTION: Final = 5.0
"""How exactly the order of use is known where a kind has a limit, in seconds."""

CROWDED: Final = 0.1
"""How long to wait for room where none of those that are live can leave."""

SHARE: Final = 32
"""One of so many leaves at once when a kind is full, so that not each new one has to look for another to go."""


class Wanted:
    """An entity that is being started: who waits for it, and what waits for it."""

    __slots__ = ("messages", "reply")

    def __init__(self) -> None:
        self.reply: Reply[Process[Any]] = Reply()
        self.messages: list[Message] = []


@dataclass
class Live(DynamicSupervisor):
    """The entities of one kind that are in memory, by their processes."""

    entity: type[Entity[Any, Any]] = field(kw_only=True)
    kind: Kind[Any, Any] = field(kw_only=True)
    _wanted: dict[int | str, Wanted] = field(default_factory=dict[int | str, Wanted], init=False, repr=False)
    _departing: dict[Process[Any], int | str] = field(
        default_factory=dict[Process[Any], "int | str"], init=False, repr=False
    )
    _wakeful: set[Process[Any]] = field(default_factory=set[Process[Any]], init=False, repr=False)
    _asked: bool = field(default=False, init=False, repr=False)
    _later: Timer | None = field(default=None, init=False, repr=False)
    _unsettled: bool = field(default=False, init=False, repr=False)
    _tick: int = field(default=0, init=False, repr=False)
    _idle: float = field(default=inf, init=False, repr=False)
    _sleepy: float = field(default=inf, init=False, repr=False)
    _spec: ChildSpec[Any] = field(init=False, repr=False)

    async def init(self) -> None:
        """Begin to look for entities that nobody uses."""
        await super().init()
        self._spec = ChildSpec(self.entity, (), NOTHING, self.entity.__child__)
        self.kind.saved = self._saved
        self._take_over()
        settings = self.kind.settings
        period = _period(settings)
        if period is not None:
            self._idle = ceil(settings.idle / period) if settings.idle is not None else inf
            self._sleepy = ceil(settings.hibernate / period) if settings.hibernate is not None else inf
            self.after(period, Live.sweep, period)

    # Starting.

    def activate(self, key: int | str) -> Reply[Process[Any]]:
        """The process of this entity, started if it is not there."""
        process = self._process(key)
        return self._want(key).reply if process is None else Reply[Process[Any]].of(process)

    def forward(self, key: int | str, message: Message) -> None:
        """Put a message into the mailbox of this entity, started if it is not there."""
        process = self._process(key)
        if process is None:
            self._want(key).messages.append(message)
        else:
            process.put(message)

    async def begin(self) -> None:
        """Start those that are wanted and for whom there is room, with one query for all."""
        self._asked = False
        keys = self._admitted()
        if keys:
            try:
                rows = await self._load(keys)
            except (DatabaseError, CallError) as error:
                self._refuse(keys, error)
            else:
                for key in keys:
                    await self._begin(key, rows.get(key))
        if self._next_wanted():
            self._ask(0.0 if self._room() else CROWDED)

    def _process(self, key: int | str) -> Process[Any] | None:
        found: Process[Any] | None = self.__process__.namespace.names.get((self.entity.__entity__, key))
        return found

    def _want(self, key: int | str) -> Wanted:
        wanted = self._wanted.get(key)
        if wanted is None:
            wanted = self._wanted[key] = Wanted()
            self._ask(0.0)
        return wanted

    def _ask(self, seconds: float) -> None:
        if self._asked:
            return
        if self._later is not None:
            self._later.drop()
            self._later = None
        if seconds:
            self._later = self.after(seconds, Live.begin)
        else:
            # Not before this turn of the loop is over: all that are wanted in it share a query.
            self._asked = True
            message: Message = (Live.begin, (), NOTHING, None)
            self.__process__.namespace.scheduler.loop.call_soon(self.__process__.put, message)

    def _admitted(self) -> Sequence[int | str]:
        limit = self.kind.settings.max_live
        if limit is not None and len(self._children) + len(self._wanted) > limit:
            self._make_room(len(self._children) + len(self._wanted) - limit)
        return self._next_wanted(min(BATCH, self._room()))

    def _next_wanted(self, limit: int = 1) -> Sequence[int | str]:
        departing = set(self._departing.values())
        return list(islice((key for key in self._wanted if key not in departing), limit))

    def _room(self) -> int:
        limit = self.kind.settings.max_live
        return BATCH if limit is None else max(0, limit - len(self._children))

    async def _load(self, keys: Sequence[int | str]) -> dict[Any, Row | DatabaseError]:
        if not self.kind.is_stored:
            return {}
        if self._unsettled:
            # A process was ended in the middle of a write, perhaps: what is read must come after it.
            await self.kind.store.settle()
            self._unsettled = False
        return dict(await self.kind.store.load(keys))

    async def _begin(self, key: int | str, row: Row | DatabaseError | None) -> None:
        if isinstance(row, DatabaseError):
            self._refuse((key,), row)
            return
        try:
            process = await launch(
                self._make, (key, row), NOTHING, name=(self.entity.__entity__, key), parent=self.__process__
            )
        except AlreadyStarted as held:
            # Somebody else has taken the name.
            self._refuse((key,), held)
        except StartError as error:
            reason = error.reason if isinstance(error, StartFailed) else None
            self._refuse((key,), reason if isinstance(reason, NoSuchEntity) else error)
        else:
            self._children[process] = self._spec
            self._welcome(self._wanted.pop(key), process)

    def _make(self, key: int | str, row: Row | None) -> Entity[Any, Any]:
        entity = self.entity()
        equip(entity, self.kind, key)
        entity.__seen__ = self._tick + 1
        if row is None:
            replace_state(entity, entity.initial())
        else:
            replace_state(entity, self.kind.store.state(row))
            entity.version = self.kind.store.version(row)
        return entity

    def _welcome(self, wanted: Wanted, process: Process[Any]) -> None:
        for message in wanted.messages:
            process.put(message)
        wanted.reply.send(process)
        self.kind.tell("activate", {"live": len(self._children)}, key=process.server.key)

    def _refuse(self, keys: Iterable[int | str], error: Any) -> None:
        for key in keys:
            wanted = self._wanted.pop(key)
            wanted.reply.fail(error.copy() if isinstance(error, DatabaseError) else error)
            if wanted.messages:
                logger.error(
                    "%s %r could not be started, %d messages are lost: %s",
                    self.kind.name,
                    key,
                    len(wanted.messages),
                    describe(error),
                )

    # Leaving.

    def sweep(self, period: float) -> None:
        """Look for entities that nobody has used for a while."""
        self._tick += 1
        self._look_at(iter(list(self._children)))
        self.after(period, Live.sweep, period)

    async def child_ended(self, child: Process[Any], reason: object) -> None:
        """Forget an entity, and report what it had not saved; its next use starts it anew."""
        self._children.pop(child, None)
        self._departing.pop(child, None)
        self._wakeful.discard(child)
        if not is_in_turn(reason):
            # It may have been in the middle of a write; so may one that a supervisor, say, has told to end.
            self._unsettled = True
        unsaved = self.kind.backlog.lost(child)
        if unsaved is not None:
            self.kind.report_loss(unsaved, reason)
        if self._wanted:
            self._ask(0.0)

    def _look_at(self, processes: Iterator[Process[Any]]) -> None:
        for process in islice(processes, SLICE):
            # One that has ended is still a child until its supervisor has heard of it.
            if process.alive and process in self._children:
                self._judge(process)
        if length_hint(processes):
            self.__process__.put((Live._look_at, (processes,), NOTHING, None))

    def _judge(self, process: Process[Any]) -> None:
        entity = awake(process.server)
        if process.was_used():
            entity.__seen__ = self._tick
            if self.kind.settings.max_live is not None:
                # The order of the children is that of their last use.
                self._children[process] = self._children.pop(process)
            return
        sweeps = self._tick - entity.__seen__
        if sweeps >= self._idle:
            self._retire(process)
        elif sweeps >= self._sleepy:
            self._hibernate(process, entity)

    def _retire(self, process: Process[Any]) -> bool:
        """Let go of an entity that rests and has nothing to save; one that has is saved first, and leaves later."""
        if not process.resting or (process.ties is not None and process.ties.promises):
            return False
        entity = awake(process.server)
        if entity.__unsaved__ is not None or entity.__writing__ is not None:
            self.kind.hurry(entity)
            return False
        if process not in self._departing:
            self.kind.tell("retire", {"live": len(self._children)}, key=entity.key)
            self._part_with(process, entity, RETIRED)
        return True

    def _part_with(self, process: Process[Any], entity: Entity[Any, Any], reason: object) -> None:
        if not entity.__terminates__:
            # In one step: no message can come in between, and be lost.
            process.die(reason)
        elif process not in self._departing:
            # It has a last word. Who asks for it meanwhile gets its successor, and not before it is gone.
            self._departing[process] = entity.key
            self.__process__.namespace.unregister(process.name, process)
            process.put((stop_server, (reason,), NOTHING, None))
            limit = self._spec.seconds_to_stop
            if not isinstance(limit, str):
                self.after(limit, Live.cut_short, process)

    def cut_short(self, process: Process[Any]) -> None:
        """End an entity whose last word takes too long: others wait for its room, or for itself."""
        if process in self._departing:
            logger.error("%s takes too long to leave, and is killed", process)
            process.kill()

    def _hibernate(self, process: Process[Any], entity: Entity[Any, Any]) -> None:
        if process in self._wakeful or not may_hibernate(process, entity):
            return
        try:
            hibernate(process, entity, self.kind)
        except Exception as error:  # of the codec's own code, which would fail again
            self._wakeful.add(process)
            logger.error("%s %r can not be packed, and stays awake: %s", self.kind.name, entity.key, describe(error))
        else:
            self.kind.tell("hibernate", {"live": len(self._children)}, key=entity.key)

    def _make_room(self, count: int) -> None:
        """Let the least recently used go: one in so many at once, and more if more is needed."""
        goal = max(count, (self.kind.settings.max_live or 0) // SHARE)
        left = 0
        for is_last_try in (False, True):
            for process in self._alive():
                if left >= goal or (is_last_try and left >= count):
                    return
                if process.was_used() and not is_last_try:
                    awake(process.server).__seen__ = self._tick
                    self._children[process] = self._children.pop(process)
                elif self._retire(process):
                    left += 1
                    if not process.alive:
                        self._children.pop(process, None)

    def _alive(self) -> list[Process[Any]]:
        return [process for process in self._children if process.alive]

    def _saved(self) -> None:
        if self._wanted:
            self._ask(0.0)

    def _take_over(self) -> None:
        # A supervisor that was killed has taken all its entities with it, and could not say what they had not saved.
        for unsaved in self.kind.backlog:
            self._unsettled = True
            self.kind.backlog.lost(unsaved.entity.__process__)
            self.kind.report_loss(unsaved, "their supervisor was killed")

    # The end of all.

    async def terminate(self, reason: object) -> None:
        """Save everything, within the kind's limit, and end all entities."""
        for key in list(self._wanted):
            self._refuse((key,), NotRunning(self.ref, "activate"))
        for process in self._alive():
            self.__process__.namespace.unregister(process.name, process)
        deadline = self.kind.clock.monotonic() + self.kind.settings.stop
        pause = Pause(0.5)
        writing = Writing(self.kind)
        while self._end_resting() and self.kind.clock.monotonic() < deadline:
            await within(deadline - self.kind.clock.monotonic(), writing.flush())
            if self._end_resting():
                await wait(pause.lengthen())
        for unsaved in self.kind.backlog:
            self.kind.backlog.lost(unsaved.entity.__process__)
            self.kind.report_loss(unsaved, "out of time")
        await shut_down_all((process, self._spec.shutdown("brutal_kill")) for process in self._children)

    def _end_resting(self) -> int:
        """End those that rest and have nothing to save; answers how many are left."""
        for process in list(self._children):
            process.parent = None
            entity = awake(process.server) if process.alive else None
            if entity and process.resting and entity.__unsaved__ is None and entity.__writing__ is None:
                self._part_with(process, entity, SHUTDOWN)
            if not process.alive:
                del self._children[process]
        return len(self._children)


def _period(settings: EntitySettings) -> float | None:
    periods = [limit / SWEEPS for limit in (settings.idle, settings.hibernate) if limit is not None]
    if settings.max_live is not None:
        periods.append(RESOLUTION)
    return min(periods, default=None)
