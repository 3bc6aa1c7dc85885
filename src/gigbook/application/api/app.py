"""The ASGI application: every resource's routes in one router, and the document that describes them."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Final

from starlette.routing import Route, Router

from gigbook.application.api import (
    bookings,
    customers,
    docs,
    health,
    payments,
    users,
    venue_calendar,
    venue_events,
    venues,
)
from gigbook.application.api.answers import Answer, Content, encode
from gigbook.application.api.endpoint import Endpoint, Nowhere
from gigbook.application.api.operations import get
from gigbook.application.api.request import Request

DOCUMENTED: Final = (
    *customers.ROUTES,
    *users.ROUTES,
    *bookings.ROUTES,
    *venues.ROUTES,
    *venue_events.ROUTES,
    *venue_calendar.ROUTES,
    *payments.ROUTES,
    *health.ROUTES,
)
"""What the OpenAPI document describes, the busiest first: the router tries them in this order."""


def application() -> Router:
    """The whole API. It needs the tree's processes only when a request comes."""
    endpoints = (
        *DOCUMENTED,
        Endpoint("/", get(_redirect)),
        Endpoint("/openapi.json", get(_describe)),
        *docs.ROUTES,
    )
    routes = [Route(endpoint.path, endpoint) for endpoint in endpoints]
    return Router(routes, redirect_slashes=False, default=Nowhere())


async def _redirect(_: Request) -> Answer:
    return Answer(307, b"", ((b"location", customers.PATH.encode()),))


async def _describe(_: Request) -> Content:
    return Content(_document(), "application/json")


@cache
def _document() -> bytes:
    # Imported at the first look: the service starts sooner without it.
    from gigbook.application.api.openapi import document

    return encode(document("Gigbook", version("greenroom"), DOCUMENTED))
