"""Payments on a clock that stands still, with a database before and after whose every step something may be killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Table, create_engine, text

from gigbook.business import bookings
from gigbook.business.bookings.events import BookingHeld
from gigbook.business.bookings.server import Diary
from gigbook.business.database import NAME
from gigbook.business.once import Once, Repeated
from gigbook.business.payments import SUPERVISOR, DepositDraft, Payment, Terms, deposit, processes, refund
from gigbook.business.payments.local_gateway import LocalGateway
from gigbook.business.payments.server import PaymentServer
from gigbook.business.refusals import Refusal
from gigbook.business.versions import Versioned
from greenroom import GenServer, GreenroomError, Ref, Reply, Supervisor, child
from greenroom.infrastructure import DatabaseUrl, EntitySettings, Key, Origin, Step, Values
from greenroom.infrastructure.database.task import Query, Write
from greenroom.testing import VirtualClock, settle
from greenroom.testing.record import current_record
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase

T = TypeVar("T")

TERMS: Final = Terms(gateway=5.0, first_pause=1.0, longest_pause=20.0)
VICTIMS: Final = ("payment", "clerk", "clerks", "entities", "tree", "alarm", "diary", "database", "everything")
PARTS: Final = {
    "clerks": SUPERVISOR,
    "entities": PaymentServer.__entity__,
    "tree": f"{PaymentServer.__entity__}/tree",
    "alarm": f"{PaymentServer.__entity__}/alarm",
    "diary": Diary.__entity__,
    "database": NAME,
}
PRICE: Final = 12_50


@dataclass
class Steps:
    """Counts the moments at which something may happen, and lets it happen at one of them."""

    names: list[str] = field(default_factory=list[str])
    at: int = 0
    act: Callable[[], object] = lambda: None

    def begin(self, at: int, act: Callable[[], object]) -> None:
        """Count from one, and act at this moment."""
        self.names, self.at, self.act = [], at, act

    def reach(self, name: str) -> None:
        """Come to the next moment."""
        self.names.append(name)
        if len(self.names) == self.at:
            self.act()

    def end(self) -> list[str]:
        """Let nothing happen from now on; answers the moments that there were."""
        self.at = 0
        return self.names


@dataclass
class SteppingDatabase(MoodyDatabase):
    """Takes a step before and after whatever it does, and answers in a later turn, as the real one does."""

    steps: Steps = field(default_factory=Steps)
    running: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]], init=False, repr=False)

    def insert(self, table: Table, values: Values) -> Reply[Any]:
        return self._in_steps(f"inserting into {table.name}", lambda: MoodyDatabase.insert(self, table, values))

    def update(self, table: Table, key: Key, values: Values, *, version: int | None = None) -> Reply[Any]:
        return self._in_steps(
            f"updating {table.name}", lambda: MoodyDatabase.update(self, table, key, values, version=version)
        )

    def delete(self, table: Table, key: Key, *, version: int | None = None) -> Reply[Any]:
        return self._in_steps(
            f"deleting from {table.name}", lambda: MoodyDatabase.delete(self, table, key, version=version)
        )

    def transact(self, *steps: Step) -> Reply[Any]:
        return self._in_steps("transacting", lambda: MoodyDatabase.transact(self, *steps))

    def write(self, writes: Sequence[Write]) -> Reply[Any]:
        return self._in_steps("writing", lambda: MoodyDatabase.write(self, writes))

    def get(self, table: Table, key: Key) -> Reply[Any]:
        return self._in_steps(f"reading {table.name}", lambda: MoodyDatabase.get(self, table, key))

    def select(self, query: Query) -> Reply[Any]:
        return self._in_steps("selecting", lambda: MoodyDatabase.select(self, query))

    def _in_steps(self, name: str, act: Callable[[], Reply[Any]]) -> Reply[Any]:
        async def run() -> None:
            try:
                self.steps.reach(f"before {name}")
                if self.__process__.alive:
                    done = act()
                    self.steps.reach(f"after {name}")
                    await asyncio.sleep(0)
                    reply.send(await done)
            except Exception as error:  # whatever it is, it is for the one who asked
                reply.fail(error)

        reply = Reply[Any]()
        self.running.add(task := asyncio.ensure_future(run()))
        task.add_done_callback(self.running.discard)
        return reply


@dataclass
class Scene:
    """One database, and what runs on it: it is started again whenever all of it was killed."""

    url: DatabaseUrl
    clock: VirtualClock
    bank: LocalGateway = field(default_factory=LocalGateway)
    steps: Steps = field(default_factory=Steps)
    top: Ref[Supervisor] | None = None

    async def start(self) -> None:
        """Start everything."""
        self.top = await Supervisor.start(
            [
                child(SteppingDatabase, self.url, steps=self.steps).named(NAME),
                bookings.processes(EntitySettings()),
                *processes(EntitySettings(), self.bank, TERMS),
            ],
            max_restarts=1000,
            strategy="one_for_one",
        )

    async def stop(self) -> None:
        """Stop everything in good order."""
        if self.top is not None and self.top.alive:
            await self.outcome(self.top.stop("shutdown"), restart=False)

    async def close(self) -> None:
        """Stop everything for good."""
        await self.stop()
        self.own.close()
        self.own.engine.dispose()

    async def outcome(self, asked: Coroutine[Any, Any, T], *, restart: bool = True) -> T | BaseException:
        """What comes of it, however long that takes on the clock; what was killed meanwhile is started again."""
        task = asyncio.ensure_future(asked)
        await settle()
        while not task.done():
            await self.clock.advance(0.25)
            if restart:
                await self.restart()
        return task.exception() or task.result()

    async def restart(self) -> None:
        """Start everything again if it was killed."""
        if self.top is None or not self.top.alive:
            await self.start()

    async def until(self, holds: Callable[[], bool], seconds: float = 300.0) -> None:
        """Let time pass until it holds."""
        deadline = self.clock.monotonic() + seconds
        while not holds():
            assert self.clock.monotonic() < deadline, self.payments()
            await self.clock.advance(1.0)
            await self.restart()

    def kill(self, victim: str) -> None:
        """Kill something, if it is there; everything at once is what a `kill -9` does."""
        if victim == "everything":
            # Those who started last end last: nobody has time to start somebody again.
            for process in sorted(current_record().alive, key=lambda process: process.parent is not None):
                process.kill()
        for name in self._names(victim):
            Ref(GenServer, name).exit("kill")

    def _names(self, victim: str) -> list[str | tuple[str, int]]:
        match victim:
            case "everything":
                return []
            case "payment":
                return [(PaymentServer.__entity__, row["id"]) for row in self.payments()]
            case "clerk":
                return [("payment-clerk", row["id"]) for row in self.payments()]
            case _:
                return [PARTS[victim]]

    # What the guests do.

    async def pay(self, booking: int, method: str = "ok", key: str = "key") -> Payment | Refusal:
        """Pay a deposit as a patient client does: the same request again, until there is an answer."""
        draft = DepositDraft(booking_id=booking, amount=PRICE, currency="EUR", method=method)
        once = Once(f"POST {booking}", key, "the same")
        return _payment(await self.insist(lambda: deposit(draft, once, Origin("request-1"))))

    async def give_back(self, id: int, key: str = "refund") -> Payment | Refusal:
        """Have a deposit refunded, as patiently."""
        once = Once(f"POST {id}/refund", key, "the same")
        return _payment(await self.insist(lambda: refund(id, once, Origin("request-2"))))

    async def insist(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Ask until there is an answer."""
        while True:
            answer = await self.outcome(ask())
            if isinstance(answer, GreenroomError):
                await self.clock.advance(1.0)
                await self.restart()
            elif isinstance(answer, BaseException):
                raise answer
            else:
                return answer

    # What is in the database, read without any process.

    async def add_booking(self, status: str = "held", held_for: float = 1e6) -> int:
        """A booking with this status, at a venue of its own, so that its diary will find it there."""
        if not self._read("SELECT 1 FROM users"):
            self.own.execute(text(ADD_ARTIST))
        until = self.clock.now() + timedelta(seconds=held_for)
        venue = self._read(ADD_VENUE)[0]["id"]
        values = {"venue": venue, "status": status, "until": moment(until) if status == "held" else None}
        found: int = self._read(ADD_BOOKING, **values)[0]["id"]
        # Its diary looks there for why it is held.
        await self.outcome(bookings.EVENTS.append(bookings.stream(found), [BookingHeld(until)]))
        return found

    async def cancel(self, booking: int) -> None:
        """Call the booking off."""
        await self.insist(lambda: bookings.cancel(booking))

    def settle_elsewhere(self, id: int) -> None:
        """Let another program have found out that the money has moved."""
        change = """
        UPDATE payments
        SET status = 'succeeded', method = NULL, version = version + 1, closed_at = :at, updated_at = :at,
        reference = (SELECT id FROM gateway_ledger WHERE id LIKE :key) WHERE id = :id
        """
        self.own.execute(text(change), {"id": id, "at": moment(self.clock.now()), "key": f"payment-{id}-%"})
        self.own.execute(text("DELETE FROM entity_reminders WHERE kind = 'payment'"))

    def booking(self, id: int) -> str:
        """The status of a booking."""
        return str(self._read("SELECT status FROM bookings WHERE id = :id", id=id)[0]["status"])

    def payments(self, booking: int | None = None) -> list[dict[str, Any]]:
        """All payments, or those for a booking, in the order of their ids."""
        if booking is None:
            return self._read("SELECT * FROM payments ORDER BY id")
        return self._read("SELECT * FROM payments WHERE booking_id = :booking ORDER BY id", booking=booking)

    def open(self) -> list[dict[str, Any]]:
        """Those for which something is left to do, of which many are asked for and few are found."""
        return self._read("SELECT * FROM payments WHERE closed_at IS NULL ORDER BY id")

    def ledger(self) -> list[dict[str, Any]]:
        """What the gateway has written down."""
        return self._read("SELECT * FROM gateway_ledger")

    def reminders(self) -> list[dict[str, Any]]:
        """What is still to be looked at."""
        return self._read("SELECT * FROM entity_reminders WHERE kind = 'payment'")

    def events(self, stream: str) -> list[str]:
        """What happened to something, by the types of its events."""
        rows = self._read("SELECT type FROM events WHERE stream = :stream ORDER BY version", stream=stream)
        return [row["type"] for row in rows]

    def _read(self, query: str, **values: object) -> list[dict[str, Any]]:
        return [dict(row) for row in self.own.execute(text(query), values).mappings()]

    @cached_property
    def own(self) -> Connection:
        """A connection of the test's own."""
        address = self.url.address if self.url.kind == "postgresql" else f"sqlite:///{self.url.address}"
        return create_engine(address, isolation_level="AUTOCOMMIT").connect()


