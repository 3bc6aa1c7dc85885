"""What users and venues do alike over HTTP."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.gigbook.application.api.pages import pages

Json = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """One that is tested, with bodies for it."""

    path: str
    first: Json
    second: Json
    change: Json
    empty: Json
    """A change that removes what may be missing."""
    wrong: Json
    reasons: dict[str, str]
    required: set[str]
    immediate: Json = field(default_factory=dict[str, Any])

    async def create(self, api: httpx.AsyncClient, body: Json | None = None) -> Json:
        response = await api.post(self.path, json=body or self.first)
        assert response.status_code == 201, response.text
        made: Json = response.json()
        return made

    def many(self, count: int) -> list[Json]:
        """Bodies whose names begin alike, and differ where they must."""
        unique = [{"email": f"n{n}@example.com"} if "email" in self.first else {} for n in range(count)]
        return [{**self.first, "name": f"Number {n}", **unique[n]} for n in range(count)]


USERS = Resource(
    path="/api/users",
    first={"name": "Nina Simone", "email": "nina@example.com", "role": "artist", "phone": None, "bio": None},
    second={
        "name": "Ella Fitzgerald",
        "email": "ella@example.com",
        "role": "booker",
        "phone": "+1 555 0100",
        "bio": "Sings.\nAnd how.",
    },
    change={"name": "Eunice Waymon", "bio": "Plays the piano."},
    empty={"phone": None, "bio": None},
    wrong={"name": " ", "email": "nina", "role": "singer", "phone": 5, "bio": "\a", "shoe": 43},
    reasons={
        "name": "must not be empty",
        "email": "must be a valid e-mail address",
        "role": "must be one of artist, booker, venue_manager, admin",
        "phone": "must be a string or null",
        "bio": "must not contain control characters",
        "shoe": "is not known",
    },
    required={"name", "email", "role"},
)

FRIDAY = {"weekday": "friday", "opens": "18:00", "closes": "02:00"}

VENUES = Resource(
    path="/api/venues",
    first={
        "name": "Blue Note",
        "city": "New York",
        "capacity": 300,
        "time_zone": "America/New_York",
        "opening": [],
        "manager_id": None,
        "description": None,
    },
    second={
        "name": "Quasimodo",
        "city": "Berlin",
        "capacity": 350,
        "time_zone": "Europe/Berlin",
        "opening": [FRIDAY, {"weekday": "saturday", "opens": "18:00", "closes": "04:00"}],
        "manager_id": None,
        "description": "A cellar.",
    },
    change={"capacity": 250, "opening": [FRIDAY]},
    empty={"manager_id": None, "description": None},
    wrong={
        "name": "n" * 201,
        "city": "",
        "capacity": 0,
        "time_zone": "Berlin",
        "opening": [FRIDAY, {**FRIDAY, "weekday": "freitag"}],
        "manager_id": "7",
        "description": "d" * 2001,
        "rooms": 3,
    },
    reasons={
        "name": "must have at most 200 characters",
        "city": "must not be empty",
        "capacity": "must be an integer >= 1",
        "time_zone": "must be an IANA time zone such as Europe/Berlin",
        "opening": "must be one of monday, tuesday, wednesday, thursday, friday, saturday, sunday, at [1].weekday",
        "manager_id": "must be an integer or null",
        "description": "must have at most 2000 characters",
        "rooms": "is not known",
    },
    required={"name", "city", "capacity", "time_zone"},
)


@pytest.fixture(params=[USERS, VENUES], ids=["users", "venues"])
def resource(request: pytest.FixtureRequest) -> Resource:
    found: Resource = request.param
    return found


def given(body: Json) -> Json:
    """What a client has sent; the rest of an answer is the service's."""
    return {name: value for name, value in body.items() if name not in {"id", "created_at", "updated_at"}}


async def test_a_new_one_is_answered_with_all_its_fields_and_its_address(
    api: httpx.AsyncClient, resource: Resource
) -> None:
    response = await api.post(resource.path, json=resource.second)

    made = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"{resource.path}/{made['id']}"
    assert made.keys() == {"id", "created_at", "updated_at", *resource.second}
    assert given(made) == resource.second
    assert made["created_at"] == made["updated_at"]
    shown = await api.get(response.headers["location"])
    assert (shown.status_code, shown.json()) == (200, made)
    assert shown.headers["etag"] == response.headers["etag"]


