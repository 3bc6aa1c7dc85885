import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.gigbook.application.api.pages import pages

ADA = {"name": "Ada Lovelace", "email": "ada@example.com"}
GRACE = {"name": "Grace Hopper", "email": "grace@example.com", "phone": "+1 555 0100", "address": "Arlington"}


async def create(api: httpx.AsyncClient, body: dict[str, Any] = ADA) -> dict[str, Any]:
    response = await api.post("/api/customers", json=body)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def test_a_new_customer_is_answered_with_all_its_fields_and_its_address(api: httpx.AsyncClient) -> None:
    response = await api.post("/api/customers", json={"name": " Ada Lovelace ", "email": "Ada@Example.com"})

    made = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/api/customers/{made['id']}"
    assert response.headers["etag"] == '"1"'
    assert made.keys() == {"id", "name", "email", "phone", "address", "created_at", "updated_at"}
    assert (made["name"], made["email"], made["phone"], made["address"]) == (
        "Ada Lovelace",
        "ada@example.com",
        None,
        None,
    )


async def test_moments_are_utc_in_iso_8601(api: httpx.AsyncClient) -> None:
    made = await create(api)

    moment = datetime.fromisoformat(made["created_at"])
    assert made["created_at"].endswith("Z")
    assert made["created_at"] == made["updated_at"]
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60


async def test_a_customer_is_shown_as_it_was_made(api: httpx.AsyncClient) -> None:
    made = await create(api, GRACE)

    response = await api.get(f"/api/customers/{made['id']}")

    assert (response.status_code, response.json()) == (200, made)


async def test_head_is_get_without_the_body(api: httpx.AsyncClient) -> None:
    made = await create(api)

    for path in (f"/api/customers/{made['id']}", "/api/customers", "/health", "/openapi.json", "/docs"):
        got, head = await api.get(path), await api.head(path)
        assert head.status_code == got.status_code == 200
        assert head.content == b""
        assert head.headers["content-length"] == str(len(got.content))
        assert head.headers.get("etag") == got.headers.get("etag")


async def test_an_address_is_taken_once_in_any_case(api: httpx.AsyncClient) -> None:
    await create(api)

    response = await api.post("/api/customers", json={"name": "Eve", "email": "ADA@example.COM"})

    assert response.status_code == 409
    assert response.json() == {"error": "Conflict", "message": "Email already exists"}


async def test_of_many_who_want_an_address_at_once_one_gets_it(api: httpx.AsyncClient) -> None:
    responses = await asyncio.gather(*(api.post("/api/customers", json=ADA) for _ in range(20)))

    assert sorted(response.status_code for response in responses) == [201] + [409] * 19


async def test_invalid_values_are_all_named_with_their_reasons(api: httpx.AsyncClient) -> None:
    response = await api.post("/api/customers", json={"name": " ", "email": "ada", "phone": 5, "shoe": 43})

    assert response.status_code == 400
    assert response.json() == {
        "error": "Bad Request",
        "message": "Some values are not valid",
        "details": {
            "name": "must not be empty",
            "email": "must be a valid e-mail address",
            "phone": "must be a string or null",
            "shoe": "is not known",
        },
    }


async def test_rules_that_a_schema_can_not_say_are_told_alike(api: httpx.AsyncClient) -> None:
    response = await api.post("/api/customers", json={"name": " ", "email": "ada"})

    assert response.status_code == 400
    assert response.json()["details"].keys() == {"name", "email"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"x"',
        b"NaN",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"name": "Ada", "email": "ada@example.com", "name": "Eve"}',
        b'{"name": "A\\u0000da", "email": "ada@example.com"}',
        b'{"name": "A\x00da", "email": "ada@example.com"}',
        b'{"name": "\\ud83d", "email": "ada@example.com"}',
        b'{"name": Infinity, "email": "ada@example.com"}',
        b'{"name": 1e400, "email": "ada@example.com"}',
        b'{"name": {"name": "Ada"}, "email": "ada@example.com"}',
        b'{"name": "Ada", "email": "ada@example.com", "id": 5}',
    ],
)
async def test_a_body_that_makes_no_sense_is_refused(api: httpx.AsyncClient, body: bytes) -> None:
    made = await create(api, GRACE)

    for method, path in (("POST", "/api/customers"), ("PUT", f"/api/customers/{made['id']}")):
        response = await api.request(method, path, content=body, headers={"content-type": "application/json"})
        assert response.status_code == 400
        assert response.json()["error"] == "Bad Request"


async def test_a_body_of_another_type_is_refused(api: httpx.AsyncClient) -> None:
    response = await api.post("/api/customers", content=b"name=Ada")

    assert response.status_code == 415
    assert response.json()["error"] == "Unsupported Media Type"


