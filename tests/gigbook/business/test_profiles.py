import asyncio
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import httpx

from gigbook.business.profiles import ProfileServer, stamp, stamped
from gigbook.business.refusals import Changed
from gigbook.business.versions import Versioned
from tests.gigbook.program import Program, running
from tests.pace import Pace

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Band:
    name: str
    updated_at: datetime


@dataclass
class BandServer(ProfileServer[Band], kind="band"):
    what = "Band"


BAND = Band("Quintet", NOON)


def test_a_version_is_the_same_wherever_the_profile_is() -> None:
    assert stamped(BAND) == Versioned(BAND, 7666495499817089695)


def test_another_change_in_the_same_moment_is_another_version() -> None:
    assert stamp(replace(BAND, name="Sextet")) != stamp(BAND)


def test_what_was_changed_back_is_another_version() -> None:
    assert stamp(replace(BAND, updated_at=NOON + timedelta(milliseconds=1))) != stamp(BAND)


async def test_a_profile_is_shown_and_deleted_at_the_version_that_it_has() -> None:
    band = BandServer.of(7, BAND)

    assert await band.get() == stamped(BAND)
    assert await band.delete(frozenset({1, 2})) == Changed(stamp(BAND))
    assert await band.delete(frozenset({1, stamp(BAND)})) is None


@dataclass
class Answered:
    """What a client was told: each capacity that a venue had, with the time, and the last address of a user."""

    pace: Pace
    capacities: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    email: str = "max@example.com"

    def stored(self, at: float) -> int:
        """The capacity that must be stored at this time, or a later one."""
        until = self.pace.written(at, within=2 * INTERVAL)
        return max((number for told, number in self.capacities if told < until), default=1)


MAX = {"name": "Max Gordon", "email": "max@example.com", "role": "venue_manager"}
VANGUARD = {"name": "Village Vanguard", "city": "New York", "capacity": 1, "time_zone": "America/New_York"}
INTERVAL = 0.1
ENOUGH = 100


async def test_a_kill_costs_a_profile_no_more_than_twice_the_interval(database_url: str) -> None:
    async with serving(database_url, SAVE_SECONDS=str(INTERVAL)) as (program, api):
        answered = await change(api, lambda told: told.stored(monotonic()) >= ENOUGH)
        program.signal(signal.SIGKILL)

    async with serving(database_url) as (_, api):
        venue, user = await shown(api)
    assert ENOUGH <= venue["capacity"] <= answered.capacities[-1][1]
    assert user["email"] == answered.email


async def test_a_signal_costs_a_profile_nothing_and_leaves_its_tag_as_it_was(database_url: str) -> None:
    async with serving(database_url, SAVE_SECONDS="3600") as (program, api):
        await change(api, lambda told: len(told.capacities) >= 20)
        before = await shown(api), await tags(api)
        program.signal(signal.SIGTERM)

    async with serving(database_url) as (_, api):
        assert (await shown(api), await tags(api)) == before


@asynccontextmanager
async def serving(database_url: str, **environment: str) -> AsyncGenerator[tuple[Program, httpx.AsyncClient]]:
    """The program and a client of it; at the end it is gone, by its own will if it was asked."""
    async with running(database_url, **environment) as program:
        url = await program.url()
        ended = asyncio.create_task(program.ended())
        async with httpx.AsyncClient(base_url=url, timeout=None, verify=False) as api:
            yield program, api
        if program.process.returncode is None:
            program.signal(signal.SIGTERM)
        await ended


async def change(api: httpx.AsyncClient, is_enough: Callable[[Answered], bool]) -> Answered:
    """Make a venue and a user, and change them without a pause; every tenth change is one that must be stored."""
    assert (await api.post("/api/venues", json=VANGUARD)).status_code == 201
    assert (await api.post("/api/users", json=MAX)).status_code == 201
    answered = Answered(Pace(monotonic()))
    number = 1
    while not is_enough(answered):
        number += 1
        assert (await api.patch("/api/venues/1", json={"capacity": number})).status_code == 200
        answered.capacities.append((monotonic(), number))
        if number % 10 == 0:
            email = f"max{number}@example.com"
            assert (await api.patch("/api/users/1", json={"email": email, "bio": str(number)})).status_code == 200
            answered.email = email
            answered.pace.note(monotonic())
    return answered


async def shown(api: httpx.AsyncClient) -> tuple[dict[str, Any], dict[str, Any]]:
    return (await api.get("/api/venues/1")).json(), (await api.get("/api/users/1")).json()


async def tags(api: httpx.AsyncClient) -> tuple[str, str]:
    return (await api.head("/api/venues/1")).headers["etag"], (await api.head("/api/users/1")).headers["etag"]
