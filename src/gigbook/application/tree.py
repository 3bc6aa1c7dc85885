"""The whole supervision tree."""

from __future__ import annotations

from typing import Final

from gigbook.application.api.app import application
from gigbook.application.door import Door
from gigbook.application.settings import Settings
from gigbook.application.web import WebServer
from gigbook.business import bookings, customers, database, payments, users, venues
from gigbook.business.forgetter import Forgetter
from gigbook.business.payments import LocalGateway, Terms
from greenroom import ChildSpec, Supervisor, child
from greenroom.infrastructure import Database, DatabaseUrl, EntitySettings

WEB: Final = "web"

SECONDS_TO_STOP: Final = 2.0
"""How long the database may take to write what it has accepted."""


def tree(settings: Settings, url: DatabaseUrl, *, serves: bool = True) -> ChildSpec[Supervisor]:
    """All processes of one Gigbook, in the order of their start; they stop in the reverse order.

    Each is restarted alone: none of them holds what another has in memory. Five restarts within a minute are one
    too many, and then Gigbook ends. A command that only works on the database `serves` nobody.
    """
    keeping = EntitySettings(idle=settings.entity_idle_seconds, save_interval=settings.save_seconds)
    return child(
        Supervisor,
        [
            child(Database, url, settings.max_connections).named(database.NAME).shutdown(SECONDS_TO_STOP),
            child(Forgetter).named("forgetter"),
            customers.processes(keeping),
            users.processes(keeping),
            venues.processes(keeping),
            bookings.processes(keeping),
            *payments.processes(keeping, LocalGateway(), Terms(gateway=settings.payment_gateway_seconds)),
            *([_web(settings)] if serves else []),
        ],
        strategy="one_for_one",
        max_restarts=5,
        max_seconds=60.0,
    ).named("gigbook")


def _web(settings: Settings) -> ChildSpec[WebServer]:
    door = Door(settings.host, settings.port, settings.shutdown_timeout, settings.max_streams)
    return child(WebServer, door, application).named(WEB).shutdown(settings.shutdown_timeout + 1)
