"""One suite for every kind of database: a test that asks for `url` runs on each."""

from pathlib import Path

import pytest

from greenroom import Ref
from greenroom.infrastructure import Database, DatabaseUrl
from greenroom.testing import Tree
from tests.greenroom.infrastructure.database.tables import create_tables


@pytest.fixture(params=["file", "memory", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseUrl:
    """An empty database that is the test's own."""
    return {
        "file": lambda: DatabaseUrl.parse(str(tmp_path / "test.db")),
        "memory": lambda: DatabaseUrl.parse(":memory:"),
        "postgresql": lambda: DatabaseUrl.parse(request.getfixturevalue("postgres_url")),
    }[request.param]()


@pytest.fixture
async def database(tree: Tree, url: DatabaseUrl) -> Ref[Database]:
    """A running database with tables."""
    create_tables(url)
    return await tree.start(Database, url, max_connections=8)
