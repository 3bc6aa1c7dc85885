from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gigbook.business.bookings.table import bookings
from gigbook.business.database import database
from greenroom.infrastructure import Database
from tests.gigbook.conftest import Service

Json = dict[str, Any]

FRIDAY = {"weekday": "friday", "opens": "18:00", "closes": "02:00"}
SUNDAY = {"weekday": "sunday", "opens": "20:00", "closes": "00:00"}
BERLIN = {
    "name": "Quasimodo",
    "city": "Berlin",
    "capacity": 350,
    "time_zone": "Europe/Berlin",
    "opening": [FRIDAY, SUNDAY],
}
NEW_YORK = {"name": "Blue Note", "city": "New York", "capacity": 200, "time_zone": "America/New_York"}
NINA = {"name": "Nina Simone", "email": "nina@example.com", "role": "artist"}
MAX = {"name": "Max Gordon", "email": "max@example.com", "role": "venue_manager"}


async def create(api: httpx.AsyncClient, body: Json, path: str = "/api/venues") -> Json:
    response = await api.post(path, json=body)
    assert response.status_code == 201, response.text
    made: Json = response.json()
    return made


async def found(api: httpx.AsyncClient, **parameters: str) -> list[int]:
    response = await api.get("/api/venues", params=parameters)
    assert response.status_code == 200, response.text
    return [venue["id"] for venue in response.json()]


async def take(venue: Json, artist: Json, starts_at: datetime, ends_at: datetime, status: str) -> None:
    """Put a booking into the calendar by hand."""
    row = {
        "venue_id": venue["id"],
        "artist_id": artist["id"],
        "title": "A gig",
        "starts_at": starts_at,
        "ends_at": ends_at,
        "time_zone": venue["time_zone"],
        "status": status,
        "held_until": starts_at if status == "held" else None,
        "created_at": starts_at,
        "updated_at": starts_at,
    }
    assert isinstance(await database.call(Database.insert, bookings, row), Mapping)


@pytest.mark.parametrize(
    ("opening", "reason"),
    [
        ("always", "must be an array"),
        ([{"weekday": "friday"}], "must have opens, at [0]"),
        ([{**FRIDAY, "opens": "25:00"}], "must be a time from 00:00 to 23:59, at [0].opens"),
        ([{**FRIDAY, "closes": 2}], "must be a string, at [0].closes"),
        ([{**FRIDAY, "until": "02:00"}], "must not have until, at [0]"),
        ([FRIDAY, SUNDAY, FRIDAY], "must not overlap, as [0] and [2] do"),
        ([{**SUNDAY, "closes": "19:00"}, {**FRIDAY, "weekday": "monday"}], "must not overlap, as [0] and [1] do"),
        ([FRIDAY] * 51, "must be an array of length <= 50"),
    ],
)
async def test_an_opening_that_makes_no_sense_is_refused(api: httpx.AsyncClient, opening: Any, reason: str) -> None:
    made = await create(api, BERLIN)

    for method, path in (("POST", "/api/venues"), ("PUT", f"/api/venues/{made['id']}")):
        response = await api.request(method, path, json={**BERLIN, "opening": opening})
        assert (response.status_code, response.json()["details"]) == (400, {"opening": reason})


async def test_slots_are_shown_in_the_order_of_the_week(api: httpx.AsyncClient) -> None:
    made = await create(api, {**BERLIN, "opening": [SUNDAY, FRIDAY]})

    assert made["opening"] == [FRIDAY, SUNDAY]


@pytest.mark.parametrize("capacity", [0, 1_000_001, -5, 1.5, "300", None])
async def test_a_capacity_is_a_number_of_people(api: httpx.AsyncClient, capacity: object) -> None:
    response = await api.post("/api/venues", json={**BERLIN, "capacity": capacity})

    assert response.status_code == 400
    assert response.json()["details"]["capacity"].startswith("must be an integer")


async def test_a_manager_is_one_who_may_manage_venues(api: httpx.AsyncClient) -> None:
    nina, max_ = [await create(api, body, "/api/users") for body in (NINA, MAX)]
    made = await create(api, {**BERLIN, "manager_id": max_["id"]})
    path = f"/api/venues/{made['id']}"

    for wrong in (nina["id"], 999, 2**63 - 1):
        response = await api.patch(path, json={"manager_id": wrong})
        assert response.status_code == 400
        assert response.json()["details"] == {"manager_id": "must be a user who is a manager of venues or an admin"}
    assert (await api.patch(path, json={"manager_id": 2**63})).status_code == 400
    assert (await api.get(path)).json() == made
    assert (await api.patch(path, json={"manager_id": None})).json()["manager_id"] is None


async def test_a_request_is_answered_again_as_it_was_whatever_has_become_of_the_manager(api: httpx.AsyncClient) -> None:
    manager = await create(api, MAX, "/api/users")
    once: Json = {"json": {**BERLIN, "manager_id": manager["id"]}, "headers": {"Idempotency-Key": "one"}}
    first = await api.post("/api/venues", **once)
    await api.patch(f"/api/users/{manager['id']}", json={"role": "artist"})

    again = await api.post("/api/venues", **once)

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"


