import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from shutil import copy
from typing import ClassVar

import httpx
import pytest
from msgspec import structs

from gigbook.application.settings import Settings
from gigbook.business.database import NAME
from greenroom import GenServer, Ref, Supervisor
from tests.disks import fill, read_only
from tests.gigbook.conftest import Service
from tests.gigbook.waiting import eventually

ADA = {"name": "Ada Lovelace", "email": "ada@example.com"}
CLUB = {"name": "Blue Note", "city": "New York", "capacity": 300, "time_zone": "America/New_York"}


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


class Outage(ABC):
    """A file that can not be written for a while; what it takes to make it so."""

    reason: ClassVar[str]

    @pytest.fixture
    def database_url(self, migrated_file: Path, tmp_path: Path) -> str:
        return str(copy(migrated_file, tmp_path))

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return structs.replace(settings, save_seconds=0.05)

    @abstractmethod
    def outage(self, path: Path) -> AbstractContextManager[object]:
        """Keep it from being written."""

    async def test_changes_are_refused_or_held_and_it_recovers_by_itself(
        self, api: httpx.AsyncClient, database_url: str
    ) -> None:
        made = await api.post("/api/venues", json=CLUB)
        venue = made.headers["location"]
        with self.outage(Path(database_url)):
            refused = await api.post("/api/customers", json=ADA)
            held = await api.patch(venue, json={"description": "In the Village."})
            await eventually(lambda: is_degraded(api, self.reason))
            again = await api.post("/api/customers", json=ADA)
            seen = await api.get(venue)

        for response in (refused, again):
            assert (response.status_code, response.headers["retry-after"]) == (503, "1")
            assert "nothing was changed" in response.json()["message"]
        assert held.status_code == seen.status_code == 200
        assert held.json() == seen.json()
        await eventually(lambda: works(api))
        assert (await api.get("/health")).text == "OK"
        await eventually(lambda: is_stored(database_url, "In the Village."))


class TestLocked(Outage):
    """Another program holds the write lock for longer than we wait."""

    reason = "locked"

    @contextmanager
    def outage(self, path: Path) -> Generator[None]:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")


class TestReadOnly(Outage):
    """Nobody may write to the file any more."""

    reason = "read_only"

    def outage(self, path: Path) -> AbstractContextManager[object]:
        return read_only(path)


class TestFull(Outage):
    """There is no room left on the disk."""

    reason = "full"

    @pytest.fixture
    def database_url(self, migrated_file: Path, small_disk: Path) -> str:
        return str(copy(migrated_file, small_disk))

    @contextmanager
    def outage(self, path: Path) -> Generator[None]:
        ballast = fill(path.parent)
        yield
        ballast.unlink()


async def works(api: httpx.AsyncClient) -> bool:
    return (await api.post("/api/customers", json=ADA)).status_code in (201, 409)


async def is_degraded(api: httpx.AsyncClient, reason: str) -> bool:
    health = await api.get("/health")
    return (health.status_code, health.text) == (503, f"Degraded: the database is {reason}")


async def is_stored(path: str, description: str) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        found: tuple[str] | None = connection.execute("SELECT description FROM venues").fetchone()
        return found == (description,)
