"""The OpenAPI document and the service say the same: Schemathesis makes requests of the one for the other."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from gigbook.application.api.answers import ErrorBody
from gigbook.application.settings import Settings
from tests.gigbook.application.api.listening import listening
from tests.gigbook.conftest import Service
from tests.gigbook.program import running

SETTINGS = Path(__file__).with_name("schemathesis.toml")

EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "10")
"""How many requests to make for each operation and phase; many thousands find what ten do not."""


@pytest.mark.timeout(0)
async def test_no_generated_request_is_answered_in_a_way_that_is_not_documented(tmp_path: Path) -> None:
    async with running(tmp_path / "customers.db") as program:
        url = await program.url()
        drain = asyncio.create_task(program.ended())
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "schemathesis.cli", "--config-file", str(SETTINGS), "run", f"{url}/openapi.json"),
            *("--max-examples", EXAMPLES, "--no-color"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=tmp_path,
        )
        output, _ = await process.communicate()
        program.signal(signal.SIGTERM)
        await drain

    assert process.returncode == 0, output.decode()
    assert [line for line in program.log if line["level"] == "error"] == []


Json = dict[str, Any]

VENUE: Json = {"name": "Blue Note", "city": "Berlin", "capacity": 300, "time_zone": "Europe/Berlin"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestTheStreamOfEvents:
    """Schemathesis leaves it out, since it would wait for the end of it."""

    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(database_url=database_url, port=0, max_connections=4, max_streams=1)

    async def test_it_begins_as_is_documented_and_is_refused_as_is_documented(self, service: Service) -> None:
        id = (await service.api.post("/api/venues", json=VENUE)).json()["id"]
        path = f"/api/venues/{id}/events"
        url = f"http://127.0.0.1:{service.port}{path}"
        responses = (await described(service.api))["get"]["responses"]

        async with listening(url) as stream:
            await stream.more()
            assert documented(stream.response, responses) == (200, "text/event-stream")
            assert stream.source.events[0].type == "venue"
            async with listening(url) as one_too_many:
                await one_too_many.response.aread()
                assert documented(one_too_many.response, responses) == (503, "application/json")
        for nowhere in ("999", "0", "-1", "1.5", "none", str(2**63)):
            missing = await service.api.get(f"/api/venues/{nowhere}/events")
            assert documented(missing, responses) == (404, "application/json")

    async def test_head_is_answered_as_get_is_and_every_other_method_is_refused(self, service: Service) -> None:
        id = (await service.api.post("/api/venues", json=VENUE)).json()["id"]
        path = f"/api/venues/{id}/events"
        operations = await described(service.api)

        head, nowhere = await service.api.head(path), await service.api.head("/api/venues/999/events")
        others = [await service.api.request(method, path) for method in ("POST", "PUT", "PATCH", "DELETE")]

        assert documented(head, operations["get"]["responses"]) == (200, "text/event-stream")
        assert (head.content, nowhere.status_code, nowhere.content) == (b"", 404, b"")
        assert operations.keys() == {"get"}
        assert [(it.status_code, it.headers["allow"]) for it in others] == [(405, "GET, HEAD, OPTIONS")] * 4


async def described(api: httpx.AsyncClient) -> Json:
    """What the document says of the stream: the operations, by their methods."""
    found: Json = (await api.get("/openapi.json")).json()["paths"]["/api/venues/{id}/events"]
    return found


def documented(response: httpx.Response, responses: Json) -> tuple[int, str]:
    """The status and the content type of an answer, once it has all that the document says of it."""
    promised = responses[str(response.status_code)]
    kind = response.headers["content-type"]
    assert list(promised["content"]) == [kind]
    assert response.headers.keys() >= {name.lower() for name in promised.get("headers", ())}
    if kind == "application/json":
        msgspec.json.decode(response.content, type=ErrorBody)
    return response.status_code, kind