async def test_venues_are_found_by_city_capacity_name_and_manager(api: httpx.AsyncClient) -> None:
    manager = (await create(api, MAX, "/api/users"))["id"]
    small = (await create(api, {**BERLIN, "capacity": 80, "name": "100%_Jazz"}))["id"]
    large = (await create(api, BERLIN))["id"]
    abroad = (await create(api, {**NEW_YORK, "manager_id": manager}))["id"]

    assert await found(api) == [small, large, abroad]
    assert await found(api, city="BERLIN") == [small, large]
    assert await found(api, city="Berl") == []
    assert await found(api, capacity="200") == [large, abroad]
    assert await found(api, capacity="201", city="berlin") == [large]
    assert await found(api, name="blue") == [abroad]
    assert await found(api, name="100%_") == [small]
    assert await found(api, manager_id=str(manager)) == [abroad]
    assert await found(api, manager_id="999") == []


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("capacity=0", {"capacity": "must be an integer >= 1"}),
        ("capacity=many&rooms=2", {"capacity": "must be an integer", "rooms": "is not known"}),
        ("date=tomorrow", {"date": "must be a date such as 2026-11-21"}),
        ("date=2026-02-30", {"date": "must be a date such as 2026-11-21"}),
        ("date=0001-01-01", {"date": "must be from 1970-01-01 to 9998-12-31"}),
        ("date=9999-12-31", {"date": "must be from 1970-01-01 to 9998-12-31"}),
        ("manager_id=0", {"manager_id": "must be an integer >= 1"}),
        ("city=%07", {"city": "must not contain control characters"}),
    ],
)
async def test_wrong_parameters_are_named(api: httpx.AsyncClient, query: str, details: dict[str, str]) -> None:
    response = await api.get(f"/api/venues?{query}")

    assert (response.status_code, response.json()["details"]) == (400, details)


@pytest.mark.parametrize("day", ["1970-01-01", "9998-12-31"])
async def test_the_first_and_the_last_day_can_be_asked_for(api: httpx.AsyncClient, day: str) -> None:
    zones = ["Pacific/Auckland", "America/Los_Angeles", "Etc/GMT+12", "Pacific/Kiritimati"]
    made = [(await create(api, {**NEW_YORK, "time_zone": zone}))["id"] for zone in zones]

    assert await found(api, date=day) == made


async def test_a_venue_is_found_on_the_days_on_which_it_opens_there(api: httpx.AsyncClient) -> None:
    berlin, always = (await create(api, BERLIN))["id"], (await create(api, NEW_YORK))["id"]

    assert await found(api, date="2026-11-20") == [berlin, always]
    # What begins on Friday belongs to Friday, to its end at two in the morning.
    assert await found(api, date="2026-11-21") == [always]
    assert await found(api, date="2026-11-22", city="berlin") == [berlin]


@pytest.mark.parametrize(
    ("status", "free"), [("requested", True), ("held", False), ("confirmed", False), ("cancelled", True)]
)
async def test_a_venue_is_not_found_when_held_and_confirmed_bookings_leave_no_hour(
    api: httpx.AsyncClient, status: str, free: bool
) -> None:
    venue, nina = await create(api, BERLIN), await create(api, NINA, "/api/users")
    opens = datetime(2026, 11, 20, 17, tzinfo=UTC)
    await take(venue, nina, opens + timedelta(minutes=30), opens + timedelta(hours=4), status)
    await take(venue, nina, opens + timedelta(hours=4, minutes=59), opens + timedelta(hours=9), status)

    assert bool(await found(api, date="2026-11-20")) == free
    assert await found(api, date="2026-11-22") == [venue["id"]]


async def test_pages_of_free_venues_lead_to_each_other(api: httpx.AsyncClient) -> None:
    nina = await create(api, NINA, "/api/users")
    made = [await create(api, {**BERLIN, "name": f"N{n}"}) for n in range(9)]
    for venue in made[1::2]:
        opens = datetime(2026, 11, 20, 17, tzinfo=UTC)
        await take(venue, nina, opens, opens + timedelta(hours=8), "confirmed")

    pages: list[list[Json]] = []
    address: str | None = "/api/venues?limit=2&date=2026-11-20&count=true"
    while address:
        response = await api.get(address)
        assert response.headers.get("x-total-count") == ("5" if not pages else None)
        pages.append(response.json())
        address = response.links["next"]["url"] if "next" in response.links else None

    assert pages == [[made[0], made[2]], [made[4], made[6]], [made[8]]]


async def test_a_venue_with_a_booking_can_not_be_deleted(api: httpx.AsyncClient) -> None:
    venue, nina = await create(api, BERLIN), await create(api, NINA, "/api/users")
    at = datetime(2026, 11, 20, 17, tzinfo=UTC)
    await take(venue, nina, at, at + timedelta(hours=1), "cancelled")

    for path, what in ((f"/api/venues/{venue['id']}", "Venue"), (f"/api/users/{nina['id']}", "User")):
        refused = await api.delete(path)
        assert refused.status_code == 409
        assert refused.json()["message"] == f"{what} is still in use: something else refers to it"
        assert (await api.get(path)).status_code == 200


async def test_a_list_shows_what_is_stored(service: Service) -> None:
    made = await create(service.api, BERLIN)
    await service.api.patch(f"/api/venues/{made['id']}", json={"city": "Potsdam"})

    assert await found(service.api, city="Potsdam") == []
    assert await found(service.api, city="Berlin") == [made["id"]]
