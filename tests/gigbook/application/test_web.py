import asyncio
import socket
from typing import NoReturn

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from gigbook.application.door import CannotListen, Door
from gigbook.application.web import WebServer
from greenroom import Shutdown, StartFailed
from tests.gigbook.doors import opened
from tests.gigbook.waiting import eventually


class Slow:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.set()
        await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"OK"})


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def is_free(port: int) -> bool:
    return not listens(port)


async def test_it_listens_from_its_start_to_its_end() -> None:
    door = Door("127.0.0.1", 0, 1.0)
    server = await WebServer.start(door, Slow)
    _, port = await server.call(WebServer.address)
    assert listens(port)

    await server.stop()

    assert not listens(port)


async def test_with_nobody_in_it_closes_at_once() -> None:
    async with opened(Slow()) as door:
        closing = asyncio.create_task(door.close())
        for _ in range(3):
            await asyncio.sleep(0)

        assert closing.done()


async def test_a_taken_address_is_no_crash_but_a_refusal_to_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(StartFailed) as caught:
            await WebServer.start(Door("127.0.0.1", port, 1.0), Slow)

    assert isinstance(caught.value.reason, Shutdown)
    assert isinstance(caught.value.reason.detail, CannotListen)
    assert str(caught.value.reason.detail) == f"cannot listen on 127.0.0.1:{port}: address already in use"


async def test_an_unknown_host_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    # Who answers for names of hosts may be far away, or out of order.
    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(StartFailed, match=r"cannot listen on nowhere\.invalid:0: "):
        await WebServer.start(Door("nowhere.invalid", 0, 1.0), Slow)


def unknown(*_: object, **__: object) -> NoReturn:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.expected_crash(reason="killed")
async def test_a_killed_one_lets_go_of_its_address_and_keeps_it_for_the_next() -> None:
    door = Door("127.0.0.1", 0, 1.0)
    first = await WebServer.start(door, Slow)
    address = await first.call(WebServer.address)

    first.exit("kill")
    second = await WebServer.start(door, Slow)

    assert await second.call(WebServer.address) == address
    assert listens(address[1])
    second.exit("kill")
    await second.down()
    await eventually(lambda: is_free(address[1]))


@pytest.mark.parametrize(
    "reason", ["shutdown", pytest.param("kill", marks=pytest.mark.expected_crash(reason="killed"))]
)
async def test_a_request_in_flight_is_answered_whatever_ends_the_server(reason: str) -> None:
    app = Slow()
    server = await WebServer.start(Door("127.0.0.1", 0, 3600.0), lambda: app)
    _, port = await server.call(WebServer.address)
    async with httpx.AsyncClient(timeout=None) as client:
        request = asyncio.create_task(client.get(f"http://127.0.0.1:{port}"))
        await app.asked.wait()

        ending = asyncio.create_task(server.stop(reason)) if reason == "shutdown" else None
        if ending is None:
            server.exit(reason)
            await server.down()
        app.go_on.set()

        assert (await request).text == "OK"
        if ending:
            await ending
