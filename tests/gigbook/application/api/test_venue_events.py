import asyncio
import json
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gigbook.application.tree import WEB
from gigbook.business.bookings import venue_topic
from greenroom import GenServer, Ref
from tests.gigbook.application.api.booking import after, requested
from tests.gigbook.application.api.event_source import EventSource, Received
from tests.gigbook.application.api.listening import Listening, listening
from tests.gigbook.browser import browsing
from tests.gigbook.conftest import Service
from tests.gigbook.program import running
from tests.gigbook.waiting import eventually

Json = dict[str, Any]

VENUE = {"name": "Blue Note", "city": "Berlin", "capacity": 300, "time_zone": "Europe/Berlin"}


async def made(api: httpx.AsyncClient, path: str, body: Json) -> Json:
    response = await api.post(path, json=body)
    assert response.is_success, response.text
    found: Json = response.json()
    return found


@pytest.fixture
async def venue(api: httpx.AsyncClient) -> Json:
    return await made(api, "/api/venues", VENUE)


@asynccontextmanager
async def following(service: Service, venue: Json) -> AsyncGenerator[Listening]:
    async with listening(f"http://127.0.0.1:{service.port}/api/venues/{venue['id']}/events") as client:
        yield client


def told(events: list[Received]) -> list[tuple[str, Any]]:
    return [(event.type, json.loads(event.data)) for event in events]


async def test_it_tells_first_what_is(service: Service, venue: Json) -> None:
    held = await after(await requested(venue), "hold")

    async with following(service, venue) as client:
        assert told(await client.until(2)) == [("venue", venue), ("calendar", [held])]


async def test_it_goes_on_with_each_change_of_the_venue_and_its_bookings(service: Service, venue: Json) -> None:
    async with following(service, venue) as client:
        await client.until(2)

        renamed = (await service.api.patch(f"/api/venues/{venue['id']}", json={"name": "Birdland"})).json()
        booking = await requested(venue)
        held = await after(booking, "hold")
        confirmed = await after(booking, "confirm")

        assert told(await client.until(6))[2:] == [
            ("venue", renamed),
            ("booking", booking),
            ("booking", held),
            ("booking", confirmed),
        ]


async def test_a_hold_that_runs_out_is_told_too(service: Service, venue: Json) -> None:
    booking = await requested(venue)
    async with following(service, venue) as client:
        await client.until(2)

        await after(booking, "hold", seconds=1)

        *_, (_, held), (kind, expired) = told(await client.until(4))
        assert (held["status"], kind, expired["status"]) == ("held", "booking", "expired")


async def test_other_venues_are_not_heard(service: Service, venue: Json) -> None:
    other = await made(service.api, "/api/venues", VENUE)
    async with following(service, venue) as client:
        await client.until(2)

        await service.api.patch(f"/api/venues/{other['id']}", json={"name": "Elsewhere"})
        await service.api.patch(f"/api/venues/{venue['id']}", json={"name": "Here"})

        assert told(await client.until(3))[2][1]["name"] == "Here"


async def test_each_event_of_a_thing_has_an_id_of_its_own(service: Service, venue: Json) -> None:
    async with following(service, venue) as client:
        await client.until(2)

        for name in ("One", "Two"):
            await service.api.patch(f"/api/venues/{venue['id']}", json={"name": name})

        ids = [event.last_id for event in await client.until(4) if event.type == "venue"]
        assert len(set(ids)) == 3


async def test_it_ends_when_the_venue_is_gone(service: Service, venue: Json) -> None:
    async with following(service, venue) as client:
        await client.until(2)

        assert (await service.api.delete(f"/api/venues/{venue['id']}")).status_code == 204

        assert len(await client.end()) == 2


@pytest.mark.parametrize("id", ["999", "0", "none"])
async def test_a_venue_that_is_not_there_is_a_404(api: httpx.AsyncClient, id: str) -> None:
    assert (await api.get(f"/api/venues/{id}/events")).status_code == 404


@pytest.mark.expected_crash(reason="killed")
async def test_a_killed_web_server_ends_streams_and_the_next_one_has_more(service: Service, venue: Json) -> None:
    async with following(service, venue) as client:
        await client.until(2)

        Ref(GenServer, WEB).exit("kill")

        assert len(await client.end()) == 2

    await eventually(lambda: answers(service.api))
    async with following(service, venue) as client:
        await client.until(2)
        await service.api.patch(f"/api/venues/{venue['id']}", json={"name": "Birdland"})
        assert told(await client.until(3))[2][1]["name"] == "Birdland"


