"""The servers under test, each a process of its own on a free port."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

COMMANDS = {
    "gigbook": ("-m", "gigbook", "serve"),
    "fastapi": ("-m", "benchmarks.booking.on_fastapi"),
}
TITLES = {"gigbook": "Gigbook", "fastapi": "FastAPI + SQLAlchemy"}
PATIENCE = 30.0


@asynccontextmanager
async def running(system: str, database_url: str) -> AsyncGenerator[int]:
    """The port of a server that answers; neither logs its requests."""
    port = free_port()
    given = {"DATABASE_URL": database_url, "PORT": str(port), "LOG_LEVEL": "warning"}
    process = await asyncio.create_subprocess_exec(sys.executable, *COMMANDS[system], env={**os.environ, **given})
    try:
        await answers(port, process)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


async def answers(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient() as client:
        while True:
            try:
                await client.get(f"http://127.0.0.1:{port}/health")
            except httpx.TransportError:
                if process.returncode is not None:
                    raise SystemExit(f"expected the server to answer, but it ended with {process.returncode}") from None
                await asyncio.sleep(0.05)
            else:
                return
