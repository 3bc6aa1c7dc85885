"""A real browser for the tests of pages: Chromium, driven through the WebDriver protocol."""

import asyncio
import os
import re
import shutil
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any, Final, NoReturn

import httpx
import pytest

STARTED: Final = re.compile(r"started successfully on port (\d+)")

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""The browser talks to the test's own service and to nobody else, and needs no large /dev/shm."""

LONGEST: Final = 600_000
"""How many milliseconds a script or a page may take: the time that a test has ends first."""


@dataclass(frozen=True)
class Browser:
    """One window."""

    session: httpx.AsyncClient

    async def go(self, url: str) -> None:
        await self._ask("POST", "/url", {"url": url})

    async def run(self, script: str) -> Any:
        """What the script returns in the page; a promise is waited for."""
        return await self._ask("POST", "/execute/sync", {"script": script, "args": []})

    async def complaints(self) -> list[str]:
        """What the browser has to say against the page."""
        lines: list[dict[str, str]] = await self._ask("POST", "/se/log", {"type": "browser"})
        return [line["message"] for line in lines]

    async def _ask(self, method: str, path: str, body: dict[str, Any]) -> Any:
        response = await self.session.request(method, path, json=body)
        assert response.is_success, response.text
        return response.json()["value"]


@asynccontextmanager
async def browsing() -> AsyncGenerator[Browser]:
    """Open a window; skips the test where there is no Chromium, and fails it under CI."""
    driver = shutil.which("chromedriver") or _missing()
    # Chromium inherits what the driver writes to, so no pipe of ours may be among it: nobody would hear of the end.
    with TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(
            driver, "--port=0", stdout=said, stderr=asyncio.subprocess.DEVNULL, start_new_session=True
        )
        try:
            async with _session(f"http://127.0.0.1:{await _port(said, process)}") as browser:
                yield browser
        finally:
            # The driver and whatever it has started.
            os.killpg(process.pid, signal.SIGTERM)
            await process.wait()


def _missing() -> NoReturn:
    missing = "expected chromedriver to be installed, for example by 'apt-get install chromium-driver'"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


async def _port(said: IO[bytes], driver: Process) -> str:
    """Where the driver listens, once it does and has said so."""
    while True:
        text = os.pread(said.fileno(), 65536, 0).decode()
        if found := STARTED.search(text):
            return found[1]
        assert driver.returncode is None, text
        await asyncio.sleep(0.01)


@asynccontextmanager
async def _session(driver: str) -> AsyncGenerator[Browser]:
    wanted = {
        "browserName": "chrome",
        "timeouts": {"script": LONGEST, "pageLoad": LONGEST},
        "goog:chromeOptions": {"args": FLAGS},
        "goog:loggingPrefs": {"browser": "ALL"},
    }
    async with httpx.AsyncClient(timeout=None) as client:
        response = await client.post(f"{driver}/session", json={"capabilities": {"alwaysMatch": wanted}})
        assert response.is_success, response.text
        session = f"{driver}/session/{response.json()['value']['sessionId']}"
        client.base_url = httpx.URL(session)
        try:
            yield Browser(client)
        finally:
            await client.delete(session)
