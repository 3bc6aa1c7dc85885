"""The command line of the benchmark; see `benchmarks/bookings.py`."""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from uuid import uuid4

import httpx
import uvloop
from sqlalchemy import text

from benchmarks.booking.clients import CLIENTS, VENUES, Told, fight
from benchmarks.booking.page import Cell, as_markdown, as_svg, as_text
from benchmarks.booking.servers import TITLES, running
from benchmarks.booking.verdict import Verdict, judged, opened
from greenroom.infrastructure import DatabaseUrl

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "bookings.md"

INTRODUCTION = """\
# How many bookings a second

Made by `make bench ARGS='benchmarks/bookings.py --postgres URL'`. 64 clients fight for 100 venues through HTTP: each
asks for a random time, holds it and confirms it, in three requests. Beside Gigbook stands the same API written in the
usual way, with a lock on the venue in a transaction for each request:
[`on_fastapi.py`](../../benchmarks/booking/on_fastapi.py). It keeps no audit trail, sets no reminders, and knows no
ETags.

Then the database is read and compared with every answer. A conflict is lost when two bookings of a venue overlap, when
one that was confirmed is not there, or when somebody was refused for nothing.

![Bookings a second](bookings.svg)

"""

Round = tuple[Told, Verdict]


async def measured(database: str, url: str, seconds: float, rounds: int) -> list[Cell]:
    """Both servers in turn on one database, which is emptied of bookings in between."""
    place = DatabaseUrl.parse(url)
    venues, artists = await prepared(url)
    done: dict[str, list[Round]] = {system: [] for system in TITLES}
    for _ in range(rounds):
        for system, found in done.items():
            empty(place)
            async with running(system, url) as port:
                told = await fight(port, venues, artists, seconds)
            found.append((told, judged(place, venues, told)))
            print(".", end="", flush=True, file=sys.stderr)
    return [cell(system, database, found) for system, found in done.items()]


async def prepared(url: str) -> tuple[list[int], list[int]]:
    """The ids of venues that never close, and of artists."""
    async with running("gigbook", url) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as api:
        hall = {"name": "Hall", "city": "Berlin", "capacity": 100, "time_zone": "Europe/Berlin"}
        venues = [await made(api, "/api/venues", hall) for _ in range(VENUES)]
        artist = {"name": "Nina", "role": "artist"}
        artists = [
            await made(api, "/api/users", {**artist, "email": f"nina.{uuid4().hex}@example.com"})
            for _ in range(CLIENTS)
        ]
    return venues, artists


async def made(api: httpx.AsyncClient, path: str, body: Mapping[str, object]) -> int:
    response = await api.post(path, json=body)
    response.raise_for_status()
    id: int = response.json()["id"]
    return id


def empty(url: DatabaseUrl) -> None:
    """Forget all bookings. Their events stay, as events do; ids are not given out again, so nothing is mixed up."""
    engine = opened(url)
    with engine.begin() as connection:
        for table in ("bookings", "diaries", "entity_reminders"):
            connection.execute(text(f"DELETE FROM {table}"))
    engine.dispose()


def cell(system: str, database: str, found: Sequence[Round]) -> Cell:
    """The rounds of one server on one database as one row."""
    percentiles = [quantiles(told.seconds, n=100) for told, _ in found]
    return Cell(
        system,
        database,
        bookings=median(len(told.confirmed) / told.duration for told, _ in found),
        requests=median(len(told.seconds) / told.duration for told, _ in found),
        p50=median(it[49] for it in percentiles),
        p99=median(it[98] for it in percentiles),
        refused=median(len(told.refused) / (len(told.refused) + len(told.confirmed)) for told, _ in found),
        verdicts=[verdict for _, verdict in found],
    )


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/bookings.py", description="Bookings a second through HTTP.")
    parser.add_argument("--quick", action="store_true", help="everything once and short, to see that it runs")
    parser.add_argument("--postgres", metavar="URL", help="a database to spare, to measure PostgreSQL too")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each server runs (%(default)s)")
    return parser.parse_args()


async def main() -> None:
    """Measure, print the table, and keep the page if it is complete; a lost conflict is a failure."""
    given = options()
    seconds, rounds = (1.0, 1) if given.quick else (given.seconds, given.rounds)
    with tempfile.TemporaryDirectory() as folder:
        cells = await measured("SQLite", f"{folder}/bookings.db", seconds, rounds)
        if given.postgres:
            cells += await measured("PostgreSQL", given.postgres, seconds, rounds)
    print("\n" + as_text(cells))
    if given.postgres and not given.quick:
        method = f"median of {rounds} rounds of {seconds:g} s; clients on the same machine; nobody logs requests"
        PAGE.write_text(INTRODUCTION + as_markdown(cells, method))
        PAGE.with_suffix(".svg").write_text(as_svg(cells))
    if any(cell.faults != "none" for cell in cells):
        sys.exit("conflicts were lost")


if __name__ == "__main__":
    uvloop.run(main())
