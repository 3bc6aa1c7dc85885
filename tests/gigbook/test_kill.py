"""`kill -9`, fifty times, while clients change all there is: nothing that was promised is lost, or done twice."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, NullPool, Table, create_engine, select, update

from gigbook.business.bookings.table import bookings
from gigbook.business.customers.table import customers
from gigbook.business.payments.ledger import ledger
from gigbook.business.payments.table import payments
from gigbook.business.users.table import users
from greenroom.infrastructure import DatabaseUrl, entity_reminders
from tests.gigbook.load import Load
from tests.gigbook.program import Program, running
from tests.gigbook.waiting import eventually

ROUNDS = 13
PARTS = 2
"""So many rounds, one after the other, so many times on each of the two databases."""

PER_ROUND = 60
"""How much is acknowledged before the program is killed, at least."""

SAVE_SECONDS = 0.1

CALM_SECONDS = 0.7
"""How long only names are changed: long enough for some that have to be there in the end."""

RUSH_SECONDS = 0.2
"""How long everything is changed then, at least."""

MANY = httpx.Limits(max_connections=64, max_keepalive_connections=64)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
async def test_a_kill_costs_names_of_the_last_moment_and_nothing_else(database_url: str, part: int) -> None:
    load = Load()
    async with AsyncExitStack() as programs:
        program, api = await programs.enter_async_context(served(database_url))
        await load.prepare(api)
        for round_ in range(part * ROUNDS, (part + 1) * ROUNDS):
            load.begin()
            clients = load.renamers(api, round_)
            # The next one is there already when this one is killed, as in a cluster.
            following = asyncio.create_task(programs.enter_async_context(served(database_url)))
            await asyncio.gather(following, asyncio.sleep(CALM_SECONDS))
            clients += load.rush(api, round_)
            await asyncio.gather(worked(load), asyncio.sleep(RUSH_SECONDS))
            written = load.pace.written(asyncio.get_running_loop().time(), within=2 * SAVE_SECONDS)
            program.signal(signal.SIGKILL)
            await asyncio.gather(*clients)
            program, api = following.result()
            assert await load.profiles.lost(api, written) == {}
            await load.ask_again(api)
        await eventually(lambda: is_settled(api, database_url))
    assert load.acknowledged >= ROUNDS * PER_ROUND
    Found.read(database_url).agrees_with(load)


@asynccontextmanager
async def served(database_url: str) -> AsyncGenerator[tuple[Program, httpx.AsyncClient]]:
    """The program, and a client of it."""
    async with running(database_url, SAVE_SECONDS=str(SAVE_SECONDS), PAYMENT_GATEWAY_SECONDS="1") as program:
        url = await program.url()
        drained = asyncio.create_task(program.ended())
        try:
            async with httpx.AsyncClient(base_url=url, timeout=None, limits=MANY, verify=False) as api:
                yield program, api
        finally:
            if program.process.returncode is None:
                program.signal(signal.SIGTERM)
            await drained
    assert [line for line in program.log if line["level"] == "error"] == []


async def worked(load: Load) -> None:
    enough = load.acknowledged + PER_ROUND
    await eventually(lambda: has(load, enough))


async def has(load: Load, many: int) -> bool:
    return load.acknowledged >= many


async def is_settled(api: httpx.AsyncClient, database_url: str) -> bool:
    """Whether every payment has an outcome; if not, let as much time pass as it takes until the gateway is asked."""
    # What a killed program had claimed is free after half a minute only, and after some tries the pauses are long.
    with opened(database_url).begin() as connection:
        due = {"due": datetime.now(UTC), "held_until": None}
        connection.execute(update(entity_reminders).where(entity_reminders.c.kind == "payment").values(**due))
    await asyncio.sleep(1)
    pending: list[object] = (await api.get("/api/payments?status=pending")).json()
    return pending == []


def opened(database_url: str) -> Engine:
    url = DatabaseUrl.parse(database_url)
    return create_engine(f"sqlite:///{url.address}" if url.kind == "file" else url.address, poolclass=NullPool)


@dataclass(frozen=True)
class Found:
    """What is in the database in the end."""

    customers: list[Any]
    users: list[Any]
    bookings: list[Any]
    payments: list[Any]
    ledger: list[Any]

    @classmethod
    def read(cls, database_url: str) -> "Found":
        def rows(table: Table) -> list[Any]:
            return [*connection.execute(select(table))]

        with opened(database_url).connect() as connection:
            return cls(*map(rows, (customers, users, bookings, payments, ledger)))

    def agrees_with(self, load: Load) -> None:
        assert load.customers.contradictions({row.id: row.name for row in self.customers}) == []
        assert load.profiles.addresses.contradictions({row.id: row.email for row in self.users}) == []
        assert self._contradicted_bookings(load) == []
        assert self._contradicted_payments(load) == []
        self._nobody_is_booked_twice()
        self._nobody_pays_twice()

    def _contradicted_bookings(self, load: Load) -> list[int]:
        stored = {row.id: row.status for row in self.bookings}
        by_money = {id for id in load.paid_for if (load.bookings.values[id], stored[id]) == ("held", "confirmed")}
        return [id for id in load.bookings.contradictions(stored) if id not in by_money]

    def _contradicted_payments(self, load: Load) -> list[int]:
        stored = {row.id: row.status for row in self.payments}
        return [id for id in load.payments.contradictions(stored) if load.payments.values[id] != "pending"]

    def _nobody_is_booked_twice(self) -> None:
        live = sorted(
            (row.venue_id, row.starts_at, row.ends_at) for row in self.bookings if row.status in ("held", "confirmed")
        )
        assert all(one[0] != other[0] or one[2] <= other[1] for one, other in pairwise(live))

    def _nobody_pays_twice(self) -> None:
        """The bank's books say the same as ours: one charge for each deposit that succeeded, and no other."""
        moved = Counter((row.kind, row.outcome) for row in self.ledger)
        ours = Counter((row.kind, row.status) for row in self.payments)
        assert {row.status for row in self.payments} <= {"succeeded", "declined"}
        assert moved["charge", "succeeded"] == ours["deposit", "succeeded"] > 0
        assert moved["refund", "succeeded"] == ours["refund", "succeeded"] > 0
        charges = {row.id for row in self.ledger if (row.kind, row.outcome) == ("charge", "succeeded")}
        assert charges == {row.reference for row in self.payments if (row.kind, row.status) == ("deposit", "succeeded")}
        given_back = {row.refunds for row in self.payments if (row.kind, row.status) == ("refund", "succeeded")}
        kept = Counter(
            row.booking_id
            for row in self.payments
            if (row.kind, row.status) == ("deposit", "succeeded") and row.id not in given_back
        )
        assert max(kept.values(), default=0) <= 1
