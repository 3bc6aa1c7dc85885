"""Doors with any application behind them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from gigbook.application.door import Door


@asynccontextmanager
async def opened(app: ASGIApp, drain_seconds: float = 1.0, most_streams: int = 1000) -> AsyncGenerator[Door]:
    """An open door on any free port, closed at the end."""
    door = Door("127.0.0.1", 0, drain_seconds, most_streams)
    await door.open(app, until=asyncio.Event().wait())
    yield door
    await door.close()
