"""Where clients come in: a listening socket with uvicorn behind it, in the loop that everything else runs in."""

from __future__ import annotations

import asyncio
import math
import os
import socket
from collections.abc import Coroutine
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from gigbook.application.connection import PATIENCE, Connection
from gigbook.application.streams import STATE, Streams

BACKLOG: Final = 2048
KEEP_ALIVE: Final = 75

SECONDS_TO_END: Final = 1.0
"""How long a client whose stream ends may take to hear of it."""

SECONDS_TO_LOOK: Final = 0.005
"""How often to look whether the last connection has ended, while somebody waits for that."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("gigbook")


def authority(host: str, port: int) -> str:
    """The address as it stands in a URL, where an IPv6 address has brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class CannotListen(Exception):
    """The address can not be listened on, since it is taken, forbidden or unknown."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        # Python adds the address to the system's words; those of a name that is unknown have a negative number.
        known = error.errno is not None and error.errno > 0
        why = os.strerror(error.errno or 0) if known else error.strerror or str(error)
        super().__init__(f"cannot listen on {authority(host, port)}: {why.lower()}")


class Door:
    """An address, and what serves it now.

    It outlives the process that opened it. So the next one finds what a killed one left open, and the port, if any free
    one was asked for, stays the same.
    """

    def __init__(self, host: str, port: int, drain_seconds: float, most_streams: int = 1000) -> None:
        self.host = host
        self.port = port
        self._drain_seconds = drain_seconds
        self._most_streams = most_streams
        self._streams = Streams(most_streams)
        self._server: uvicorn.Server | None = None
        self._helpers: list[asyncio.Task[None]] = []

    async def open(self, app: ASGIApp, until: Coroutine[object, object, object]) -> None:
        """Let clients in, until `until` is over: who opens the door may be killed, and then cannot close it.

        Raises:
            CannotListen: the address is not to be had.
        """
        self.shut()
        try:
            listener = self._listen()
        except CannotListen:
            until.close()
            raise
        self.port = listener.getsockname()[1]
        server = uvicorn.Server(_config(app, self._drain_seconds))
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        self._streams = server.lifespan.state[STATE] = Streams(self._most_streams)
        await server.startup(sockets=[listener])
        self._server = server
        self._helpers = [
            asyncio.create_task(server.main_loop()),
            asyncio.create_task(self._look_after_clients()),
            asyncio.create_task(self._shut_after(until, server)),
        ]

    def give_up_slow_clients(self, now: float) -> None:
        """Close the connections of clients who have not finished a request in the time they have."""
        for connection in _connections(self._server) if self._server else ():
            connection.give_up(now)

    async def close(self) -> None:
        """Let nobody in, end all streams, and wait for the requests in flight, as long as was agreed."""
        server = self._leave()
        if server is not None:
            _let_nobody_in(server)
            cut = asyncio.get_running_loop().call_later(SECONDS_TO_END, _cut_streams, server)
            await _finished(server)
            cut.cancel()

    def shut(self) -> None:
        """Let nobody in, without waiting. Requests in flight are still answered; streams and idle connections end."""
        server = self._leave()
        if server is not None:
            _let_nobody_in(server)

    async def _look_after_clients(self) -> None:
        # One look at all of them now and then costs a request nothing; a timer for each would.
        while True:
            await asyncio.sleep(PATIENCE / 6)
            self.give_up_slow_clients(asyncio.get_running_loop().time())

    async def _shut_after(self, until: Coroutine[object, object, object], server: uvicorn.Server) -> None:
        await until
        if self._server is server:
            self.shut()

    def _leave(self) -> uvicorn.Server | None:
        for helper in self._helpers:
            helper.cancel()
        self._streams.close()
        server, self._server, self._helpers = self._server, None, []
        return server

    def _listen(self) -> socket.socket:
        try:
            (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
                self.host, self.port, proto=socket.IPPROTO_TCP
            )
            # The protocol has to be named: asyncio sends small segments at once only where it knows that it is TCP.
            listener = socket.socket(family, kind, protocol)
        except OSError as error:
            raise CannotListen(self.host, self.port, error) from error
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError as error:
            listener.close()
            raise CannotListen(self.host, self.port, error) from error
        return listener


def _let_nobody_in(server: uvicorn.Server) -> None:
    for listening in server.servers:
        listening.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()


async def _finished(server: uvicorn.Server) -> None:
    """Wait for all that is in flight, as long as was agreed, and end it then."""
    # uvicorn's own way takes a tenth of a second even where nobody is connected.
    state = server.server_state
    try:
        async with asyncio.timeout(server.config.timeout_graceful_shutdown):
            while state.connections or state.tasks:  # noqa: ASYNC110  # uvicorn's connections set no event
                await asyncio.sleep(SECONDS_TO_LOOK)
    except TimeoutError:
        log.warning("requests cut off", number=len(state.tasks))
        for task in state.tasks:
            task.cancel()
        # They still tell their clients.
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=1)


def _connections(server: uvicorn.Server) -> list[Connection]:
    every: list[object] = list(server.server_state.connections)
    return [connection for connection in every if isinstance(connection, Connection)]


def _cut_streams(server: uvicorn.Server) -> None:
    for connection in _connections(server):
        connection.cut_streams()


def _config(app: ASGIApp, drain_seconds: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        # Who the client is does not matter yet; trusting its word for it would.
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(drain_seconds),
    )
