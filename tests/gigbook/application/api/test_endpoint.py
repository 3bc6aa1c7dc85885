import asyncio

import httpx
import pytest
from msgspec import Struct
from starlette.routing import Route, Router

from gigbook.application.api.answers import Answer
from gigbook.application.api.endpoint import Endpoint, Nowhere
from gigbook.application.api.operations import delete, get, post
from gigbook.application.api.request import Request


class Thing(Struct):
    name: str


async def crash(_: Request) -> Answer:
    raise ValueError("secret")


async def echo(_: Request, thing: Thing) -> Answer:
    return Answer(200, thing.name.encode())


async def remove(_: Request) -> None:
    return None


async def cancel(_: Request) -> Answer:
    raise asyncio.CancelledError


ENDPOINTS = (
    Endpoint("/things", get(crash), post(echo, Thing)),
    Endpoint("/things/{id}", delete(remove), get(cancel)),
    Endpoint("/things/{id}/confirm", post(remove)),
)


@pytest.fixture
def api() -> httpx.AsyncClient:
    app = Router([Route(one.path, one) for one in ENDPOINTS], redirect_slashes=False, default=Nowhere())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def test_what_needs_no_body_is_done_with_and_without_one(api: httpx.AsyncClient) -> None:
    assert (await api.post("/things/1/confirm")).status_code == 204
    assert (await api.post("/things/1/confirm", content=b"{")).status_code == 204


async def test_a_crash_is_a_500_with_an_id_that_finds_the_log_line(
    api: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    response = await api.get("/things")

    body = response.json()
    assert response.status_code == 500
    assert body.keys() == {"error", "message", "request_id"}
    assert "secret" not in response.text
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["request_id"] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/things", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/things/1", "DELETE, GET, HEAD, OPTIONS"),
        ("BREW", "/things", "GET, HEAD, OPTIONS, POST"),
    ],
)
async def test_a_method_that_is_not_possible_is_answered_with_those_that_are(
    api: httpx.AsyncClient, method: str, path: str, allow: str
) -> None:
    response = await api.request(method, path)

    assert (response.status_code, response.headers["allow"]) == (405, allow)
    assert response.json() == {
        "error": "Method Not Allowed",
        "message": f"{method} is not possible here; these are: {allow}",
    }


async def test_options_tells_what_is_possible(api: httpx.AsyncClient) -> None:
    response = await api.options("/things")

    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize("path", ["/", "/nothing", "/things/", "/things/1/2", "//things"])
async def test_everything_else_is_not_found(api: httpx.AsyncClient, path: str) -> None:
    response = await api.get(path)

    assert response.status_code == 404
    assert response.json() == {"error": "Not Found", "message": "Nothing is here; /docs shows what there is"}


async def test_done_with_nothing_to_tell_is_a_204_without_a_length(api: httpx.AsyncClient) -> None:
    response = await api.delete("/things/1")

    assert (response.status_code, response.content) == (204, b"")
    assert "content-length" not in response.headers


async def test_a_request_that_is_cut_off_at_the_end_is_told_so(api: httpx.AsyncClient) -> None:
    response = await api.get("/things/1")

    assert response.status_code == 503
    assert "may have been carried out" in response.text


@pytest.mark.parametrize("given", ["mine", "a-1_b.c:d/e+f=@", "x" * 128])
async def test_a_sane_request_id_is_taken_over(api: httpx.AsyncClient, given: str) -> None:
    assert (await api.get("/", headers={"x-request-id": given})).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, '"quoted"', "a,b"])
async def test_any_other_request_id_is_replaced(api: httpx.AsyncClient, given: str) -> None:
    found = (await api.get("/", headers={"x-request-id": given})).headers["x-request-id"]

    assert found != given
    assert len(found) == 16


async def test_two_requests_have_two_ids(api: httpx.AsyncClient) -> None:
    first, second = await api.get("/"), await api.get("/")

    assert first.headers["x-request-id"] != second.headers["x-request-id"]
