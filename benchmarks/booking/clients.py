"""Those who want to book: each has a connection, and asks, holds and confirms until the time is over."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

CLIENTS = 64
VENUES = 100
DAYS = 5
HOURS = 24


@dataclass(frozen=True)
class Wish:
    """A time at a venue."""

    venue: int
    start: datetime
    end: datetime

    def as_draft(self, venue_id: int, artist_id: int) -> dict[str, Any]:
        times = {"starts_at": self.start.isoformat(), "ends_at": self.end.isoformat()}
        return {"venue_id": venue_id, "artist_id": artist_id, "title": "Somebody plays", **times}


@dataclass
class Told:
    """What the server has answered."""

    seconds: list[float] = field(default_factory=list[float])
    """How long each request took."""

    statuses: Counter[str] = field(default_factory=Counter[str])
    confirmed: dict[int, Wish] = field(default_factory=dict[int, Wish])
    refused: list[Wish] = field(default_factory=list[Wish])
    duration: float = 0.0


class Connection:
    """HTTP/1.1 as plainly as can be: the client must cost less than the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, told: Told) -> None:
        self._reader = reader
        self._writer = writer
        self._told = told

    async def post(self, path: str, body: object) -> tuple[int, Any]:
        payload = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
        )
        began = time.perf_counter()
        self._writer.write(head.encode() + b"\r\n" + payload)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answer.partition(b"content-length:")[2].partition(b"\r\n")[0])
        content = await self._reader.readexactly(length)
        self._told.seconds.append(time.perf_counter() - began)
        status = int(answer[9:12])
        self._told.statuses[f"{path.rpartition('/')[2]} {status}"] += 1
        return status, json.loads(content)

    def close(self) -> None:
        self._writer.close()


def wishes(client: int) -> Iterator[Wish]:
    """What this client wants, the same in every run."""
    chance = Random(client)
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    while True:
        start = first + timedelta(hours=chance.randrange(DAYS * HOURS))
        yield Wish(chance.randrange(VENUES), start, start + timedelta(hours=chance.randint(1, 3)))


async def fight(port: int, venues: list[int], artists: list[int], seconds: float) -> Told:
    """Let all clients book for so long."""
    told = Told()
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CLIENTS)]
    connections = [Connection(*stream, told) for stream in streams]
    began = time.perf_counter()
    clients = [
        _book(connection, number, venues, artists[number % len(artists)], told, began + seconds)
        for number, connection in enumerate(connections)
    ]
    await asyncio.gather(*clients)
    told.duration = time.perf_counter() - began
    for connection in connections:
        connection.close()
    return told


async def _book(connection: Connection, number: int, venues: list[int], artist: int, told: Told, until: float) -> None:
    for wish in wishes(number):
        if time.perf_counter() > until:
            return
        status, booking = await connection.post("/api/bookings", wish.as_draft(venues[wish.venue], artist))
        for step in ("hold", "confirm"):
            if status in (200, 201):
                status, _ = await connection.post(f"/api/bookings/{booking['id']}/{step}", {})
        if status == 200:
            told.confirmed[booking["id"]] = wish
        elif status == 409:
            told.refused.append(wish)
