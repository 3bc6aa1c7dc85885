"""The real program as a child of the test: `python -m gigbook serve`, its log, and its end."""

import asyncio
import json
import os
import signal
import sys
from asyncio import StreamReader
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from tests.forking import Fork, fork


class Process(Protocol):
    """What tests do with a process of asyncio's."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    @property
    def stdout(self) -> StreamReader | None: ...
    @property
    def stderr(self) -> StreamReader | None: ...
    def send_signal(self, signal: int) -> None: ...
    async def wait(self) -> int: ...
    async def communicate(self) -> tuple[bytes, bytes]: ...


Start: TypeAlias = Callable[[list[str], dict[str, str]], Awaitable[Process]]
"""Starts Gigbook with these arguments, and this in its environment."""


@dataclass
class Program:
    """One that was started. `log` has the lines that were read so far."""

    process: Process
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


async def spawned(arguments: list[str], environment: dict[str, str]) -> Process:
    """Start it as an operator does."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gigbook", *arguments),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@dataclass
class Forked:
    """A process that was forked, in the words of asyncio."""

    fork: Fork
    stdout: StreamReader
    stderr: StreamReader
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        asyncio.get_running_loop().add_reader(self.fork, self._end)

    @property
    def pid(self) -> int:
        return self.fork.pid

    @property
    def returncode(self) -> int | None:
        return self.fork.returncode

    def send_signal(self, signal: int) -> None:
        self.fork.send_signal(signal)

    async def wait(self) -> int:
        await self._ended.wait()
        return self.fork.wait()

    async def communicate(self) -> tuple[bytes, bytes]:
        said = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return said

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self.fork)
        self.fork.wait()
        self._ended.set()


async def forked(arguments: list[str], environment: dict[str, str]) -> Forked:
    """Start it at once."""
    (out, its_out), (err, its_err) = os.pipe(), os.pipe()
    found = fork("gigbook", *arguments, stdio=(0, its_out, its_err), environment=environment)
    for file in (its_out, its_err):
        os.close(file)
    return Forked(found, await _reader(out), await _reader(err))


async def _reader(file: int) -> StreamReader:
    reader = StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(file, "rb", buffering=0)
    )
    return reader


@asynccontextmanager
async def running(database_url: str | Path, start: Start = forked, /, **environment: str) -> AsyncGenerator[Program]:
    """Start the program on any free port; it is killed at the end if it still runs."""
    async with starting("serve", database_url, start=start, **environment) as process:
        yield Program(process)


async def outcome(
    command: str, database_url: str | Path, *options: str, start: Start = forked, **environment: str
) -> tuple[int, str, str]:
    """Run a command that ends by itself: its exit code and what it said."""
    async with starting(command, database_url, *options, start=start, **environment) as process:
        out, err = await process.communicate()
        return await process.wait(), out.decode(), err.decode()


@asynccontextmanager
async def starting(
    command: str, database_url: str | Path, *options: str, start: Start = forked, **environment: str
) -> AsyncGenerator[Process]:
    """Start a command; it is killed at the end if it still runs."""
    # A hundred connections of each would be more than a server of PostgreSQL takes from all.
    given = {
        "DATABASE_URL": str(database_url),
        "PORT": "0",
        "LOG_FORMAT": "json",
        "MAX_CONNECTIONS": "4",
        **environment,
    }
    process = await start([command, *options], given)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.communicate()
