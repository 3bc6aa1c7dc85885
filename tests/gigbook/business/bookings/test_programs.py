"""Bookings in the real program: killed under load, started again, and two of it on one database."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

import httpx
import pytest

from tests.gigbook.program import Program, running
from tests.gigbook.waiting import eventually

Json = dict[str, Any]

EVENING = datetime(2030, 11, 22, 12, tzinfo=UTC)

RANKS = ("requested", "held", "confirmed", "cancelled")
"""What the clients below ask for, in this order."""


@asynccontextmanager
async def served(url: str) -> AsyncGenerator[tuple[Program, httpx.AsyncClient]]:
    """The program, and a client of it; its log is read to the end."""
    async with (
        running(url) as program,
        httpx.AsyncClient(base_url=await program.url(), timeout=None, verify=False) as api,
    ):
        log = asyncio.create_task(program.ended())
        try:
            yield program, api
        finally:
            if program.process.returncode is None:
                program.signal(signal.SIGKILL)
            await log


async def venue_and_artist(api: httpx.AsyncClient) -> Json:
    venue = {"name": "Kit Kat", "city": "Berlin", "capacity": 9, "time_zone": "Europe/Berlin"}
    artist = {"name": "Nina", "email": "nina@example.com", "role": "artist"}
    ids = [
        (await api.post(path, json=body)).json()["id"]
        for path, body in (("/api/venues", venue), ("/api/users", artist))
    ]
    return {"venue_id": ids[0], "artist_id": ids[1], "title": "Nina plays Bach"}


def at(hour: int, base: Json) -> Json:
    start = EVENING + timedelta(hours=hour)
    return {**base, "starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}


async def all_bookings(api: httpx.AsyncClient) -> dict[int, Json]:
    found: dict[int, Json] = {}
    address: str | None = "/api/bookings?limit=200"
    while address:
        page = await api.get(address)
        found |= {it["id"]: it for it in page.json()}
        address = page.links.get("next", {}).get("url")
    return found


def assert_nobody_is_booked_twice(found: Mapping[int, Json]) -> None:
    live = sorted(
        (datetime.fromisoformat(it["starts_at"]), datetime.fromisoformat(it["ends_at"]))
        for it in found.values()
        if it["status"] in ("held", "confirmed")
    )
    assert all(one[1] <= other[0] for one, other in pairwise(live))


class Guest:
    """Asks for times and settles them, one step after the other, and remembers what was answered.

    Guests whose numbers are near each other want the same times.
    """

    def __init__(self, answered: dict[int, str], number: int) -> None:
        self.answered = answered
        self.number = number
        self.refused = 0
        self.has_enough = False

    async def go_on(self, api: httpx.AsyncClient, base: Json) -> None:
        """Until the program is gone, or the guest has had enough."""
        for turn in count(self.number):
            if self.has_enough:
                return
            try:
                await self._book(api, at(turn // 4, base), is_kept=turn % 3 == 0)
            except httpx.TransportError:
                return

    async def _book(self, api: httpx.AsyncClient, draft: Json, *, is_kept: bool) -> None:
        id = await self._note(await api.post("/api/bookings", json=draft))
        for step in ("hold", "confirm") if is_kept else ("hold", "confirm", "cancel"):
            if id is None:
                return
            id = await self._note(await api.post(f"/api/bookings/{id}/{step}", json={}))

    async def _note(self, response: httpx.Response) -> int | None:
        assert response.status_code in (200, 201, 409, 503), response.text
        if response.status_code == 409:
            self.refused += 1
        if not response.is_success:
            return None
        body = response.json()
        self.answered[body["id"]] = body["status"]
        id: int = body["id"]
        return id


@pytest.mark.timeout(1200)
async def test_no_answered_step_is_lost_when_the_program_is_killed_under_load(database_url: str) -> None:
    answered: dict[int, str] = {}
    base: Json | None = None
    for first in range(0, 4000, 1000):
        known = set(answered)
        async with served(database_url) as (program, api):
            base = base or await venue_and_artist(api)
            guests = [asyncio.create_task(Guest(answered, first + n).go_on(api, base)) for n in range(8)]
            await grown(answered, by=60)
            program.signal(signal.SIGKILL)
            await asyncio.gather(*guests)
        async with served(database_url) as (_, api):
            found = await all_bookings(api)
            assert_nobody_is_booked_twice(found)
            for id, status in answered.items():
                # The step that was under way when the program died may have been taken as well.
                assert RANKS.index(found[id]["status"]) in (RANKS.index(status), RANKS.index(status) + 1)
            for id in answered.keys() - known:
                history = (await api.get(f"/api/bookings/{id}/history")).json()
                assert history[-1]["what"] == found[id]["status"]
            answered |= {id: it["status"] for id, it in found.items()}


async def grown(answered: dict[int, str], *, by: int) -> None:
    """Wait until so many more bookings were answered."""
    goal = len(answered) + by

    async def is_reached() -> bool:
        return len(answered) >= goal

    await eventually(is_reached)


async def test_a_hold_expires_while_the_program_is_away_and_while_it_is_back(database_url: str) -> None:
    async with served(database_url) as (program, api):
        base = await venue_and_artist(api)
        short, long = [(await api.post("/api/bookings", json=at(n, base))).json()["id"] for n in range(2)]
        await api.post(f"/api/bookings/{short}/hold", json={"seconds": 1})
        held = (await api.post(f"/api/bookings/{long}/hold", json={"seconds": 6})).json()
        program.signal(signal.SIGKILL)
        await program.process.wait()

    async with served(database_url) as (_, api):

        async def has_expired(id: int) -> bool:
            return bool((await api.get(f"/api/bookings/{id}")).json()["status"] == "expired")

        await eventually(lambda: has_expired(short))
        found = (await api.get(f"/api/bookings/{long}")).json()
        assert found == held or datetime.now(UTC) >= datetime.fromisoformat(held["held_until"])
        await eventually(lambda: has_expired(long))
        # Both times are free again.
        again = [await api.post("/api/bookings", json=at(n, base)) for n in range(2)]
        assert [(await api.post(f"/api/bookings/{it.json()['id']}/confirm")).status_code for it in again] == [200, 200]


@pytest.mark.timeout(1200)
async def test_two_programs_on_one_database_never_give_out_a_time_twice(database_url: str) -> None:
    answered: dict[int, str] = {}
    async with served(database_url) as (_, one), served(database_url) as (_, other):
        base = await venue_and_artist(one)
        guests = [Guest(answered, n) for n in range(6)]
        going = [asyncio.create_task(it.go_on((one, other)[n % 2], base)) for n, it in enumerate(guests)]
        await grown(answered, by=80)
        for guest in guests:
            guest.has_enough = True
        await asyncio.gather(*going)
        found = [await all_bookings(api) for api in (one, other)]
        history = [(await one.get(f"/api/bookings/{id}/history")).json() for id in answered]

    assert found[0] == found[1]
    assert_nobody_is_booked_twice(found[0])
    for id, status in answered.items():
        assert found[0][id]["status"] == status
    assert all(len({it["what"] for it in entries}) == len(entries) for entries in history)
    assert sum(it.refused for it in guests) > 0
