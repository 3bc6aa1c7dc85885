"""The real program as a child of the test: `python -m gigbook serve`, its log, and its end."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Program:
    """One that was started. `log` has the lines that were read so far."""

    process: asyncio.subprocess.Process
    log: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def logged(self, event: str) -> dict[str, Any]:
        """Wait for the line of this event."""
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            entry: dict[str, Any] = json.loads(line)
            self.log.append(entry)
            if entry["event"] == event:
                return entry
        raise AssertionError(f"expected {event!r} in the log, got {self.log}")

    async def url(self) -> str:
        """Where it serves, once it does."""
        entry = await self.logged("serving")
        return str(entry["url"])

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        """The exit code; the rest of the log is read first, so that a full pipe holds nothing up."""
        assert self.process.stderr is not None
        rest = await self.process.stderr.read()
        self.log.extend(json.loads(line) for line in rest.splitlines())
        return await self.process.wait()


@asynccontextmanager
async def running(database_url: str | Path, **environment: str) -> AsyncGenerator[Program]:
    """Start the program on any free port; it is killed at the end if it still runs."""
    program = Program(await _start("serve", database_url, environment))
    try:
        yield program
    finally:
        if program.process.returncode is None:
            program.process.kill()
            await program.ended()


async def outcome(command: str, database_url: str | Path, *options: str, **environment: str) -> tuple[int, str, str]:
    """Run a command that ends by itself: its exit code and what it said."""
    async with starting(command, database_url, *options, **environment) as process:
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def starting(
    command: str, database_url: str | Path, *options: str, **environment: str
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Start a command; it is killed at the end if it still runs."""
    process = await _start(command, database_url, environment, *options)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def _start(
    command: str, database_url: str | Path, environment: dict[str, str], *options: str
) -> asyncio.subprocess.Process:
    given = {"DATABASE_URL": str(database_url), "PORT": "0", "LOG_FORMAT": "json", **environment}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gigbook", command, *options),
        env={**os.environ, **given},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
