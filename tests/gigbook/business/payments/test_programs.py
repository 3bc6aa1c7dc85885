"""The real program, killed while money moves, and two of them on one database."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, create_engine, text

from greenroom.infrastructure import DatabaseUrl
from tests.gigbook.program import Program, running
from tests.gigbook.waiting import eventually

Json = dict[str, Any]

GATEWAY_SECONDS = "1.5"


@pytest.fixture
def books(url: DatabaseUrl) -> Iterator[Books]:
    address = url.address if url.kind == "postgresql" else f"sqlite:///{url.address}"
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield Books(connection)
    engine.dispose()


@dataclass
class Books:
    """What is in the database, read without any program."""

    connection: Connection

    def payments(self, what: str = "TRUE") -> list[Json]:
        return self._rows(f"SELECT * FROM payments WHERE {what} ORDER BY id")

    def moved(self) -> dict[str, int]:
        """What the gateway has moved, by its references; what went back is negative."""
        rows = self._rows("SELECT * FROM gateway_ledger WHERE outcome = 'succeeded'")
        return {row["id"]: row["amount"] if row["kind"] == "charge" else -row["amount"] for row in rows}

    def agree(self) -> None:
        """Check that payments and gateway tell the same, and that nobody paid or was paid back twice."""
        done = self.payments("status = 'succeeded'")
        told = {row["reference"]: row["amount"] if row["kind"] == "deposit" else -row["amount"] for row in done}
        assert told == self.moved()
        assert self.payments("closed_at IS NULL") == []
        refunded = sorted(row["refunds"] for row in done if row["kind"] == "refund")
        deposits = [row for row in done if row["kind"] == "deposit"]
        assert refunded == [row["id"] for row in deposits if row["refunded_at"] is not None]
        kept = [row["booking_id"] for row in deposits if row["refunded_at"] is None]
        assert len(kept) == len(set(kept))
        confirmed = {row["id"] for row in self._rows("SELECT id FROM bookings WHERE status = 'confirmed'")}
        assert confirmed.issuperset(kept)

    async def until(self, holds: Callable[[], bool]) -> None:
        async def look() -> bool:
            return holds()

        await eventually(look)

    async def settled(self) -> None:
        """Wait until nothing is left to do."""
        await self.until(lambda: self.payments("closed_at IS NULL") == [])

    def _rows(self, query: str) -> list[Json]:
        return [dict(row) for row in self.connection.execute(text(query)).mappings()]


@dataclass
class Gigbook:
    """A program that runs, and a client of it."""

    program: Program
    api: httpx.AsyncClient
    log: asyncio.Task[int] = field(init=False)

    def __post_init__(self) -> None:
        self.log = asyncio.create_task(self.program.ended())

    async def end(self, number: signal.Signals) -> int:
        """Let it end so, and wait for it; answers its exit code."""
        self.program.signal(number)
        return await self.log

    async def made(self, path: str, body: Json) -> int:
        response = await self.api.post(path, json=body)
        assert response.status_code in (200, 201), response.text
        found: int = response.json()["id"]
        return found

    async def held(self, many: int) -> list[int]:
        """Bookings that are held, each at a venue of its own."""
        artist = await self.made("/api/users", {"name": "Nina", "email": "nina@example.com", "role": "artist"})
        found: list[int] = []
        for number in range(many):
            venue: Json = {"name": f"V{number}", "city": "Paris", "capacity": 9, "time_zone": "UTC", "opening": []}
            times = {"starts_at": "2100-01-01T20:00:00", "ends_at": "2100-01-01T22:00:00"}
            asked = {"venue_id": await self.made("/api/venues", venue), "artist_id": artist, "title": "Bach", **times}
            found.append(await self.made("/api/bookings", asked))
            await self.made(f"/api/bookings/{found[-1]}/hold", {})
        return found

    async def pay(self, booking: int, method: str, key: str) -> httpx.Response:
        body = {"booking_id": booking, "amount": 12_50, "currency": "EUR", "method": method}
        return await self.api.post("/api/payments", json=body, headers={"Idempotency-Key": key})


@asynccontextmanager
async def gigbook(url: DatabaseUrl) -> AsyncGenerator[Gigbook]:
    address = url.address.replace("+psycopg", "")
    async with AsyncExitStack() as stack:
        program = await stack.enter_async_context(running(address, PAYMENT_GATEWAY_SECONDS=GATEWAY_SECONDS))
        base = await program.url()
        api = await stack.enter_async_context(httpx.AsyncClient(base_url=base, timeout=None, verify=False))
        found = Gigbook(program, api)
        try:
            yield found
        finally:
            if program.process.returncode is None:
                await found.end(signal.SIGKILL)


@pytest.mark.parametrize("method", ["slow:20", "late:20"])
async def test_a_kill_in_the_middle_of_a_charge_costs_a_moment_and_no_money(
    url: DatabaseUrl, books: Books, method: str
) -> None:
    async with gigbook(url) as first:
        (booking,) = await first.held(1)
        paying = asyncio.create_task(first.pay(booking, method, "a"))
        # After it the gateway has the money, or has the request, and we have stored nothing but the intent.
        await books.until(lambda: bool(books.payments()) and (bool(books.moved()) or method.startswith("slow")))
        await first.end(signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            await paying
    assert [row["status"] for row in books.payments()] == ["pending"]

    async with gigbook(url) as second:
        await books.settled()
        again = await second.pay(booking, method, "a")
        status = (await second.api.get(f"/api/bookings/{booking}")).json()["status"]

    assert (again.status_code, again.json()["status"], again.headers["idempotency-replayed"]) == (
        *(201, "succeeded"),
        "true",
    )
    assert status == "confirmed"
    assert list(books.moved().values()) == [12_50]
    books.agree()


async def test_a_stop_in_the_middle_of_a_charge_leaves_it_pending_and_the_next_start_settles_it(
    url: DatabaseUrl, books: Books
) -> None:
    async with gigbook(url) as first:
        (booking,) = await first.held(1)
        paying = asyncio.create_task(first.pay(booking, "slow:20", "a"))
        await books.until(lambda: bool(books.payments()))
        assert await first.end(signal.SIGTERM) == 0
        response = await paying
    assert (response.status_code, response.json()["status"]) == (201, "pending")
    assert [row["status"] for row in books.payments()] == ["pending"]

    async with gigbook(url):
        await books.settled()

    assert list(books.moved().values()) == [12_50]
    books.agree()


async def test_two_programs_on_one_database_take_one_deposit_and_give_it_back_once(
    url: DatabaseUrl, books: Books
) -> None:
    async with gigbook(url) as one, gigbook(url) as other:
        bookings = await one.held(5)
        for booking in bookings:
            paid = await asyncio.gather(
                *(program.pay(booking, "slow:0.1", f"{booking}/{n}") for n in range(4) for program in (one, other))
            )
            assert sorted({response.status_code for response in paid}) == [201, 409]
            ids = {response.json()["id"] for response in paid if response.status_code == 201}
            assert len(ids) == 1
            path = f"/api/payments/{ids.pop()}/refund"
            refunds = await asyncio.gather(*(program.api.post(path) for _ in range(4) for program in (one, other)))
            assert sorted(response.status_code for response in refunds) == [201] + [409] * 7
        await books.settled()

    assert sorted(books.moved().values()) == [-12_50] * 5 + [12_50] * 5
    books.agree()


async def test_what_one_program_has_begun_another_brings_to_its_end(url: DatabaseUrl, books: Books) -> None:
    async with gigbook(url) as one, gigbook(url) as other:
        (booking,) = await one.held(1)
        paying = asyncio.create_task(one.pay(booking, "late:20", "a"))
        await books.until(lambda: bool(books.moved()))
        await one.end(signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            await paying

        await books.settled()
        (listed,) = (await other.api.get("/api/payments")).json()

    assert listed["status"] == "succeeded"
    books.agree()


METHODS = ["ok", "ok", "declined", "timeout", "timeout:uncharged", "down", "slow:0.3", "late:0.3", "late:3"]


@dataclass
class Guest:
    """Pays for a booking, and has it back or not; sends the same request again until it is answered."""

    booking: int
    address: Callable[[], str]

    async def come(self) -> None:
        chance = random.Random(self.booking)
        for number in range(3):
            body = {"booking_id": self.booking, "amount": 12_50, "currency": "EUR", "method": chance.choice(METHODS)}
            paid = await self._insist("/api/payments", f"{self.booking}/{number}", body)
            if paid.status_code == 201 and paid.json()["status"] != "declined":
                if chance.random() < 0.5:
                    id = paid.json()["id"]
                    await self._insist(f"/api/payments/{id}/refund", f"{id}")
                return

    async def _insist(self, path: str, key: str, body: Json | None = None) -> httpx.Response:
        async with httpx.AsyncClient(timeout=None, verify=False) as api:
            while True:
                try:
                    response = await api.post(self.address() + path, json=body, headers={"Idempotency-Key": key})
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                if response.status_code < 500:
                    return response
                await asyncio.sleep(0.05)


# What a killed program had claimed is nobody else's for half a minute.
@pytest.mark.timeout(1200)
async def test_three_kills_under_load_cost_nobody_anything(url: DatabaseUrl, books: Books) -> None:
    chance = random.Random(8)
    addresses: list[str] = []
    guests: list[asyncio.Task[None]] = []
    for life in range(4):
        async with gigbook(url) as found:
            addresses.append(str(found.api.base_url).rstrip("/"))
            if not guests:
                bookings = await found.held(24)
                guests = [asyncio.create_task(Guest(booking, lambda: addresses[-1]).come()) for booking in bookings]
            if life < 3:
                await asyncio.sleep(chance.uniform(0.1, 1.5))  # at any moment
                await found.end(signal.SIGKILL)
            else:
                await asyncio.gather(*guests)
                await books.settled()

    assert len(books.payments()) >= 24
    books.agree()