async def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(api: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65536

    headers = {"content-type": "application/json"}
    told = await api.post("/api/customers", content=b"x" * (1024 * 1024 + 1), headers=headers)
    untold = await api.post("/api/customers", content=chunks(), headers=headers)

    assert told.status_code == untold.status_code == 413
    assert told.json()["error"] == "Content Too Large"


@pytest.mark.parametrize(
    "id", ["1", "0", "-1", "007", "x", "1.0", "9223372036854775807", "9223372036854775808", "9" * 5000, "%00", "%F0%9F"]
)
async def test_what_is_nobodys_id_is_not_found(api: httpx.AsyncClient, id: str) -> None:
    for method in ("GET", "HEAD", "DELETE"):
        assert (await api.request(method, f"/api/customers/{id}")).status_code == 404
    assert (await api.put(f"/api/customers/{id}", json=ADA)).status_code == 404
    assert (await api.patch(f"/api/customers/{id}", json={})).status_code == 404


async def test_a_missing_customer_has_the_documented_error(api: httpx.AsyncClient) -> None:
    response = await api.get("/api/customers/1")

    assert response.json() == {"error": "Not Found", "message": "Customer not found"}


async def test_put_replaces_everything(api: httpx.AsyncClient) -> None:
    made = await create(api, GRACE)

    response = await api.put(
        f"/api/customers/{made['id']}", json={"name": "Rear Admiral", "email": "Grace@example.com"}
    )

    after = response.json()
    assert (response.status_code, response.headers["etag"]) == (200, '"2"')
    assert after == {**made, "name": "Rear Admiral", "phone": None, "address": None, "updated_at": after["updated_at"]}
    assert after["updated_at"] >= made["updated_at"]
    assert (await api.get(f"/api/customers/{made['id']}")).json() == after


async def test_patch_changes_what_it_names_and_null_removes(api: httpx.AsyncClient) -> None:
    made = await create(api, GRACE)
    path = f"/api/customers/{made['id']}"

    response = await api.patch(path, json={"phone": None}, headers={"content-type": "application/merge-patch+json"})

    after = response.json()
    assert after == {**made, "phone": None, "updated_at": after["updated_at"]}
    assert (await api.patch(path, json={"name": None})).json()["details"] == {"name": "must be a string"}


async def test_an_address_of_somebody_else_can_not_be_taken_over(api: httpx.AsyncClient) -> None:
    await create(api)
    grace = await create(api, GRACE)

    put = await api.put(f"/api/customers/{grace['id']}", json={"name": "Grace", "email": "Ada@example.com"})
    patch = await api.patch(f"/api/customers/{grace['id']}", json={"email": "ada@example.com"})

    assert put.status_code == patch.status_code == 409
    assert (await api.get(f"/api/customers/{grace['id']}")).json() == grace


async def test_a_deleted_customer_is_gone_for_ever(api: httpx.AsyncClient) -> None:
    made = await create(api)
    path = f"/api/customers/{made['id']}"

    response = await api.delete(path)

    assert (response.status_code, response.content) == (204, b"")
    assert (await api.get(path)).status_code == (await api.delete(path)).status_code == 404
    assert (await create(api))["id"] > made["id"]


async def test_a_lost_update_is_refused(api: httpx.AsyncClient) -> None:
    made = await create(api)
    path = f"/api/customers/{made['id']}"
    first = (await api.get(path)).headers["etag"]
    await api.patch(path, json={"phone": "1"})

    for response in (
        await api.put(path, json=ADA, headers={"if-match": first}),
        await api.patch(path, json={"phone": "2"}, headers={"if-match": first}),
        await api.delete(path, headers={"if-match": first}),
    ):
        assert response.status_code == 412
        assert response.json()["error"] == "Precondition Failed"
    assert (await api.get(path)).json()["phone"] == "1"


async def test_a_change_of_the_version_that_was_seen_is_made(api: httpx.AsyncClient) -> None:
    made = await create(api)
    path = f"/api/customers/{made['id']}"
    seen = (await api.get(path)).headers["etag"]

    assert (await api.put(path, json=ADA, headers={"if-match": seen})).status_code == 200
    assert (await api.delete(path, headers={"if-match": "*"})).status_code == 204


async def test_of_many_who_change_the_same_version_one_does(api: httpx.AsyncClient) -> None:
    made = await create(api)

    responses = await asyncio.gather(
        *(
            api.patch(f"/api/customers/{made['id']}", json={"phone": str(n)}, headers={"if-match": '"1"'})
            for n in range(20)
        )
    )

    assert sorted(response.status_code for response in responses) == [200] + [412] * 19


async def test_what_a_client_has_already_is_not_sent_again(api: httpx.AsyncClient) -> None:
    made = await create(api)

    for path in (f"/api/customers/{made['id']}", "/api/customers", "/openapi.json", "/docs"):
        etag = (await api.get(path)).headers["etag"]
        again = await api.get(path, headers={"if-none-match": etag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


async def test_a_list_has_pages_that_lead_to_each_other(api: httpx.AsyncClient) -> None:
    made = [await create(api, {"name": f"N{n}", "email": f"n{n}@example.com"}) for n in range(5)]

    assert await pages(api, "/api/customers?limit=2") == [made[:2], made[2:4], made[4:]]


async def test_a_list_that_ends_with_its_page_has_no_next_one(api: httpx.AsyncClient) -> None:
    await create(api)

    response = await api.get("/api/customers", params={"limit": 1})

    assert len(response.json()) == 1
    assert "link" not in response.headers


async def test_the_length_of_a_list_is_told_when_it_is_asked_for(api: httpx.AsyncClient) -> None:
    for n in range(3):
        await create(api, {"name": f"N{n}", "email": f"n{n}@example.com"})

    counted = await api.get("/api/customers", params={"count": "true", "limit": 1, "name": "n"})

    assert counted.headers["x-total-count"] == "3"
    assert "x-total-count" not in (await api.get("/api/customers")).headers
    assert "count" not in counted.links["next"]["url"]
    assert "name=n" in counted.links["next"]["url"]


async def test_a_list_is_filtered_by_address_and_by_the_beginning_of_the_name(api: httpx.AsyncClient) -> None:
    ada, grace = await create(api), await create(api, GRACE)
    odd = await create(api, {"name": "100%_\\'\"; --", "email": "odd@example.com"})

    async def found(**parameters: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = (await api.get("/api/customers", params=parameters)).json()
        return listed

    assert await found(email="ADA@example.com") == [ada]
    assert await found(email="ada@example") == []
    assert await found(name="grace") == [grace]
    assert await found(name="Ada Lovelace", email="grace@example.com") == []
    assert await found(name="100%_\\'\"") == [odd]
    assert await found(name="%") == []
    assert await found(name="_") == []


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("limit=0", {"limit": "must be an integer >= 1"}),
        ("limit=201", {"limit": "must be an integer <= 200"}),
        ("limit=many&page=2", {"limit": "must be an integer", "page": "is not known"}),
        ("limit=1&limit=2", {"limit": "is given twice"}),
        ("cursor=zzz", {"cursor": "is none that this list gave out"}),
        ("count=perhaps", {"count": "must be true or false"}),
    ],
)
async def test_wrong_parameters_are_named(api: httpx.AsyncClient, query: str, details: dict[str, str]) -> None:
    response = await api.get(f"/api/customers?{query}")

    assert response.status_code == 400
    assert response.json()["details"] == details


@pytest.mark.parametrize("query", ["name=%00", "name=%FF", "email=%00", "name=" + "a" * 5000, "%00=1", "&&&", "="])
async def test_odd_parameters_are_no_errors_of_ours(api: httpx.AsyncClient, query: str) -> None:
    assert (await api.get(f"/api/customers?{query}")).status_code in (200, 400)


async def test_a_request_with_a_key_is_carried_out_once(api: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": "k-1"}
    first = await api.post("/api/customers", json=ADA, headers=headers)
    await api.patch(first.headers["location"], json={"phone": "1"})

    again = await api.post("/api/customers", json=ADA, headers=headers)

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert len((await api.get("/api/customers")).json()) == 1


async def test_many_requests_with_one_key_at_once_are_answered_alike(api: httpx.AsyncClient) -> None:
    responses = await asyncio.gather(
        *(api.post("/api/customers", json=ADA, headers={"idempotency-key": "k-1"}) for _ in range(20))
    )

    assert {response.status_code for response in responses} == {201}
    assert len({response.text for response in responses}) == 1
    assert len((await api.get("/api/customers")).json()) == 1


async def test_a_key_is_for_one_request(api: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": "k-1"}
    await api.post("/api/customers", json=ADA, headers=headers)

    other = await api.post("/api/customers", json=GRACE, headers=headers)

    assert other.status_code == 422
    assert len((await api.get("/api/customers")).json()) == 1


async def test_a_refused_request_leaves_its_key_free(api: httpx.AsyncClient) -> None:
    await create(api)
    headers = {"idempotency-key": "k-1"}
    refused = await api.post("/api/customers", json=ADA, headers=headers)

    made = await api.post("/api/customers", json=GRACE, headers=headers)

    assert (refused.status_code, made.status_code) == (409, 201)


@pytest.mark.parametrize("key", ["", "a b", "a" * 256])
async def test_a_key_that_is_none_is_refused(api: httpx.AsyncClient, key: str) -> None:
    response = await api.post("/api/customers", json=ADA, headers={"idempotency-key": key})

    assert response.status_code == 400
