"""A whole Gigbook for a test: its own database, its own namespace, its own port."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copy

import httpx
import pytest

from gigbook.application.service import migrated
from gigbook.application.settings import Settings
from gigbook.application.tree import WEB
from gigbook.application.tree import tree as whole_tree
from gigbook.application.web import WebServer
from greenroom import Ref, Supervisor
from greenroom.infrastructure import DatabaseUrl
from greenroom.testing import Tree
from tests.postgres import Databases


@dataclass(frozen=True)
class Service:
    """One that runs: `api` is a client of it."""

    tree: Ref[Supervisor]
    port: int
    api: httpx.AsyncClient


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file to be copied: to migrate one takes longer than most tests."""
    file = tmp_path_factory.mktemp("migrated") / "customers.db"
    migrated(DatabaseUrl.parse(str(file)))
    return file


@pytest.fixture(scope="session")
def migrated_databases(postgres: str) -> Iterator[Databases]:
    """PostgreSQL databases with all tables and no rows."""
    databases = Databases(postgres, prepare=lambda url: migrated(DatabaseUrl.parse(url)))
    yield databases
    databases.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database that is the test's own, with all tables and no rows."""
    if request.param == "postgresql":
        databases: Databases = request.getfixturevalue("migrated_databases")
        with databases.lent() as url:
            yield url
    else:
        yield str(copy(request.getfixturevalue("migrated_file"), tmp_path))


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, port=0, shutdown_timeout=2.0, max_connections=4)


@pytest.fixture
async def service(tree: Tree, settings: Settings) -> AsyncIterator[Service]:
    url = DatabaseUrl.parse(settings.database_url)
    migrated(url)
    running = await tree.start_supervised(whole_tree(settings, url).restart("temporary"))
    _, port = await Ref(WebServer, WEB).call(WebServer.address)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None, verify=False) as api:
        yield Service(running, port, api)


@pytest.fixture
def api(service: Service) -> httpx.AsyncClient:
    return service.api
