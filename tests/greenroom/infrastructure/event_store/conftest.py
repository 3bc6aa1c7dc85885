"""One suite for both kinds of database: a test that asks for `url` runs on each."""

from pathlib import Path

import pytest

from greenroom import Ref
from greenroom.infrastructure import Database, DatabaseUrl, EventStore
from greenroom.testing import Tree
from tests.greenroom.infrastructure.event_store.gigs import CODEC, GigEvent, create_tables


@pytest.fixture(params=["file", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseUrl:
    """A database with tables that is the test's own."""
    address = str(tmp_path / "test.db") if request.param == "file" else request.getfixturevalue("postgres_url")
    found = DatabaseUrl.parse(address)
    create_tables(found)
    return found


@pytest.fixture
async def database(tree: Tree, url: DatabaseUrl) -> Ref[Database]:
    """The database, running."""
    return await tree.start(Database, url, max_connections=8)


@pytest.fixture
async def store(database: Ref[Database]) -> EventStore[GigEvent]:
    """The events in it."""
    return EventStore(database, CODEC)