async def test_what_may_be_left_out_is_empty(api: httpx.AsyncClient, resource: Resource) -> None:
    made = await resource.create(api, {name: resource.first[name] for name in resource.required})

    assert given(made) == resource.first


async def test_every_wrong_field_is_named_with_its_reason(api: httpx.AsyncClient, resource: Resource) -> None:
    made = await resource.create(api)

    for method, path in (("POST", resource.path), *((it, f"{resource.path}/{made['id']}") for it in ("PUT", "PATCH"))):
        response = await api.request(method, path, json=resource.wrong)
        assert response.status_code == 400
        assert response.json() == {
            "error": "Bad Request",
            "message": "Some values are not valid",
            "details": resource.reasons,
        }


async def test_each_wrong_field_is_refused_by_itself(api: httpx.AsyncClient, resource: Resource) -> None:
    made = await resource.create(api)

    for name, value in resource.wrong.items():
        response = await api.patch(f"{resource.path}/{made['id']}", json={name: value})
        assert (response.status_code, response.json()["details"]) == (400, {name: resource.reasons[name]})
    assert (await api.get(f"{resource.path}/{made['id']}")).json() == made


async def test_every_missing_field_is_named(api: httpx.AsyncClient, resource: Resource) -> None:
    response = await api.post(resource.path, json={})

    assert response.status_code == 400
    assert response.json()["details"] == dict.fromkeys(resource.required, "is required")


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"NaN", b"\xff\xfe", b'{"name": "a", "name": "b"}'])
async def test_a_body_that_makes_no_sense_is_refused(api: httpx.AsyncClient, resource: Resource, body: bytes) -> None:
    response = await api.post(resource.path, content=body, headers={"content-type": "application/json"})

    assert response.status_code == 400


async def test_a_body_of_another_type_or_size_is_refused(api: httpx.AsyncClient, resource: Resource) -> None:
    json = {"content-type": "application/json"}

    assert (await api.post(resource.path, content=b"name=Ada")).status_code == 415
    assert (await api.post(resource.path, content=b" " * 1024 * 1025, headers=json)).status_code == 413


async def test_it_is_replaced_as_a_whole(api: httpx.AsyncClient, resource: Resource) -> None:
    made = await resource.create(api, resource.second)
    path = f"{resource.path}/{made['id']}"

    response = await api.put(path, json={name: resource.first[name] for name in resource.required})

    after = response.json()
    assert response.status_code == 200
    assert given(after) == resource.first
    assert (after["id"], after["created_at"]) == (made["id"], made["created_at"])
    assert after["updated_at"] > made["updated_at"]
    assert (await api.get(path)).json() == after


async def test_a_change_is_seen_at_once(api: httpx.AsyncClient, resource: Resource) -> None:
    made = await resource.create(api, resource.second)
    path = f"{resource.path}/{made['id']}"

    changed = await api.patch(path, json=resource.change)
    shown = await api.get(path)

    assert (changed.status_code, given(changed.json())) == (200, {**resource.second, **resource.change})
    assert (shown.json(), shown.headers["etag"]) == (changed.json(), changed.headers["etag"])


async def test_null_removes_what_may_be_missing(api: httpx.AsyncClient, resource: Resource) -> None:
    made = await resource.create(api, resource.second)

    changed = await api.patch(
        f"{resource.path}/{made['id']}",
        json=resource.empty,
        headers={"content-type": "application/merge-patch+json"},
    )

    assert given(changed.json()) == {**resource.second, **resource.empty}


async def test_a_deleted_one_is_gone_for_ever(api: httpx.AsyncClient, resource: Resource) -> None:
    made = await resource.create(api)
    path = f"{resource.path}/{made['id']}"
    await api.patch(path, json=resource.change)

    response = await api.delete(path)

    assert (response.status_code, response.content) == (204, b"")
    assert (await api.get(path)).status_code == (await api.delete(path)).status_code == 404
    assert (await resource.create(api))["id"] > made["id"]


@pytest.mark.parametrize("id", ["0", "2", "01", "-1", "x", "9223372036854775808"])
async def test_what_is_not_there_is_not_found(api: httpx.AsyncClient, resource: Resource, id: str) -> None:
    await resource.create(api)
    path = f"{resource.path}/{id}"

    for response in (
        await api.get(path),
        await api.put(path, json=resource.first),
        await api.patch(path, json=resource.change),
        await api.delete(path),
    ):
        assert response.status_code == 404
        assert response.json()["error"] == "Not Found"


