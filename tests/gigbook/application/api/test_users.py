import asyncio
from typing import Any

import httpx
import pytest

NINA = {"name": "Nina Simone", "email": "nina@example.com", "role": "artist"}
ELLA = {"name": "Ella Fitzgerald", "email": "ella@example.com", "role": "booker"}
MAX = {"name": "Max Gordon", "email": "max@example.com", "role": "venue_manager"}


async def create(api: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    response = await api.post("/api/users", json=body)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


@pytest.mark.parametrize("role", ["artist", "booker", "venue_manager", "admin"])
async def test_a_user_has_one_of_four_roles(api: httpx.AsyncClient, role: str) -> None:
    assert (await create(api, {**NINA, "role": role}))["role"] == role


async def test_an_address_is_taken_once_in_any_case(api: httpx.AsyncClient) -> None:
    await create(api, NINA)
    ella = await create(api, ELLA)
    path = f"/api/users/{ella['id']}"

    for response in (
        await api.post("/api/users", json={**ELLA, "email": "NINA@example.com"}),
        await api.put(path, json={**ELLA, "email": "Nina@Example.com"}),
        await api.patch(path, json={"email": "nina@example.com"}),
    ):
        assert response.status_code == 409
        assert response.json() == {"error": "Conflict", "message": "Email already exists"}
    assert (await api.get(path)).json() == ella


async def test_of_many_who_want_an_address_at_once_one_gets_it(api: httpx.AsyncClient) -> None:
    responses = await asyncio.gather(*(api.post("/api/users", json=NINA) for _ in range(20)))

    assert sorted(response.status_code for response in responses) == [201] + [409] * 19


async def test_users_and_customers_may_have_the_same_address(api: httpx.AsyncClient) -> None:
    await create(api, NINA)

    response = await api.post("/api/customers", json={"name": "Nina Simone", "email": "nina@example.com"})

    assert response.status_code == 201


async def test_an_address_is_free_again_when_its_user_is_gone_or_has_another(api: httpx.AsyncClient) -> None:
    nina, ella = await create(api, NINA), await create(api, ELLA)
    await api.delete(f"/api/users/{nina['id']}")
    await api.patch(f"/api/users/{ella['id']}", json={"email": "ella@example.org"})

    assert (await create(api, NINA))["email"] == NINA["email"]
    assert (await create(api, ELLA))["email"] == ELLA["email"]


async def test_users_are_found_by_role_address_and_the_beginning_of_the_name(api: httpx.AsyncClient) -> None:
    nina, ella, max_ = [await create(api, body) for body in (NINA, ELLA, MAX)]

    async def found(**parameters: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = (await api.get("/api/users", params=parameters)).json()
        return listed

    assert await found() == [nina, ella, max_]
    assert await found(role="venue_manager") == [max_]
    assert await found(role="admin") == []
    assert await found(email="ELLA@example.com") == [ella]
    assert await found(name="nin") == [nina]
    assert await found(name="nin", role="booker") == []
    assert await found(name="%") == []


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("role=singer", {"role": "must be one of artist, booker, venue_manager, admin"}),
        ("role=", {"role": "must be one of artist, booker, venue_manager, admin"}),
        ("limit=0&city=Berlin", {"limit": "must be an integer >= 1", "city": "is not known"}),
        ("name=%07", {"name": "must not contain control characters"}),
        ("cursor=zzz", {"cursor": "is none that this list gave out"}),
    ],
)
async def test_wrong_parameters_are_named(api: httpx.AsyncClient, query: str, details: dict[str, str]) -> None:
    response = await api.get(f"/api/users?{query}")

    assert (response.status_code, response.json()["details"]) == (400, details)


async def test_a_user_who_manages_a_venue_can_not_be_deleted(api: httpx.AsyncClient) -> None:
    manager = await create(api, MAX)
    venue = {"name": "Village Vanguard", "city": "New York", "capacity": 123, "time_zone": "America/New_York"}
    made = await api.post("/api/venues", json={**venue, "manager_id": manager["id"]})
    path = f"/api/users/{manager['id']}"

    refused = await api.delete(path)

    assert refused.status_code == 409
    assert refused.json()["message"] == "User is still in use: something else refers to it"
    assert (await api.get(path)).json() == manager
    await api.patch(made.headers["location"], json={"manager_id": None})
    assert (await api.delete(path)).status_code == 204
