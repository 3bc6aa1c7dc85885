from typing import Any

import httpx
import pytest

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


@pytest.mark.parametrize(
    ("opening", "reason"),
    [
        ("always", "must be an array"),
        ([{"weekday": "friday"}], "object missing required field opens, at [0]"),
        ([{**FRIDAY, "opens": "25:00"}], "must be a time from 00:00 to 23:59, at [0].opens"),
        ([{**FRIDAY, "closes": 2}], "must be a string, at [0].closes"),
        ([{**FRIDAY, "until": "02:00"}], "object contains unknown field until, at [0]"),
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
        ("manager_id=0", {"manager_id": "must be an integer >= 1"}),
        ("city=%07", {"city": "must not contain control characters"}),
    ],
)
async def test_wrong_parameters_are_named(api: httpx.AsyncClient, query: str, details: dict[str, str]) -> None:
    response = await api.get(f"/api/venues?{query}")

    assert (response.status_code, response.json()["details"]) == (400, details)


async def test_a_list_shows_what_is_stored(service: Service) -> None:
    made = await create(service.api, BERLIN)
    await service.api.patch(f"/api/venues/{made['id']}", json={"city": "Potsdam"})

    assert await found(service.api, city="Potsdam") == []
    assert await found(service.api, city="Berlin") == [made["id"]]