async def test_a_path_tells_what_it_allows(api: httpx.AsyncClient, resource: Resource) -> None:
    made = await resource.create(api)

    listed = await api.delete(resource.path)
    shown = await api.post(f"{resource.path}/{made['id']}")

    assert (listed.status_code, listed.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert (shown.status_code, shown.headers["allow"]) == (405, "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")


async def test_a_lost_update_is_refused_also_when_nothing_was_written_yet(
    api: httpx.AsyncClient, resource: Resource
) -> None:
    made = await resource.create(api)
    path = f"{resource.path}/{made['id']}"
    first = (await api.get(path)).headers["etag"]
    changed = await api.patch(path, json=resource.change)

    for response in (
        await api.put(path, json=resource.first, headers={"if-match": first}),
        await api.patch(path, json={"name": "Too late"}, headers={"if-match": first}),
        await api.delete(path, headers={"if-match": first}),
    ):
        assert response.status_code == 412
        assert response.json()["error"] == "Precondition Failed"
    assert (await api.get(path)).json() == changed.json()


async def test_a_change_of_the_version_that_was_seen_is_made(api: httpx.AsyncClient, resource: Resource) -> None:
    made = await resource.create(api)
    path = f"{resource.path}/{made['id']}"
    tag = (await api.get(path)).headers["etag"]

    for _ in range(5):
        changed = await api.patch(path, json=resource.change, headers={"if-match": tag})
        assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)
        tag = changed.headers["etag"]
    assert (await api.delete(path, headers={"if-match": tag})).status_code == 204


async def test_of_many_who_change_the_same_version_one_does(api: httpx.AsyncClient, resource: Resource) -> None:
    made = await resource.create(api)
    path = f"{resource.path}/{made['id']}"
    headers = {"if-match": (await api.get(path)).headers["etag"]}

    responses = await asyncio.gather(*(api.patch(path, json={"name": f"N{n}"}, headers=headers) for n in range(20)))

    assert sorted(response.status_code for response in responses) == [200] + [412] * 19


async def test_what_a_client_has_already_is_not_sent_again(api: httpx.AsyncClient, resource: Resource) -> None:
    made = await resource.create(api)

    for path in (resource.path, f"{resource.path}/{made['id']}"):
        etag = (await api.get(path)).headers["etag"]
        again = await api.get(path, headers={"if-none-match": etag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


async def test_a_list_has_pages_that_lead_to_each_other(api: httpx.AsyncClient, resource: Resource) -> None:
    made = [await resource.create(api, body) for body in resource.many(5)]

    assert await pages(api, f"{resource.path}?limit=2&name=number") == [made[:2], made[2:4], made[4:]]


async def test_the_length_of_a_list_is_told_when_it_is_asked_for(api: httpx.AsyncClient, resource: Resource) -> None:
    for body in [*resource.many(3), resource.second]:
        await resource.create(api, body)

    counted = await api.get(resource.path, params={"count": "true", "limit": 1, "name": "NUMBER"})

    assert (counted.headers["x-total-count"], len(counted.json())) == ("3", 1)
    assert "x-total-count" not in (await api.get(resource.path)).headers


async def test_a_request_with_a_key_is_carried_out_once(api: httpx.AsyncClient, resource: Resource) -> None:
    headers = {"idempotency-key": "k-1"}
    first = await api.post(resource.path, json=resource.first, headers=headers)
    await api.patch(first.headers["location"], json=resource.change)

    again = await api.post(resource.path, json=resource.first, headers=headers)
    other = await api.post(resource.path, json=resource.second, headers=headers)

    assert (again.status_code, again.json(), again.headers["etag"]) == (201, first.json(), first.headers["etag"])
    assert again.headers["idempotency-replayed"] == "true"
    assert other.status_code == 422
    assert len((await api.get(resource.path)).json()) == 1


async def test_many_requests_with_one_key_at_once_are_answered_alike(
    api: httpx.AsyncClient, resource: Resource
) -> None:
    responses = await asyncio.gather(
        *(api.post(resource.path, json=resource.first, headers={"idempotency-key": "k-1"}) for _ in range(20))
    )

    assert {response.status_code for response in responses} == {201}
    assert len({response.text for response in responses}) == 1
    assert len((await api.get(resource.path)).json()) == 1
