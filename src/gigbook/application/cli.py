"""The command line: `python -m gigbook serve` and its siblings. Each command imports what it needs when it runs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from datetime import date, datetime
from typing import NoReturn

import click

from gigbook.application import settings as environment
from gigbook.application.settings import Settings, SettingsError


class _Configured(click.Command):
    """A command whose help tells what the environment may set."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the settings below the options."""
        with formatter.section("Environment"):
            formatter.write_dl([(f"{name}={default}", purpose) for name, default, purpose in environment.described()])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="greenroom", prog_name="gigbook", message="%(prog)s %(version)s")
def main() -> None:
    """Gigbook: venues, artists, bookings, payments and customers."""


@main.command(cls=_Configured)
def serve() -> None:
    """Migrate the database, then serve the API until SIGTERM or Ctrl-C."""
    settings = _settings()
    from gigbook.application import service

    try:
        service.run(settings)
    except service.CannotStart as error:
        _fail(str(error))


@main.command(cls=_Configured)
def migrate() -> None:
    """Bring the database to the schema of this release."""
    settings = _settings()
    from gigbook.application import service

    try:
        url = service.place(settings)
        done = service.migrated(url)
    except service.CannotStart as error:
        _fail(str(error))
    before = "already" if done.since == done.to else f"before at {done.since or 'nothing'}"
    click.echo(f"{url} is at {done.to}, {before}")


@main.command(cls=_Configured)
@click.option("--venues", type=click.IntRange(1, 100_000), default=200, show_default=True)
@click.option("--artists", type=click.IntRange(1, 1_000_000), default=2000, show_default=True)
@click.option("--bookings", type=click.IntRange(0, 1_000_000), default=5000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Another one makes another city.")
@click.option("--from", "first_day", type=click.DateTime(["%Y-%m-%d"]), help="The first day of gigs; tomorrow.")
@click.option("--add", is_flag=True, help="Do it although there are users or venues already.")
def seed(venues: int, artists: int, bookings: int, seed: int, first_day: datetime | None, add: bool) -> None:
    """Fill the database with a city: venues, artists and others, and what they have booked.

    The same seed, numbers and first day make the same city in every empty database.
    """
    settings = _settings()
    try:
        size = {"venues": venues, "artists": artists, "bookings": bookings}
        _seed(settings, size, seed, first_day.date() if first_day else None, add=add)
    except KeyboardInterrupt:
        _fail("interrupted: what has been made so far is there, and whole", status=128 + signal.SIGINT)


def _seed(settings: Settings, size: Mapping[str, int], seed: int, first_day: date | None, *, add: bool) -> None:
    from gigbook.application import service
    from gigbook.application.seed import program
    from gigbook.application.seed.city import Size

    try:
        program.run(settings, Size(**size), seed, first_day, add=add)
    except (service.CannotStart, program.CannotSeed) as error:
        _fail(str(error))


def _settings() -> Settings:
    try:
        return environment.read(os.environ)
    except SettingsError as error:
        _fail(str(error), status=2)


def _fail(reason: str, status: int = 1) -> NoReturn:
    click.echo(f"gigbook: {' '.join(reason.split())}", err=True)
    sys.exit(status)
