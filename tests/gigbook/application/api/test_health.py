import sqlite3
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from gigbook.business.database import NAME
from greenroom import GenServer, Ref, Supervisor
from tests.gigbook.conftest import Service
from tests.gigbook.waiting import eventually

ADA = {"name": "Ada Lovelace", "email": "ada@example.com"}


async def test_a_service_that_works_says_ok(api: httpx.AsyncClient) -> None:
    response = await api.get("/health")

    assert (response.status_code, response.text) == (200, "OK")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_service_without_its_database_says_so(service: Service) -> None:
    await service.tree.call(Supervisor.terminate_child, NAME)
    response = await service.api.get("/health")

    assert response.status_code == 503
    assert response.text.startswith("Degraded")
    assert not Ref(GenServer, NAME).alive


class TestLocked:
    """Another program holds the write lock of the file for longer than we wait."""

    @pytest.fixture
    def database_url(self, tmp_path_factory: pytest.TempPathFactory) -> str:
        return str(tmp_path_factory.mktemp("locked") / "customers.db")

    @pytest.fixture
    def other(self, service: Service, database_url: str) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(database_url, isolation_level=None)) as connection:
            yield connection

    async def test_changes_are_refused_and_it_recovers_by_itself(
        self, api: httpx.AsyncClient, other: sqlite3.Connection
    ) -> None:
        other.execute("BEGIN IMMEDIATE")
        refused = await api.post("/api/customers", json=ADA)
        health = await api.get("/health")

        other.execute("ROLLBACK")

        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert "nothing was changed" in refused.json()["message"]
        assert (health.status_code, health.text) == (503, "Degraded: the database is locked")
        await eventually(lambda: works(api))
        assert (await api.get("/health")).text == "OK"


async def works(api: httpx.AsyncClient) -> bool:
    return (await api.post("/api/customers", json=ADA)).status_code in (201, 409)
