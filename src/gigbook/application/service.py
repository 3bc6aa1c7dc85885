"""One run of Gigbook: migrate, start the tree, wait for a signal, stop the tree."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

import structlog

from gigbook.application import logs
from gigbook.application.door import CannotListen, authority
from gigbook.application.settings import Settings
from gigbook.application.tree import WEB, tree
from gigbook.application.web import WebServer
from greenroom import FailedChild, Ref, Shutdown, StartFailed, Supervisor, calm_collector
from greenroom.infrastructure import DatabaseError, DatabaseUrl, Migrated, NewerDatabase, migrate, migrations_of

INTERRUPTED: Final = 130

MOST_FILES: Final = 200_000
"""More connections than one process can serve; some systems refuse to grant what they call unlimited."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("gigbook")


class CannotStart(Exception):
    """Gigbook can not run as it is set up; the message says why, in one line."""


def run(settings: Settings) -> None:
    """Migrate the database and serve until the end.

    Raises:
        CannotStart: the database, the address or the tree is not as it must be.
    """
    logs.configure(settings)
    url = place(settings)
    migrated(url)
    _allow_many_connections()
    # All that is imported by now stays; what requests leave behind is freed without the collector.
    calm_collector()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(settings, url))


def _allow_many_connections() -> None:
    """Take as many open files as the system grants: what it gives at first is meant for programs that use select."""
    if sys.platform != "win32":
        import resource

        now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MOST_FILES if most == resource.RLIM_INFINITY else min(most, MOST_FILES)
        if now < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The fastest event loop that there is for this system."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def place(settings: Settings) -> DatabaseUrl:
    """Where the database is.

    Raises:
        CannotStart: the settings name no place.
    """
    try:
        return DatabaseUrl.parse(settings.database_url)
    except ValueError as error:
        raise CannotStart(f"DATABASE_URL {error}") from error


def migrated(url: DatabaseUrl) -> Migrated:
    """Bring the database to the schema of this release.

    Raises:
        CannotStart: the database cannot be opened, or belongs to a newer release.
    """
    try:
        return migrate(url, migrations_of("gigbook"))
    except (DatabaseError, NewerDatabase) as error:
        raise CannotStart(f"cannot use the database {url}: {error}") from error


async def serve(settings: Settings, url: DatabaseUrl) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish what is in flight and stop everything in order.

    Raises:
        CannotStart: a part does not start, or the tree has given up.
    """
    asked = _asked_to_stop()
    try:
        await _serve_until(asked, settings, url)
    finally:
        _leave_signals()


async def _serve_until(asked: asyncio.Event, settings: Settings, url: DatabaseUrl) -> None:
    running = await started(settings, url)
    host, port = await Ref(WebServer, WEB).call(WebServer.address)
    log.info("serving", url=f"http://{authority(host, port)}", pid=os.getpid())
    down, stop = asyncio.ensure_future(running.down()), asyncio.ensure_future(asked.wait())
    await asyncio.wait({down, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if down.done():
        raise CannotStart(f"the supervision tree has given up: {down.result()}")
    log.info("stopping")
    await running.stop("shutdown")
    await down
    log.info("stopped")


async def started(settings: Settings, url: DatabaseUrl, *, serves: bool = True) -> Ref[Supervisor]:
    """The tree, once all of it runs.

    Raises:
        CannotStart: a part of it does not start.
    """
    try:
        return await tree(settings, url, serves=serves).start()
    except StartFailed as failed:
        raise CannotStart(_root(failed)) from failed


def _root(failed: StartFailed) -> str:
    """What stands at the end of "the tree did not start, since its child did not, since …"."""
    reason: object = failed
    while True:
        match reason:
            case StartFailed():
                failed, reason = reason, reason.reason
            case Shutdown(inner) | FailedChild(_, inner):
                reason = inner
            case CannotListen() | DatabaseError():
                return str(reason)
            case _:
                return str(failed)


def _asked_to_stop() -> asyncio.Event:
    """Set by the first SIGTERM or Ctrl-C; a second Ctrl-C ends the program at once."""
    asked = asyncio.Event()

    def interrupt() -> None:
        if asked.is_set():
            os._exit(INTERRUPTED)
        asked.set()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, asked.set)
    loop.add_signal_handler(signal.SIGINT, interrupt)
    return asked


def _leave_signals() -> None:
    loop = asyncio.get_running_loop()
    loop.remove_signal_handler(signal.SIGTERM)
    loop.remove_signal_handler(signal.SIGINT)
