import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from gigbook.application.connection import LARGEST_HEAD, PATIENCE, Connection, OneWrite
from gigbook.application.door import CannotListen, Door, authority
from tests.gigbook.doors import opened


class Wire(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.sent.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def turn() -> list[Callable[[], None]]:
    """What is to be called at the end of the loop's turn."""
    return []


@pytest.fixture
def transport(wire: Wire, turn: list[Callable[[], None]]) -> OneWrite:
    return OneWrite(wire, turn.append)


def test_head_and_body_leave_together(wire: Wire, transport: OneWrite, turn: list[Callable[[], None]]) -> None:
    transport.write(HEAD)
    transport.write(b"OK")

    assert wire.sent == [HEAD + b"OK"]
    for call in turn:
        call()
    assert wire.sent == [HEAD + b"OK"]


def test_a_head_without_a_body_leaves_at_the_end_of_the_turn(
    wire: Wire, transport: OneWrite, turn: list[Callable[[], None]]
) -> None:
    transport.write(HEAD)
    assert wire.sent == []

    for call in turn:
        call()

    assert wire.sent == [HEAD]


def test_a_head_leaves_before_the_connection_is_closed(wire: Wire, transport: OneWrite) -> None:
    transport.write(HEAD)

    transport.close()

    assert (wire.sent, wire.closed) == ([HEAD], True)


def test_an_aborted_connection_sends_nothing_more(wire: Wire, transport: OneWrite) -> None:
    transport.write(HEAD)

    transport.abort()

    assert (wire.sent, wire.closed) == ([], True)


def test_anything_else_leaves_at_once(wire: Wire, transport: OneWrite) -> None:
    transport.write(b"one")
    transport.write(b"two")

    assert wire.sent == [b"one", b"two"]


async def ok(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"OK"})


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with opened(ok) as door:
        yield door


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost:", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"]
)
async def test_a_client_that_does_not_finish_its_request_is_given_up(door: Door, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(sent)

    closed = asyncio.create_task(reader.read())
    while not closed.done():
        door.give_up_slow_clients(asyncio.get_running_loop().time() + PATIENCE + 1)
        await asyncio.sleep(0)

    await asyncio.wait({closed})
    assert closed.exception() is None or isinstance(closed.exception(), ConnectionError)
    writer.close()


async def test_a_head_without_an_end_is_refused(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")

    answer = asyncio.create_task(reader.readline())
    while not answer.done():
        writer.write(b"X-More: " + b"x" * 1024 + b"\r\n")
        await asyncio.sleep(0)

    assert answer.result().startswith(b"HTTP/1.1 431 ")
    writer.close()


async def test_a_large_body_is_no_large_head(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    size = 4 * LARGEST_HEAD

    writer.write(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size)

    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_many_requests_in_one_piece_are_no_large_head(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    request = b"GET / HTTP/1.1\r\nHost: x\r\nX-More: " + b"x" * 1024 + b"\r\n\r\n"
    many = 2 * LARGEST_HEAD // len(request)

    # The last one is cut off, so that a head without an end is there.
    writer.write(request * many + request[:-2])

    answers = [(await reader.readuntil(b"\r\n\r\nOK"))[:13] for _ in range(many)]
    assert answers == [b"HTTP/1.1 200 "] * many
    writer.close()


async def test_a_client_between_two_requests_is_not_slow(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)

    for _ in range(2):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"OK")).startswith(b"HTTP/1.1 200 ")
        await reader.readuntil(b"OK")
        door.give_up_slow_clients(asyncio.get_running_loop().time() + PATIENCE + 1)

    writer.close()


async def test_who_asks_for_another_protocol_gets_this_one_and_nobody_is_warned(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)

    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")

    assert (await reader.readuntil(b"\r\n\r\nOK")).startswith(b"HTTP/1.1 200 ")
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []
    writer.close()


@pytest.mark.parametrize(("host", "found"), [("127.0.0.1", "127.0.0.1:8080"), ("::1", "[::1]:8080")])
def test_an_address_is_told_as_it_stands_in_a_url(host: str, found: str) -> None:
    assert authority(host, 8080) == found
    assert str(CannotListen(host, 8080, OSError(98, "taken"))).startswith(f"cannot listen on {found}: ")


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """All connections that doors take."""
    taken: list[Connection] = []

    class Noted(Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            taken.append(self)

    monkeypatch.setattr("gigbook.application.door.Connection", Noted)
    return taken


class Endless:
    """Sends as much as its client takes, and notes when the client has left."""

    def __init__(self, piece: bytes) -> None:
        self.piece = piece
        self.sent = 0
        self.asked = 0
        self.left = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        pump = asyncio.create_task(self.pump(send))
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.set()
        pump.cancel()
        await asyncio.wait({pump})

    async def pump(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": self.piece, "more_body": True})
            self.sent += 1
            await asyncio.sleep(0 if len(self.piece) > 1 else 0.01)


async def test_a_client_that_takes_nothing_is_given_up(connections: list[Connection]) -> None:
    app = Endless(b"x" * 65536)
    async with opened(app) as door:
        with listening_to_nothing(door) as client:
            client.sendall(GET)
            await held_up(connections)

            door.give_up_slow_clients(asyncio.get_running_loop().time())
            assert not app.left.is_set()
            door.give_up_slow_clients(asyncio.get_running_loop().time() + PATIENCE + 1)

            await app.left.wait()


async def test_a_client_that_takes_little_is_not_given_up(connections: list[Connection]) -> None:
    app = Endless(b"x" * 65536)
    async with opened(app) as door:
        with listening_to_nothing(door) as client:
            client.sendall(GET)
            for waited in range(3):
                await held_up(connections)
                door.give_up_slow_clients(asyncio.get_running_loop().time() + waited * (PATIENCE + 1))
                assert not app.left.is_set()
                before = app.sent
                while app.sent == before:
                    assert await asyncio.get_running_loop().sock_recv(client, 65536)


async def test_a_client_that_takes_nothing_does_not_hold_up_the_end(connections: list[Connection]) -> None:
    app = Endless(b"x" * 65536)
    async with opened(app, drain_seconds=3600.0) as door:
        with listening_to_nothing(door) as client:
            client.sendall(GET)
            await held_up(connections)

            await door.close()

    assert app.left.is_set()


async def test_a_client_that_leaves_in_the_middle_of_two_responses_is_noticed_by_the_first() -> None:
    app = Endless(b"x")
    async with opened(app) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(GET + GET)
        await reader.readuntil(b"x")

        writer.close()

        await app.left.wait()
        assert app.asked == 1


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def listening_to_nothing(door: Door) -> socket.socket:
    """A client with little room for what it does not read."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", door.port))
    client.setblocking(False)
    return client


async def held_up(connections: list[Connection]) -> None:
    """Wait until no client has room for more, and those who answer wait for them."""
    while not connections or not all(each.flow.write_paused for each in connections):  # noqa: ASYNC110  # no event is set
        await asyncio.sleep(0)
