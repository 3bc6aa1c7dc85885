"""Any sequence of what people ask for, of crashes and of restarts agrees with a small model.

After each step the rows, the calendar in the diary's memory, the audit trail and the reminders say what it says.
"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import delete

from gigbook.application.service import migrated
from gigbook.business import bookings
from gigbook.business.bookings import Begun, Booking, Status, Taken, WrongStatus
from gigbook.business.bookings.server import Diary
from gigbook.business.database import database
from gigbook.business.once import Once, Repeated
from gigbook.business.refusals import Changed, InvalidData, Refusal
from gigbook.business.versions import Expected, Versioned
from greenroom.infrastructure import Database, DatabaseUrl, Execute, entity_reminders
from greenroom.testing import Stage, settle
from greenroom.testing.record import current_record
from tests.gigbook.business.bookings.house import ERRORS, FAULTS, TODAY, Fault, House, TrappedDatabase

T = TypeVar("T")

LATE = 45.0
"""After so many seconds a reminder has come again that failed."""

MAY_BECOME: dict[str, tuple[Status, ...]] = {
    "held": ("requested", "held"),
    "confirmed": ("requested", "held"),
    "cancelled": ("requested", "held", "confirmed"),
}


@dataclass
class Known:
    """What the model knows of a booking."""

    start: datetime
    end: datetime
    status: Status = "requested"
    until: datetime | None = None
    version: int = 1


class Model(dict[int, Known]):
    """The bookings of a venue, as they have to be."""

    def is_taken(self, start: datetime, end: datetime) -> bool:
        return any(it.status in ("held", "confirmed") and it.start < end and it.end > start for it in self.values())

    def refusal(self, it: Known, wanted: Status, now: datetime) -> type[Refusal] | None:
        if it.status not in MAY_BECOME[wanted]:
            return None if it.status == wanted else WrongStatus
        if it.status != "requested" or wanted == "cancelled":
            return None
        return Begun if it.start <= now else Taken if self.is_taken(it.start, it.end) else None

    def become(self, it: Known, status: Status, until: datetime | None = None) -> None:
        if it.status != status or (it.until is not None and until is not None and it.until < until):
            it.status, it.until, it.version = status, until, it.version + 1

    def lapse(self, now: datetime) -> None:
        for it in self.values():
            if it.until is not None and it.until <= now:
                self.become(it, "expired")


@dataclass(frozen=True)
class Wish:
    """That a booking be in another status; perhaps by somebody who knows an old version, or in spite of a fault."""

    nth: int
    status: Status
    length: timedelta
    is_outdated: bool
    fault: Fault | None
    left: int

    def asked(self, id: int, expected: Expected) -> Coroutine[Any, Any, Versioned[Booking] | Refusal]:
        match self.status:
            case "held":
                return bookings.hold(id, self.length // timedelta(seconds=1), expected)
            case "confirmed":
                return bookings.confirm(id, expected)
            case _:
                return bookings.cancel(id, "rain", expected)


WISHES = st.builds(
    Wish,
    nth=st.integers(0, 99),
    status=st.sampled_from(["held", "held", "confirmed", "cancelled"]),
    length=st.sampled_from([timedelta(seconds=seconds) for seconds in (30, 60, 600, 1800)]),
    is_outdated=st.sampled_from([False, False, False, True]),
    fault=st.none() | st.none() | st.sampled_from(FAULTS),
    left=st.integers(0, 3),
)


class Gigs(RuleBasedStateMachine):
    """What people ask of one venue, and what goes wrong meanwhile."""

    url: DatabaseUrl

    @initialize()
    def open(self) -> None:
        self.stage = Stage("gigs", virtual_time=True)
        assert self.stage.clock is not None
        self.clock = self.stage.clock
        self.house = House(self.url, self.clock)
        self.model = Model()
        self.keys: dict[str, int] = {}
        self.run(self._open())

    async def _open(self) -> None:
        await self.house.open()
        # The bookings of the examples before are at other venues; their reminders would only take time.
        await database.call(Database.transact, Execute(delete(entity_reminders)))
        for start in (60, 70, 80, 120):
            await self._request(start, 20, "")

    def run(self, step: Coroutine[Any, Any, None]) -> None:
        self.stage.run(self._compared(step))

    async def _compared(self, step: Coroutine[Any, Any, None]) -> None:
        await step
        self.model.lapse(self.clock.now())
        rows = await self.house.check()
        assert {id: (it.starts_at, it.ends_at, it.status, it.held_until) for id, it in rows.items()} == {
            id: (it.start, it.end, it.status, it.until) for id, it in self.model.items()
        }
        # Some processes were killed, and those are known.
        for crash in current_record().crashes:
            crash.expected = True

    # What people ask for.

    @rule(start=st.integers(1, 12), minutes=st.sampled_from([10, 20, 40]), key=st.sampled_from(["", "a"]))
    def request(self, start: int, minutes: int, key: str) -> None:
        self.run(self._request(10 * start, minutes, f"{self.house.venue} {start} {minutes} {key}" if key else ""))

    async def _request(self, start: int, minutes: int, key: str) -> None:
        begins, ends = (TODAY + timedelta(minutes=n) for n in (start, start + minutes))
        refusal = InvalidData if begins < self.clock.now() else Taken if self.model.is_taken(begins, ends) else None
        once = Once("POST", key, "it") if key else None
        draft = self.house.draft(start / 60, (start + minutes) / 60)
        outcome = await self.house.outcome(bookings.request(draft, once))
        if key in self.keys:
            assert isinstance(outcome, Repeated)
            assert outcome.answer.value.id == self.keys[key]
        elif refusal is not None:
            assert isinstance(outcome, refusal), outcome
        else:
            assert isinstance(outcome, Versioned), outcome
            self.model[outcome.value.id] = Known(begins, ends)
            if key:
                self.keys[key] = outcome.value.id

    @rule(wishes=st.lists(WISHES, min_size=1, max_size=6))
    def ask(self, wishes: list[Wish]) -> None:
        for wish in wishes:
            id = list(self.model)[wish.nth % len(self.model)]
            self.run(self._ask_and_fail(id, wish) if wish.fault else self._ask(id, wish))

    async def _ask(self, id: int, wish: Wish) -> None:
        it, now = self.model[id], self.clock.now()
        refusal = Changed if wish.is_outdated else self.model.refusal(it, wish.status, now)
        expected = frozenset({it.version - 1 if wish.is_outdated else it.version})
        outcome = await self.house.outcome(wish.asked(id, expected))
        if refusal is not None:
            assert isinstance(outcome, refusal), outcome
        else:
            self.model.become(it, wish.status, now + wish.length if wish.status == "held" else None)
            assert isinstance(outcome, Versioned), outcome
            assert (outcome.value.status, outcome.value.held_until) == (it.status, it.until)
            assert outcome.version == it.version

    async def _ask_and_fail(self, id: int, wish: Wish) -> None:
        it, now = self.model[id], self.clock.now()
        refusal = self.model.refusal(it, wish.status, now)
        await self.house.trapped.call(TrappedDatabase.trap, wish.fault or "well", wish.left, self.house.venue)
        outcome = await self.house.outcome(wish.asked(id, None))
        await self.house.trapped.call(TrappedDatabase.disarm)
        assert isinstance(outcome, (Versioned, *ERRORS, *([refusal] if refusal else []))), outcome
        # Who got no answer looks. It was done as was asked, or not at all.
        found = await bookings.fetch(id)
        assert isinstance(found, Versioned)
        if refusal is None and (isinstance(outcome, Versioned) or found.version > it.version):
            until = found.value.held_until
            assert until is None or until == it.until or now + wish.length <= until <= self.clock.now() + wish.length
            self.model.become(it, wish.status, until)
        await self.clock.advance(LATE)

    @rule(seconds=st.sampled_from([1.0, 40.0, 300.0, 900.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.run(self.clock.advance(seconds))

    # What goes wrong.

    @rule(what=st.sampled_from(["crash of the diary", "restart", "power cut"]))
    def disturb(self, what: str) -> None:
        self.run(self._disturb(what))

    async def _disturb(self, what: str) -> None:
        match what:
            case "crash of the diary":
                Diary.at(self.house.venue).exit("kill")
                await settle()
            case "restart":
                await self.house.restart()
            case _:
                for process in reversed(list(self.stage.record.alive)):
                    process.exit("kill")
                await settle()
                await self.house.start()
                await self.clock.advance(LATE)

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.run(self.house.restart())
            self.stage.run(self.house.close())
            self.stage.close()


@pytest.mark.timeout(1200)
def test_any_sequence_agrees_with_the_model(database_url: str) -> None:
    class Here(Gigs):
        url = DatabaseUrl.parse(database_url)

    migrated(Here.url)
    # A step costs three times as much where the database is another program, and the rules are the same.
    examples = 6 if "postgresql" in database_url else 20
    run_state_machine_as_test(Here, settings=settings(max_examples=examples, stateful_step_count=40, deadline=None))