async def answers(api: httpx.AsyncClient) -> bool:
    try:
        return (await api.get("/health")).is_success
    except httpx.TransportError:
        return False


async def test_a_hundred_clients_hear_the_same(service: Service, venue: Json) -> None:
    path = f"/api/venues/{venue['id']}/events"
    clients = [await asyncio.open_connection("127.0.0.1", service.port) for _ in range(100)]
    for _, writer in clients:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    for reader, _ in clients:
        await reader.readuntil(b"event: calendar")

    for name in ("One", "Two", "Three"):
        await service.api.patch(f"/api/venues/{venue['id']}", json={"name": name})

    heard = [await reader.readuntil(b'"Three"') for reader, _ in clients]
    assert all(text.index(b'"One"') < text.index(b'"Two"') for text in heard)
    for _, writer in clients:
        writer.close()
    await eventually(lambda: nobody_listens(venue["id"]))


async def nobody_listens(id: int) -> bool:
    return venue_topic(id).count() == 0


async def test_open_streams_do_not_hold_up_the_end_of_the_program(tmp_path: Path) -> None:
    async with running(tmp_path / "gigs.db", SHUTDOWN_TIMEOUT="3600") as program:
        url = await program.url()
        async with httpx.AsyncClient(base_url=url, timeout=None) as api:
            venue = await made(api, "/api/venues", VENUE)
        async with listening(f"{url}/api/venues/{venue['id']}/events") as client:
            await client.until(2)

            program.signal(signal.SIGTERM)

            assert len(await client.end()) == 2
            assert await program.ended() == 0
    assert [line for line in program.log if line["level"] in ("warning", "error")] == []


FOLLOW = """
    window.heard = [];
    const source = new EventSource('/api/venues/%s/events');
    for (const type of ['venue', 'calendar', 'booking'])
        source.addEventListener(type, (event) => window.heard.push([type, JSON.parse(event.data), event.lastEventId]));
"""
HEARD = """
    return new Promise((resolve) => {
        const look = () => window.heard.length >= %d ? resolve(window.heard) : setTimeout(look, 10);
        look();
    });
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.expected_crash(reason="killed")
async def test_a_browser_hears_it_and_comes_again_by_itself(service: Service, venue: Json) -> None:
    async with browsing() as browser:
        await browser.go(f"http://127.0.0.1:{service.port}/docs")
        await browser.run(FOLLOW % venue["id"])
        first = await browser.run(HEARD % 2)

        await service.api.patch(f"/api/venues/{venue['id']}", json={"name": "Birdland"})
        changed = (await browser.run(HEARD % 3))[2]
        Ref(GenServer, WEB).exit("kill")
        again = (await browser.run(HEARD % 5))[3:]

    assert [type for type, *_ in first] == ["venue", "calendar"]
    assert (changed[0], changed[1]["name"]) == ("venue", "Birdland")
    assert [type for type, *_ in again] == ["venue", "calendar"]
    assert again[0][1]["name"] == "Birdland"


TRY = """
    const id = 'follow_venue';
    document.getElementById(id).open = true;
    const form = document.querySelector(`#${id} form`);
    form.querySelector('[name="path:id"]').value = '%s';
    form.requestSubmit();
    return new Promise((resolve) => {
        const look = () => {
            const answer = form.querySelector('output .answer');
            answer && answer.textContent.includes('%s') ? resolve(answer.textContent) : setTimeout(look, 10);
        };
        look();
    });
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_page_of_the_api_shows_what_comes_as_it_comes(service: Service, venue: Json) -> None:
    async with browsing() as browser:
        await browser.go(f"http://127.0.0.1:{service.port}/docs")
        await eventually(lambda: drawn(browser))

        shown = await browser.run(TRY % (venue["id"], "event: calendar"))

    source = EventSource()
    source.feed(shown.encode())
    assert told(source.events) == [("venue", venue), ("calendar", [])]


async def drawn(browser: Any) -> bool:
    found: bool = await browser.run("return document.querySelector('details') !== null")
    return found
