"""Whether the service works, for load balancers and people: one line of text."""

from __future__ import annotations

from typing import Final

from gigbook.application.api.answers import Answer, text
from gigbook.application.api.endpoint import Endpoint
from gigbook.application.api.operations import get
from gigbook.application.api.request import Request
from gigbook.business.database import database
from greenroom import CallError
from greenroom.infrastructure import Database, Degraded, Healthy

PATIENCE: Final = 1.0


async def check_health(_: Request) -> Answer:
    """Tell if the service works.

    503 with the reason when changes or reads fail; it recovers by itself when the cause is gone.
    """
    try:
        health = await database.within(PATIENCE).call(Database.health)
    except CallError:
        return text(503, "Degraded: the database does not answer")
    match health:
        case Healthy():
            return text(200, "OK")
        case Degraded(reason):
            return text(503, f"Degraded: the database is {reason}")


ROUTES: Final = (Endpoint("/health", get(check_health, texts={200: "text/plain", 503: "text/plain"})),)
