"""The same API in the usual way: FastAPI, SQLAlchemy's asyncio, a transaction for each request, a lock on the venue.

It does less: no audit trail, no reminders, no ETags, no keys for requests that are sent again.
"""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import event, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from gigbook.business.bookings.table import bookings
from gigbook.business.users.table import users
from gigbook.business.venues.table import venues
from greenroom.infrastructure import DatabaseUrl

LIVE = ("held", "confirmed")
URL = DatabaseUrl.parse(os.environ["DATABASE_URL"])
ON_SQLITE = URL.kind == "file"


class Draft(BaseModel):
    venue_id: int
    artist_id: int
    title: str
    starts_at: datetime
    ends_at: datetime


class Hold(BaseModel):
    seconds: int = 900


def address() -> str:
    if ON_SQLITE:
        return f"sqlite+aiosqlite:///{URL.address}"
    return URL.address


# As many as a usual set-up has; on SQLite they wait for each other's locks.
engine = create_async_engine(address(), pool_size=20, max_overflow=0, pool_timeout=60)

if ON_SQLITE:

    @event.listens_for(engine.sync_engine, "connect")
    def durable(connection: Any, _: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "busy_timeout = 60000"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        # Reading first and writing later would fail whenever somebody else has written in between.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


async def transaction() -> AsyncIterator[AsyncConnection]:
    async with engine.begin() as connection:
        yield connection


Transaction = Annotated[AsyncConnection, Depends(transaction, scope="function")]

app = FastAPI()


@app.get("/health")
async def health() -> str:
    return "OK"


@app.post("/api/bookings", status_code=201)
async def request(draft: Draft, connection: Transaction) -> dict[str, Any]:
    venue = (await connection.execute(locked(draft.venue_id))).one_or_none()
    artist = (await connection.execute(select(users.c.role).where(users.c.id == draft.artist_id))).scalar()
    if venue is None or artist != "artist":
        raise HTTPException(400)
    await refuse_if_taken(connection, draft.venue_id, draft.starts_at, draft.ends_at)
    now = datetime.now(UTC)
    values = {**draft.model_dump(), "time_zone": venue.time_zone, "status": "requested"}
    row = insert(bookings).values(**values, created_at=now, updated_at=now).returning(*bookings.columns)
    return dict((await connection.execute(row)).mappings().one())


@app.post("/api/bookings/{id}/hold")
async def hold(id: int, body: Hold, connection: Transaction) -> dict[str, Any]:
    return await change(connection, id, "held", datetime.now(UTC) + timedelta(seconds=body.seconds))


@app.post("/api/bookings/{id}/confirm")
async def confirm(id: int, connection: Transaction) -> dict[str, Any]:
    return await change(connection, id, "confirmed", None)


async def change(connection: AsyncConnection, id: int, status: str, until: datetime | None) -> dict[str, Any]:
    venue_id = (await connection.execute(select(bookings.c.venue_id).where(bookings.c.id == id))).scalar()
    if venue_id is None:
        raise HTTPException(404)
    await connection.execute(locked(venue_id))
    booking = (await connection.execute(select(*bookings.columns).where(bookings.c.id == id))).one()
    if booking.status == "requested":
        await refuse_if_taken(connection, venue_id, booking.starts_at, booking.ends_at)
    elif booking.status != "held":
        raise HTTPException(409)
    values = {"status": status, "held_until": until, "updated_at": datetime.now(UTC), "version": booking.version + 1}
    row = update(bookings).where(bookings.c.id == id).values(**values).returning(*bookings.columns)
    return dict((await connection.execute(row)).mappings().one())


async def refuse_if_taken(connection: AsyncConnection, venue_id: int, start: datetime, end: datetime) -> None:
    overlap = (bookings.c.starts_at < end, bookings.c.ends_at > start)
    others = select(func.count()).where(bookings.c.venue_id == venue_id, bookings.c.status.in_(LIVE), *overlap)
    if (await connection.execute(others)).scalar():
        raise HTTPException(409)


def locked(venue_id: int) -> Any:
    """The venue, which nobody else may decide about until the end of the transaction."""
    chosen = select(venues.c.time_zone).where(venues.c.id == venue_id)
    return chosen if ON_SQLITE else chosen.with_for_update()


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
