"""One run of `gigbook seed`: migrate, start the tree, fill it while a bar tells how far that is, stop the tree."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from time import perf_counter

import click

from gigbook.application import logs, service
from gigbook.application.seed.city import Size, city, horizon
from gigbook.application.seed.filling import CannotFill, fill
from gigbook.application.settings import Settings
from gigbook.business import bookings, users, venues
from greenroom.infrastructure import DatabaseError, DatabaseUrl


class CannotSeed(Exception):
    """The city can not be made here; the message says why, in one line."""


def run(settings: Settings, size: Size, seed: int, first_day: date | None, *, add: bool) -> None:
    """Fill the database, from tomorrow on if no day is given.

    Raises:
        CannotStart: the database is not as it must be.
        CannotSeed: the database has users or venues already and none should be added, or no gig can be on that day.
        KeyboardInterrupt: somebody has pressed Ctrl-C; the tree has stopped in good order.
    """
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    _check(first_day or tomorrow, tomorrow, size)
    logs.configure(settings)
    url = service.place(settings)
    service.migrated(url)
    began = perf_counter()
    with asyncio.Runner(loop_factory=service.loop_factory()) as runner:
        runner.run(_seed(settings, url, size, seed, first_day or tomorrow, add))
    click.echo(f"{url} has a city with {size.bookings} bookings more, after {perf_counter() - began:.1f} s")


def _check(first_day: date, tomorrow: date, size: Size) -> None:
    if first_day < tomorrow:
        raise CannotSeed(f"expected the first day to be {tomorrow} or later, got {first_day}: gigs lie in the future")
    latest = date(bookings.LATEST_YEAR, 12, 31) - timedelta(days=horizon(size))
    if first_day > latest:
        raise CannotSeed(f"expected the first day to be {latest} or earlier for so many bookings, got {first_day}")


async def _seed(settings: Settings, url: DatabaseUrl, size: Size, seed: int, first_day: date, add: bool) -> None:
    running = await service.started(settings, url, serves=False)
    try:
        present, halls = await users.count(users.Filter()), await venues.count(venues.Filter())
        if (present or halls) and not add:
            raise CannotSeed(f"{url} is not empty: it has {present} users and {halls} venues; --add adds to them")
        # In a thread: to decide on a large city takes seconds, in which the processes want to live.
        await fill(await asyncio.to_thread(city, size, seed, first_day, present + 1), _bar)
    except (CannotFill, DatabaseError) as error:
        raise CannotSeed(str(error)) from error
    finally:
        await running.stop("shutdown")


@contextmanager
def _bar(name: str, many: int) -> Generator[Callable[[int], None]]:
    began = perf_counter()

    def rate(done: int | None) -> str:
        return f"{(done or 0) / (perf_counter() - began):.0f}/s"

    with click.progressbar(length=many, label=f"{name:9}", show_pos=True, item_show_func=rate) as bar:
        yield lambda more: bar.update(more, bar.pos + more)
