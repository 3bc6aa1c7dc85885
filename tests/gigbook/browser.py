"""A real browser for the tests of pages: Chromium, driven through the WebDriver protocol."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx
import pytest

from tests.gigbook.waiting import eventually

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""The browser talks to the test's own service and to nobody else."""


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
async def browsing(port: int) -> AsyncGenerator[Browser]:
    """Open a window, with the driver on this port; skips the test where there is no Chromium, and fails it under CI."""
    driver = shutil.which("chromedriver") or _missing()
    # Chromium inherits what the driver writes to, and so no pipe of ours may be among it.
    process = await asyncio.create_subprocess_exec(
        driver,
        f"--port={port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        await eventually(lambda: _is_ready(f"http://127.0.0.1:{port}"))
        async with _session(f"http://127.0.0.1:{port}") as browser:
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


async def _is_ready(driver: str) -> bool:
    try:
        async with httpx.AsyncClient() as client:
            ready: bool = (await client.get(f"{driver}/status")).json()["value"]["ready"]
            return ready
    except httpx.TransportError:
        return False


@asynccontextmanager
async def _session(driver: str) -> AsyncGenerator[Browser]:
    wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": FLAGS}, "goog:loggingPrefs": {"browser": "ALL"}}
    async with httpx.AsyncClient(timeout=60) as client:
        response = await client.post(f"{driver}/session", json={"capabilities": {"alwaysMatch": wanted}})
        assert response.is_success, response.text
        session = f"{driver}/session/{response.json()['value']['sessionId']}"
        client.base_url = httpx.URL(session)
        try:
            yield Browser(client)
        finally:
            await client.delete(session)
