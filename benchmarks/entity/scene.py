"""The entity that is measured, and the tree around it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import sqlalchemy as sa

from greenroom import Supervisor, child
from greenroom.infrastructure import (
    Database,
    DatabaseSettings,
    DatabaseUrl,
    Entity,
    EntitySettings,
    Home,
    Memory,
    Snapshots,
    entities,
    entity_snapshots,
)
from greenroom.infrastructure.entity.dormant import hibernate

BATCH = 1000


@dataclass(frozen=True)
class Profile:
    """About what a venue keeps of itself."""

    name: str = "The Blue Note, 131 West 3rd Street"
    city: str = "New York"
    plays: int = 0
    slots: tuple[str, ...] = ("Friday", "Saturday", "Sunday")


@dataclass
class Venue(Entity[int, Profile], kind="venue"):
    """Answers from memory, and changes at two levels of durability."""

    def initial(self) -> Profile:
        return Profile(f"venue {self.key}")

    async def plays(self) -> int:
        return self.state.plays

    async def play(self) -> None:
        self.save_later(replace(self.state, plays=self.state.plays + 1))

    async def book(self) -> None:
        await self.save(replace(self.state, plays=self.state.plays + 1))


@asynccontextmanager
async def running(
    url: DatabaseUrl, home: Home[Profile] | Memory[Profile] | None = None, settings: EntitySettings | None = None
) -> AsyncGenerator[None]:
    """The venues of a database; in snapshots, unless another home is given."""
    tree = await Supervisor.start(
        [
            child(Database, url, settings=DatabaseSettings(max_waiting=1_000_000)).named("database"),
            entities(Venue, home or Snapshots(Profile), settings),
        ],
        strategy="one_for_one",
    )
    try:
        yield
    finally:
        await tree.stop("shutdown")


def prepared(url: DatabaseUrl, rows: int) -> DatabaseUrl:
    """The database, with so many venues in it and nothing else."""
    engine = sa.create_engine(url.address if url.kind == "postgresql" else f"sqlite:///{url.address}")
    entity_snapshots.metadata.drop_all(engine)
    entity_snapshots.metadata.create_all(engine)
    home, now = Snapshots(Profile), datetime.now(UTC)
    with engine.begin() as connection:
        values = [
            {"id": f"venue/{key}", "version": 1, **home.write("venue", key, Profile(f"venue {key}"), now)}
            for key in range(rows)
        ]
        if values:
            connection.execute(sa.insert(entity_snapshots), values)
    engine.dispose()
    return url


async def ask_all(keys: Iterable[int]) -> None:
    """Ask each of these venues for something, a thousand at once; those that are not there are started."""
    waiting = list(keys)
    for at in range(0, len(waiting), BATCH):
        await asyncio.gather(*(Venue.at(key).within(60.0).call(Venue.plays) for key in waiting[at : at + BATCH]))


def pack(keys: Iterable[int]) -> None:
    """Have these venues hibernate, without waiting until they would."""
    for key in keys:
        process = Venue.at(key).find()
        hibernate(process, process.server, process.server.__runtime__)


async def timed(work: Awaitable[object]) -> float:
    """How many seconds it takes."""
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def rate(callers: int, seconds: float, change: Callable[[int], Awaitable[object]]) -> float:
    """How many changes a second so many callers make, each of whom waits for its answer."""
    done = 0
    end = time.perf_counter() + seconds

    async def one(caller: int) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await change(caller)
            done += 1

    started = time.perf_counter()
    await asyncio.gather(*map(one, range(callers)))
    return done / (time.perf_counter() - started)
