"""Entities: a process for each id, whose state outlives it.

    @dataclass(frozen=True)
    class Diary:
        name: str
        evenings: tuple[str, ...] = ()

    @dataclass
    class Venue(Entity[int, Diary], kind="venue"):
        async def book(self, evening: str) -> bool:
            if evening in self.state.evenings:
                return False
            await self.save(replace(self.state, evenings=(*self.state.evenings, evening)))
            return True

    assert await Venue.at(7).call(Venue.book, "Friday")

The state is one frozen value, replaced as a whole: a handler that fails leaves the last good one. How durable a change
is, its handler says: `await self.save(state)` returns when it is on disk, `self.save_later(state)` at once, and it
is written within the kind's interval, `self.keep(state)` is for memory alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, get_args, get_origin, overload

from greenroom.foundation.answering import Ended
from greenroom.foundation.errors import OutsideProcess
from greenroom.foundation.exits import Shutdown, is_clean
from greenroom.foundation.genserver import GenServer, reserved_names
from greenroom.foundation.namespace import current_namespace
from greenroom.foundation.reply import Reply
from greenroom.infrastructure.database import Conflict, Insert, Invalid, Refusal, Step
from greenroom.infrastructure.entity.address import EntityRef, entity_ref
from greenroom.infrastructure.entity.assignment import refuse_assignments
from greenroom.infrastructure.entity.backlog import Unsaved
from greenroom.infrastructure.entity.departure import CUT_OFF, ERASED, has_lost_track
from greenroom.infrastructure.entity.error import KeptInMemory, NoSuchEntity, NotSaved, StaleState
from greenroom.infrastructure.entity.kind import Kind, kind_name
from greenroom.infrastructure.entity.reminder import Reminder, forgotten, stored_reminder
from greenroom.infrastructure.entity.store import Copy
from greenroom.infrastructure.pubsub import Topic
from greenroom.infrastructure.pubsub.channel import publish_in

K = TypeVar("K", bound=int | str)
S = TypeVar("S")
V = TypeVar("V")

logger = logging.getLogger("greenroom.entity")


class Entity(GenServer, Generic[K, S]):
    """A server with a key and a state that is kept for it. Its other fields last as long as its process.

    Public `async` methods are what it answers. Its hooks are those of a `GenServer`, `initial`, and `handle_reminder`.
    """

    __slots__ = ("__runtime__", "__seen__", "__unsaved__", "__writing__", "key", "last_persisted", "version") + (
        () if TYPE_CHECKING else ("state",)
    )

    # What fails leaves the last good state by itself: it is one value, replaced in one step.
    __undoes__: ClassVar[bool] = False
    __entity__: ClassVar[str] = kind_name("entity")
    __keys__: ClassVar[type] = object
    __reminds__: ClassVar[bool] = False
    __terminates__: ClassVar[bool] = False
    kind: ClassVar[str] = "entity"

    __runtime__: Kind[K, S] | None
    __unsaved__: Unsaved[Any] | None
    __writing__: Reply[None] | None
    __seen__: int
    key: K
    version: int
    last_persisted: datetime | None

    if TYPE_CHECKING:  # nothing but `save`, `save_later` and `keep` replaces it

        @property
        def state(self) -> S:
            """What the entity is now: one value, never changed in place."""
            ...

    def __init_subclass__(cls, *, kind: str | None = None, **options: Any) -> None:
        super().__init_subclass__(restart="temporary", **options)
        if kind is not None or "kind" not in cls.__dict__:
            cls.kind = kind or cls.__name__.lower()
        if "/" in cls.kind:
            raise ValueError(f"expected a kind without a slash, got {cls.kind!r}")
        cls.__entity__ = kind_name(cls.kind)
        cls.__keys__ = _key_type(cls)
        cls.__reminds__ = _overrides(cls, "handle_reminder")
        cls.__terminates__ = _overrides(cls, "terminate")
        refuse_assignments(cls)

    @classmethod
    def at(cls, key: K) -> EntityRef[Self]:
        """The address of the entity with this key; its first use starts it."""
        return entity_ref(cls, cls.__entity__, key)

    @classmethod
    def of(cls, key: K, state: S) -> Self:
        """An entity without a process, whose changes stay in memory: to test its rules by themselves."""
        entity = cls()
        equip(entity, None, key)
        replace_state(entity, state)
        return entity

    def initial(self) -> S:
        """The state of an entity of which nothing is stored; by default there is none, and it can not be started.

        Raises:
            NoSuchEntity: there must be a row first.
        """
        raise NoSuchEntity(self.kind, self.key)

    async def handle_reminder(self, reminder: Reminder) -> None:
        """Take a reminder that is due. It is repeated until this returns, also after a restart: it may come twice."""
        logger.warning("%s got a reminder that it does not handle: %r", self.__process__, reminder)

    # Changes.

    @overload
    async def save(self, state: S, /) -> Conflict | Invalid | None: ...

    @overload
    async def save(self, state: S, /, *also: Step) -> Refusal | None: ...

    async def save(self, state: S, /, *also: Step) -> Refusal | None:
        """Replace the state, and return when it is on disk; with it, in one transaction, goes what `also` says.

        A refusal by the rules of a table is returned, and nothing has changed then.

        Raises:
            NotSaved: the database can not store it now; nothing has changed. Let it pass: the caller gets it.
            StaleState: somebody else has changed the row; nothing was overwritten. Let it pass: this process leaves,
                and the next call finds one that has read the row anew. So does a handler that stops waiting for it.
        """
        kind = self.__runtime__
        if kind is not None:
            at = kind.store.now()
            outcome = await self._alone(lambda: kind.store.write(Copy(self.key, state, self.version, at), also))
            if not isinstance(outcome, int):
                return outcome
            stored(self, outcome, at)
            if self.__unsaved__ is not None:
                kind.backlog.forget(self)
        replace_state(self, state)
        return None

    def save_later(self, state: S, /) -> None:
        """Replace the state, and have it written once nothing has changed for the kind's interval, at most twice that.

        Raises:
            NotSaved: too many entities wait to be written, as in a long outage; nothing has changed.
        """
        self._admit()
        replace_state(self, state)
        self._note()

    def keep(self, state: S, /) -> None:
        """Replace the state in memory alone. The next write of the entity, if there is one, stores it too."""
        replace_state(self, state)

    def mark_dirty(self) -> None:
        """Have the state written as after `save_later`.

        Raises:
            NotSaved: as `save_later`.
        """
        self._admit()
        self._note()

    @property
    def is_dirty(self) -> bool:
        """Whether something of the state is not stored that is to be."""
        return self.__unsaved__ is not None

    async def persist_if_dirty(self) -> Conflict | Invalid | None:
        """Write what is not stored yet, and return when it is on disk.

        Raises:
            NotSaved, StaleState: as `save`.
        """
        return await self.save(self.state) if self.is_dirty else None

    async def erase(self, *also: Step) -> Refusal | None:
        """Remove what is stored of the entity; its process leaves after this handler.

        Its reminders stay, and start it anew, unless `also` has `forget` for them.

        Raises:
            NotSaved, StaleState: as `save`.
        """
        kind = self.__runtime__
        if kind is not None:
            outcome = await self._alone(lambda: kind.store.erase(self.key, self.version, also))
            if not isinstance(outcome, int):
                return outcome
            kind.backlog.forget(self)
            # What this handler may save from here on is stored anew.
            self.version = 0
            leave(self, ERASED)
        return None

    # What others hear of it.

    def publish(self, topic: Topic[V], event: V, /) -> None:
        """Tell everyone who has subscribed to the topic, once it is certain that what the event says is so.

            self.publish(venue_topic(self.key), Renamed(name))
            return await self.save(replace(self.state, name=name))

        That is when the handler has succeeded: events go out in order, and before its answer. When it raises, and when
        a change is refused or can not be stored, what was published since the last change that was stored is dropped;
        what was published before that one holds as it does. Outside of handlers it is told at once.
        """
        tell = partial(publish_in, current_namespace(), topic.name, event)
        if self.__runtime__ is None:
            tell()
        else:
            self.__process__.afterwards(tell)

    # Reminders.

    def remind(
        self, name: str, due: datetime | float, *, every: float | None = None, note: str = ""
    ) -> tuple[Step, ...]:
        """Steps, for `save`, that set a reminder; one of the same name is replaced.

            await self.save(state, *self.remind("expire", 600.0))

        `due` is a moment, or in so many seconds; with `every` it comes again after so many seconds.
        """
        kind = _attached(self)
        now = kind.store.now()
        at = due if isinstance(due, datetime) else now + timedelta(seconds=due)
        step = stored_reminder(kind.name, self.key, Reminder(name, at, note), every, replace=True)
        # Not before the handler is through: until then it may not be stored, and could not be heard anyway.
        self.__process__.afterwards(partial(kind.expect, at))
        return (step,)

    @classmethod
    def first_reminder(cls, key: K, name: str, due: datetime, *, every: float | None = None, note: str = "") -> Insert:
        """A step that sets a reminder of an entity which the same transaction makes, and which has no process yet.

            hall = Returning(Insert(halls, values))
            await database.call(
                Database.transact, hall, lambda _: Hall.first_reminder(hall.row["id"], "expire", due)
            )

        It may come up to ten seconds late: that is how often a program looks for what it was not told of.
        """
        return stored_reminder(cls.kind, key, Reminder(name, due, note), every)

    def forget(self, name: str) -> Step:
        """A step, for `save`, that takes a reminder back."""
        return forgotten(_attached(self).name, self.key, name)

    async def terminate(self, reason: object) -> None:
        """Save what is not stored, unless the entity crashed or was overtaken: then it goes back to what is."""
        if is_clean(reason) and not has_lost_track(reason):
            await self.persist_if_dirty()

    # Steps of the above.

    def _admit(self) -> None:
        kind = self.__runtime__
        if kind is None or self.__unsaved__ is not None:
            return
        if not kind.is_stored:
            raise KeptInMemory(kind.name)
        if kind.backlog.is_full:
            raise NotSaved(kind.name, self.key, f"{len(kind.backlog)} others wait to be written")

    def _note(self) -> None:
        kind = self.__runtime__
        if kind is not None:
            kind.backlog.note(self, kind.clock.monotonic())
            if kind.writer is not None:
                kind.writer.arm()

    async def _alone(self, write: Callable[[], Awaitable[int | Refusal]]) -> int | Refusal:
        # The writer of the kind may be at it; two writes from the same version would be one too many.
        while self.__writing__ is not None:
            await self.__writing__
        done: Reply[None] = Reply()
        self.__writing__ = done
        is_stored = False
        try:
            if self.__unsaved__ is not None:
                await self._resolve(self.__unsaved__)
            outcome = await write()
            is_stored = isinstance(outcome, int)
        except StaleState as stale:
            leave(self, Shutdown(stale))
            raise
        except asyncio.CancelledError:
            control = self.__process__.control
            if control is None or control.exit is None:
                leave(self, CUT_OFF)
            raise
        finally:
            self.__writing__ = None
            done.send(None)
            # What was published belongs to this change, also where a handler catches what it failed with.
            (self.__process__.confirm if is_stored else self.__process__.revoke)()
        return outcome

    async def _resolve(self, unsaved: Unsaved[Any]) -> None:
        # The kind's writer has ended in the middle of a write, and what became of it decides the version.
        kind = self.__runtime__
        if kind is not None and unsaved.doubt is not None:
            outcome = await kind.store.write(unsaved.doubt, doubtful=True)
            if isinstance(outcome, int):
                stored(self, outcome, kind.store.now())
            unsaved.doubt = None


Entity.__reserved__ = reserved_names(Entity) - {"handle_reminder", "persist_if_dirty"}


def _key_type(cls: type[Entity[Any, Any]]) -> type:
    """What the class statement says of its keys, as `int` in `Entity[int, Profile]`, or its base if it says nothing."""
    for base in vars(cls).get("__orig_bases__", ()):
        if get_origin(base) is Entity:
            said = get_args(base)[0]
            # A `NewType` is one for checkers alone.
            said = getattr(said, "__supertype__", said)
            return said if isinstance(said, type) and issubclass(said, (int, str)) else object
    return cls.__keys__


def _overrides(cls: type[Entity[Any, Any]], hook: str) -> bool:
    return getattr(cls, hook) is not vars(Entity)[hook]


def equip(entity: Entity[K, S], kind: Kind[K, S] | None, key: K) -> None:
    """Give a new entity its key, and all that it has from the runtime but a state."""
    entity.__runtime__ = kind
    entity.__unsaved__ = None
    entity.__writing__ = None
    entity.__seen__ = 0
    entity.key = key
    entity.version = 0
    entity.last_persisted = None


def replace_state(entity: Entity[K, S], state: S | None) -> None:
    """Replace the state, which users can only read."""
    object.__setattr__(entity, "state", state)


def leave(entity: Entity[K, S], reason: Shutdown) -> None:
    """Let the entity's process end once the handler that runs, if one does, is through."""
    ties = entity.__process__.ties
    # They were heard, so they must not ask again, as those will who still wait in the mailbox.
    for promised in () if ties is None else ties.promises:
        if not promised.done():
            promised.set_exception(Ended(reason.detail))
    entity.stop(reason)


def stored(entity: Entity[K, S], version: int, at: datetime) -> None:
    """Note that the entity is stored."""
    entity.version = version
    entity.last_persisted = at


def _attached(entity: Entity[K, S]) -> Kind[K, S]:
    if entity.__runtime__ is None:
        raise OutsideProcess("a reminder")
    return entity.__runtime__
