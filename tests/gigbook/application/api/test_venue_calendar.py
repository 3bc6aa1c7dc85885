from datetime import datetime
from typing import Any

import httpx
import pytest
from icalendar import Calendar, Event

from tests.gigbook.application.api.booking import after, requested

Json = dict[str, Any]

VENUE = {"name": "Café “Blue Note”", "city": "Berlin", "capacity": 300, "time_zone": "Europe/Berlin"}


@pytest.fixture
async def venue(api: httpx.AsyncClient) -> Json:
    found: Json = (await api.post("/api/venues", json=VENUE)).json()
    return found


def events(response: httpx.Response) -> list[Event]:
    return Calendar.from_ical(response.content).events


async def test_it_has_what_is_held_or_confirmed_and_nothing_else(api: httpx.AsyncClient, venue: Json) -> None:
    held = await after(await requested(venue, 11), "hold")
    confirmed = await after(await requested(venue, 12), "hold", "confirm")
    await requested(venue, 13)
    await after(await requested(venue, 14), "hold", "cancel")

    response = await api.get(f"/api/venues/{venue['id']}/calendar.ics")

    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    shown = [(event["UID"], event["STATUS"], event["SUMMARY"]) for event in events(response)]
    assert shown == [
        (f"booking-{held['id']}@gigbook", "TENTATIVE", "Day 11"),
        (f"booking-{confirmed['id']}@gigbook", "CONFIRMED", "Day 12"),
    ]
    assert events(response)[0].decoded("DTSTART") == datetime.fromisoformat("2030-11-11T20:00:00+01:00")


async def test_a_program_that_has_it_already_is_told_so(api: httpx.AsyncClient, venue: Json) -> None:
    path = f"/api/venues/{venue['id']}/calendar.ics"
    await after(await requested(venue, 11), "hold")
    tag = (await api.get(path)).headers["etag"]

    same = await api.get(path, headers={"if-none-match": tag})
    await after(await requested(venue, 12), "hold")
    other = await api.get(path, headers={"if-none-match": tag})

    assert (same.status_code, same.content) == (304, b"")
    assert other.status_code == 200
    assert other.headers["etag"] != tag


async def test_it_is_a_file_with_the_name_of_the_venue(api: httpx.AsyncClient, venue: Json) -> None:
    response = await api.head(f"/api/venues/{venue['id']}/calendar.ics")

    assert response.headers["content-disposition"] == (
        f'attachment; filename="venue-{venue["id"]}.ics"; '
        "filename*=UTF-8''Caf%C3%A9%20%E2%80%9CBlue%20Note%E2%80%9D.ics"
    )


@pytest.mark.parametrize("id", ["999", "0", "none"])
async def test_a_venue_that_is_not_there_is_a_404(api: httpx.AsyncClient, id: str) -> None:
    assert (await api.get(f"/api/venues/{id}/calendar.ics")).status_code == 404
