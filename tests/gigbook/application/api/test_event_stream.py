"""Streams as clients get them: what arrives, when they end, and what a slow client misses."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.routing import Route, Router

from gigbook.application.api import server_sent
from gigbook.application.api.endpoint import Endpoint
from gigbook.application.api.event_stream import Following
from gigbook.application.api.operations import get
from gigbook.application.api.request import Request
from gigbook.application.door import Door
from greenroom import Topic
from tests.gigbook.application.api.event_source import Received
from tests.gigbook.application.api.listening import listening
from tests.gigbook.doors import opened
from tests.gigbook.waiting import eventually


@dataclass(frozen=True)
class Painted:
    colour: str


@dataclass(frozen=True)
class Gone:
    pass


FENCE: Topic[Painted | Gone] = Topic("fence")


@dataclass
class Fence:
    """What is streamed: its colour."""

    colour: str = "white"
    limit: int = 256
    heartbeat: float = 60.0
    asked: list[str] = field(default_factory=list[str])

    def paint(self, colour: str) -> None:
        self.colour = colour
        FENCE.publish(Painted(colour))

    async def present(self) -> bytes | None:
        if self.colour == "unknown":
            raise ValueError("secret")
        return None if self.colour == "none" else server_sent.event("fence", self.colour.encode())

    async def follow(self, request: Request) -> Following[Painted | Gone]:
        self.asked.append(request.method)
        return Following(FENCE, self.present, self.told, self.limit, self.heartbeat)

    @staticmethod
    def told(change: Painted | Gone) -> bytes | None:
        return server_sent.event("painted", change.colour.encode()) if isinstance(change, Painted) else None

    @asynccontextmanager
    async def shown(self, drain_seconds: float = 60.0, most_streams: int = 1000) -> AsyncGenerator[Door]:
        endpoint = Endpoint("/fence", get(self.follow))
        async with opened(Router([Route("/fence", endpoint)]), drain_seconds, most_streams) as door:
            yield door


@pytest.fixture
def fence() -> Fence:
    return Fence()


async def test_it_begins_with_the_present_and_goes_on_with_changes(fence: Fence) -> None:
    async with fence.shown() as door, listening(url(door)) as client:
        assert await client.until(1) == [Received("fence", "white")]

        fence.paint("red")
        fence.paint("blue")

        assert await client.until(3) == [
            Received("fence", "white"),
            Received("painted", "red"),
            Received("painted", "blue"),
        ]


async def test_nothing_between_the_present_and_the_changes_is_lost(fence: Fence) -> None:
    class Slow(Fence):
        async def present(self) -> bytes | None:
            shown = await super().present()
            self.paint("green")
            return shown

    async with Slow().shown() as door, listening(url(door)) as client:
        assert await client.until(2) == [Received("fence", "white"), Received("painted", "green")]


async def test_nobody_on_the_way_keeps_or_collects_it(fence: Fence) -> None:
    async with fence.shown() as door, listening(url(door)) as client:
        headers = client.response.headers

        assert client.response.status_code == 200
        assert headers["content-type"] == "text/event-stream"
        assert headers["cache-control"] == "no-store, no-transform"
        assert headers["x-accel-buffering"] == "no"
        assert headers["x-request-id"]
        assert "content-length" not in headers


async def test_clients_are_told_to_come_again_and_not_all_at_once(fence: Fence) -> None:
    pauses: set[int | None] = set()
    async with fence.shown() as door:
        for _ in range(5):
            async with listening(url(door)) as client:
                await client.until(1)
                pauses.add(client.source.retry)

    assert all(pause is not None and 1000 <= pause <= 3000 for pause in pauses)
    assert len(pauses) > 1


async def test_silence_is_broken_by_comments(fence: Fence) -> None:
    fence.heartbeat = 0.01
    async with fence.shown() as door, listening(url(door)) as client:
        while len(client.source.comments) < 3:
            await client.more()

        fence.paint("red")

        assert await client.until(2) == [Received("fence", "white"), Received("painted", "red")]


async def test_it_ends_when_what_it_is_about_is_gone(fence: Fence) -> None:
    async with fence.shown() as door, listening(url(door)) as client:
        await client.until(1)

        FENCE.publish(Gone())

        assert await client.end() == [Received("fence", "white")]


async def test_it_ends_at_once_when_the_client_leaves(fence: Fence) -> None:
    async with fence.shown() as door:
        async with listening(url(door)) as client:
            await client.until(1)
            assert FENCE.count() == 1

        await eventually(nobody_listens)


async def test_it_ends_at_once_when_the_server_stops(fence: Fence, capsys: pytest.CaptureFixture[str]) -> None:
    async with fence.shown(drain_seconds=3600.0) as door, listening(url(door)) as client:
        await client.until(1)

        await door.close()

        assert await client.end() == [Received("fence", "white")]
    assert not FENCE.count()
    assert "Traceback" not in capsys.readouterr().out


async def test_it_ends_when_the_server_is_shut_in_haste(fence: Fence) -> None:
    async with fence.shown() as door, listening(url(door)) as client:
        await client.until(1)

        door.shut()

        assert await client.end() == [Received("fence", "white")]


async def test_head_tells_what_get_would_and_nothing_more(fence: Fence) -> None:
    async with fence.shown() as door, httpx.AsyncClient(timeout=None, verify=False) as client:
        response = await client.head(url(door))

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "text/event-stream"
    assert "content-length" not in response.headers
    assert not FENCE.count()


async def test_more_than_the_server_holds_are_told_to_come_later(fence: Fence) -> None:
    async with fence.shown(most_streams=2) as door:
        async with listening(url(door)) as first, listening(url(door)) as second, listening(url(door)) as third:
            assert [each.response.status_code for each in (first, second, third)] == [200, 200, 503]
            assert third.response.headers["retry-after"] == "5"
            assert json.loads(await third.response.aread())["message"] == "Too many clients listen already"
        await eventually(nobody_listens)

        async with listening(url(door)) as later:
            assert later.response.status_code == 200


async def test_a_present_that_can_not_be_read_is_answered_as_ever(fence: Fence) -> None:
    fence.colour = "unknown"
    async with fence.shown(most_streams=1) as door:
        for _ in range(3):
            async with listening(url(door)) as client:
                assert client.response.status_code == 500
                assert b"secret" not in await client.response.aread()
    assert not FENCE.count()


async def test_a_slow_client_is_told_how_many_events_it_missed_and_what_is_now(fence: Fence) -> None:
    fence.limit = 2
    async with fence.shown() as door, listening(url(door)) as client:
        await client.until(1)

        for number in range(10):
            fence.paint(f"red {number}")

        assert await client.until(5) == [
            Received("fence", "white"),
            Received("painted", "red 0"),
            Received("painted", "red 1"),
            Received("missed", '{"count":8}'),
            Received("fence", "red 9"),
        ]


async def test_a_client_that_does_not_read_costs_no_more_than_the_events_that_may_wait(fence: Fence) -> None:
    fence.limit = 2
    large = "x" * 1_000_000
    # Some systems would hold all of it on the way.
    async with fence.shown() as door, listening(url(door), room=65536) as client:
        await client.until(1)
        for number in range(40):
            # Each gets time to leave, until the buffers on the way are full.
            fence.paint(f"{large} {number}")
            await asyncio.sleep(0.01)
        fence.paint("black")

        while (events := await client.until(len(client.source.events) + 1))[-1].data != "black":
            pass

    missed = [json.loads(event.data)["count"] for event in events if event.type == "missed"]
    assert sum(missed) > 10
    assert sum(missed) + sum(event.type == "painted" for event in events) == 41


async def test_a_failure_later_on_ends_the_stream_and_is_logged(
    fence: Fence, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken(Fence):
        @staticmethod
        def told(change: Painted | Gone) -> bytes | None:
            raise ValueError("broken")

    broken = Broken()
    async with broken.shown() as door, listening(url(door)) as client:
        await client.until(1)

        broken.paint("red")

        assert await client.end() == [Received("fence", "white")]
        assert "broken" in capsys.readouterr().out


async def test_each_stream_is_one_line_in_the_log_when_it_has_ended(
    fence: Fence, capsys: pytest.CaptureFixture[str]
) -> None:
    async with fence.shown() as door:
        async with listening(url(door)) as client:
            await client.until(1)
            assert "/fence" not in capsys.readouterr().out
        await eventually(nobody_listens)

    assert capsys.readouterr().out.count("/fence") == 1


async def test_two_hundred_clients_all_get_everything(fence: Fence) -> None:
    many = 200
    async with fence.shown() as door:
        clients = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(many)]
        for _, writer in clients:
            writer.write(b"GET /fence HTTP/1.1\r\nHost: x\r\n\r\n")
        for reader, _ in clients:
            await reader.readuntil(b"data: white\n\n")

        for number in range(20):
            fence.paint(f"red {number}")

        for reader, writer in clients:
            text = await reader.readuntil(b"data: red 19\n\n")
            assert text.count(b"event: painted") == 20
            writer.close()


def url(door: Door) -> str:
    return f"http://127.0.0.1:{door.port}/fence"


async def nobody_listens() -> bool:
    return FENCE.count() == 0