ADD_ARTIST = "INSERT INTO users (name, email, role) VALUES ('Nina', 'nina@example.test', 'artist')"
ADD_VENUE = """
INSERT INTO venues (name, city, capacity, time_zone, opening) VALUES ('Blue Note', 'Paris', 9, 'UTC', '[]') RETURNING id
"""
ADD_BOOKING = """
INSERT INTO bookings (venue_id, artist_id, title, starts_at, ends_at, time_zone, status, held_until)
VALUES (
    :venue, (SELECT min(id) FROM users), 'Nina plays Bach',
    '2100-01-01T20:00:00.000Z', '2100-01-01T22:00:00.000Z', 'UTC', :status, :until
) RETURNING id
"""


def moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _payment(answer: Versioned[Payment] | Repeated[Versioned[Payment]] | Refusal) -> Payment | Refusal:
    match answer:
        case Repeated(Versioned(value)) | Versioned(value):
            return value
        case Refusal():
            return answer


def agrees(scene: Scene) -> None:
    """Check what must hold at the end of every story, whatever happened in it."""
    payments, ledger = scene.payments(), [row for row in scene.ledger() if row["outcome"] == "succeeded"]
    moved = {row["id"]: row["amount"] for row in ledger}
    succeeded = [row for row in payments if row["status"] == "succeeded"]
    assert {row["reference"]: row["amount"] for row in succeeded} == moved, (payments, ledger)
    assert len(succeeded) == len(moved)
    assert sum(sign(row["kind"] == "charge") * row["amount"] for row in ledger) == sum(
        sign(row["kind"] == "deposit") * row["amount"] for row in succeeded
    )
    for paid in (row for row in succeeded if row["kind"] == "deposit"):
        returned = [row for row in succeeded if row["refunds"] == paid["id"]]
        assert len(returned) <= 1
        assert [paid["refunded_at"]] == ([row["updated_at"] for row in returned] or [None])
        assert returned or "BookingConfirmed" in scene.events(f"booking:{paid['booking_id']}")
    kept = [row["booking_id"] for row in succeeded if row["kind"] == "deposit" and row["refunded_at"] is None]
    assert len(kept) == len(set(kept))
    for row in payments:
        told = scene.events(f"payment:{row['id']}")
        ended = [name for name in told if name in ("PaymentSucceeded", "PaymentDeclined")]
        assert (told[0], ended) == ("PaymentStarted", [f"Payment{row['status'].capitalize()}"]), told
        assert row["method"] is None
    assert scene.open() == []
    assert scene.reminders() == []


def sign(plus: bool) -> int:
    return 1 if plus else -1
