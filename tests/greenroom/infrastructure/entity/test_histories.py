"""Any sequence of changes, crashes, outages and restarts agrees with a model of a few lines.

The model knows, for each entity, the state that callers see, and every state that the promises allow to come back
after a crash: what was answered after its commit, and of debounced changes all but those of the last two intervals.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from greenroom import CallTimeout, Ref, ServerDown, Supervisor, child
from greenroom.infrastructure import DatabaseError, DatabaseUrl, Entity, EntitySettings, NotSaved, Snapshots, entities
from greenroom.infrastructure.entity.live import Live
from greenroom.infrastructure.entity.saver import Saver
from greenroom.testing import Stage, settle
from greenroom.testing.record import current_record
from tests.greenroom.infrastructure.entity.moody_database import Mood, MoodyDatabase
from tests.greenroom.infrastructure.entity.venues import tables

T = TypeVar("T")

INTERVAL = 10.0


@dataclass(frozen=True)
class Tally:
    """Everything that ever happened to an entity, in order."""

    marks: tuple[int, ...] = ()


@dataclass
class Book(Entity[int, Tally], kind="book"):
    """Adds marks at all levels."""

    def initial(self) -> Tally:
        return Tally()

    async def look(self) -> Tally:
        return self.state

    async def add(self, mark: int) -> None:
        await self.save(Tally((*self.state.marks, mark)))

    async def add_later(self, mark: int) -> None:
        self.save_later(Tally((*self.state.marks, mark)))

    async def fail(self, mark: int) -> None:
        self.save_later(Tally((*self.state.marks, mark)))
        raise ValueError("a mistake")


@dataclass
class Expected:
    """What is known of one entity: its marks, and how many of them a crash must not cost."""

    marks: list[int] = field(default_factory=list[int])
    safe: int = 0
    later: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])

    def stored(self) -> None:
        self.safe = len(self.marks)
        self.later.clear()

    def age(self, now: float) -> None:
        """What was changed two intervals ago is stored by now."""
        while self.later and self.later[0][0] + 2 * INTERVAL <= now:
            self.safe = max(self.safe, self.later.pop(0)[1])


KEYS = st.integers(1, 4)
MOODS: st.SearchStrategy[Mood] = st.sampled_from(["refuses", "loses it", "stores it and loses the answer"])


class Histories(RuleBasedStateMachine):
    """Commands to a few entities, and what may go wrong meanwhile."""

    @initialize(limit=st.sampled_from([None, 2]), hibernate=st.sampled_from([None, 4.0]))
    def open(self, limit: int | None, hibernate: float | None) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.url = DatabaseUrl.parse(str(Path(self.folder.name) / "test.db"))
        tables(self.url)
        self.stage = Stage("histories", virtual_time=True)
        self.settings = EntitySettings(idle=60.0, hibernate=hibernate, save_interval=INTERVAL, max_live=limit)
        self.books = {key: Expected() for key in range(1, 5)}
        self.mark = 0
        self.outage = 0.0
        self.down = False
        self.run(self.start())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.stage.run(coroutine)

    async def start(self) -> None:
        self.top = await Supervisor.start(
            [
                child(MoodyDatabase, self.url, down=self.down).named("database"),
                entities(Book, Snapshots(Tally), self.settings),
            ],
            max_restarts=1000,
            strategy="one_for_one",
        )

    async def pass_time(self, seconds: float) -> None:
        clock = self.stage.clock
        assert clock is not None
        await clock.advance(seconds)
        if not self.down:
            for book in self.books.values():
                # An outage that is just over has put the writes off for at most the longest pause.
                book.age(clock.monotonic() - self.outage)

    async def outcome(self, call: Coroutine[Any, Any, object]) -> object:
        """Ask, and let time pass until there is an answer."""
        clock = self.stage.clock
        assert clock is not None
        asked = asyncio.ensure_future(call)
        await settle()
        while not asked.done():
            await self.pass_time(0.5)
        return asked.exception() or asked.result()

    def expect_crashes(self) -> None:
        async def expect() -> None:
            for crash in current_record().crashes:
                crash.expected = True

        self.run(expect())

    # Commands.

    @rule(key=KEYS, mood=st.none() | MOODS)
    def change_at_once(self, key: int, mood: Mood | None) -> None:
        self.run(self._change_at_once(key, mood))

    async def _change_at_once(self, key: int, mood: Mood | None) -> None:
        self.mark += 1
        book = self.books[key]
        await self._look(key)
        if mood is not None and not self.down:
            await Ref(MoodyDatabase, "database").call(MoodyDatabase.be, mood)
        outcome = await self.outcome(Book.at(key).call(Book.add, self.mark))
        if outcome is None:
            book.marks.append(self.mark)
            book.stored()
        elif isinstance(outcome, CallTimeout):
            await self._settle_doubt(key, self.mark)
        else:
            assert isinstance(outcome, NotSaved | DatabaseError), outcome
            assert self.down or mood == "refuses"

    async def _settle_doubt(self, key: int, mark: int) -> None:
        # The caller was told that it may have happened, or may still: the entity says if it has.
        tally = await self.outcome(Book.at(key).within(100.0).call(Book.look))
        assert isinstance(tally, Tally)
        if mark in tally.marks:
            self.books[key].marks.append(mark)
            self.books[key].stored()

    @rule(key=KEYS, times=st.integers(1, 3))
    def change_later(self, key: int, times: int) -> None:
        self.run(self._change_later(key, times))

    async def _change_later(self, key: int, times: int) -> None:
        clock = self.stage.clock
        assert clock is not None
        for _ in range(times):
            self.mark += 1
            outcome = await self.outcome(Book.at(key).call(Book.add_later, self.mark))
            if outcome is None:
                self.books[key].marks.append(self.mark)
                self.books[key].later.append((clock.monotonic(), len(self.books[key].marks)))
            else:
                assert isinstance(outcome, DatabaseError | CallTimeout), outcome
                assert self.down

    @rule(key=KEYS)
    def look(self, key: int) -> None:
        self.run(self._look(key))

    async def _look(self, key: int) -> None:
        found = await self.outcome(Book.at(key).call(Book.look))
        if isinstance(found, Tally):
            assert list(found.marks) == self.books[key].marks
        else:
            assert isinstance(found, DatabaseError | CallTimeout), found
            assert self.down

    @rule(seconds=st.sampled_from([0.5, 3.0, 9.0, 21.0, 70.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.run(self.pass_time(seconds))

    # What goes wrong.

    @rule(key=KEYS)
    def kill(self, key: int) -> None:
        self.run(self._kill(key))

    async def _kill(self, key: int) -> None:
        Book.at(key).exit("kill")
        await settle()
        await self._come_back(key)

    @rule(key=KEYS)
    def fail(self, key: int) -> None:
        self.run(self._fail(key))
        self.expect_crashes()

    async def _fail(self, key: int) -> None:
        outcome = await self.outcome(Book.at(key).call(Book.fail, -1))
        assert isinstance(outcome, ServerDown) or self.down
        if isinstance(outcome, ServerDown):
            await self._come_back(key)

    @rule()
    def kill_the_writer(self) -> None:
        self.run(self._kill_named(f"{Book.__entity__}/saver"))

    async def _kill_named(self, name: str) -> None:
        Ref(Saver, name).exit("kill")
        # Not so many in so short a time that their supervisor gives up.
        await self.pass_time(2.0)

    @rule()
    def crash_the_supervisor(self) -> None:
        self.run(self._crash_the_supervisor())
        self.expect_crashes()

    async def _crash_the_supervisor(self) -> None:
        Ref(Live, Book.__entity__).exit("kill")
        await self.pass_time(2.0)
        for key in self.books:
            await self._come_back(key)

    @rule()
    def fall(self) -> None:
        self.run(self._fall())

    async def _fall(self) -> None:
        await Ref(MoodyDatabase, "database").call(MoodyDatabase.fall)
        self.down = True

    @rule()
    def rise(self) -> None:
        self.run(self._rise())

    async def _rise(self) -> None:
        clock = self.stage.clock
        assert clock is not None
        await Ref(MoodyDatabase, "database").call(MoodyDatabase.rise)
        if self.down:
            self.down = False
            await clock.advance(6.0)

    @rule()
    def restart_everything_in_good_order(self) -> None:
        self.run(self._restart_in_good_order())

    async def _restart_in_good_order(self) -> None:
        await self._rise()
        clock = self.stage.clock
        assert clock is not None
        stopping = asyncio.ensure_future(self.top.stop("shutdown"))
        while not stopping.done():
            await clock.advance(0.5)
        for book in self.books.values():
            book.stored()
        await self.start()

    @rule()
    def restart_everything_after_a_power_cut(self) -> None:
        self.run(self._restart_after_a_power_cut())

    async def _restart_after_a_power_cut(self) -> None:
        # Those that started last first: a supervisor must not have the time for a last word.
        for process in reversed(list(self.stage.record.alive)):
            process.exit("kill")
        await settle()
        await self.start()
        for key in self.books:
            await self._come_back(key)

    async def _come_back(self, key: int) -> None:
        """After a crash there is what was stored: no answered change of the safe ones is missing, and none is new."""
        found = await self.outcome(Book.at(key).within(100.0).call(Book.look))
        if not isinstance(found, Tally):
            assert self.down
            # It is seen once the database is back.
            await self._rise()
            found = await self.outcome(Book.at(key).within(100.0).call(Book.look))
        assert isinstance(found, Tally)
        book = self.books[key]
        marks = list(found.marks)
        assert marks == book.marks[: len(marks)]
        assert len(marks) >= book.safe
        book.marks = marks
        book.later.clear()
        book.safe = len(marks)

    def teardown(self) -> None:
        if hasattr(self, "stage"):
            self.run(self._restart_in_good_order())
            for key in self.books:
                self.run(self._look(key))
            self.run(self.top.stop("shutdown"))
            self.expect_crashes()
            self.stage.close()
            self.folder.cleanup()


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
