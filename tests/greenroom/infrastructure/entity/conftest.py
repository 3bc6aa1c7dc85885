"""A database whose time stands still, and the real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenroom import Ref, child
from greenroom.infrastructure import Columns, Database, DatabaseUrl, entities
from greenroom.testing import Tree, VirtualClock
from tests.greenroom.infrastructure.entity.loud import Loud, Sign
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase
from tests.greenroom.infrastructure.entity.venues import Diary, tables, venue_kind, venues


@pytest.fixture(params=["file", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseUrl:
    """An empty database that is the test's own, with tables."""
    address = str(tmp_path / "test.db") if request.param == "file" else request.getfixturevalue("postgres_url")
    found = DatabaseUrl.parse(address)
    tables(found)
    return found


@pytest.fixture
async def database(tree: Tree, url: DatabaseUrl) -> Ref[Database]:
    """A real database, running."""
    return await tree.start_supervised(child(Database, url, max_connections=8).named("database"))


@pytest.fixture
async def moody(tree: Tree, tmp_path: Path, clock: VirtualClock) -> Ref[MoodyDatabase]:
    """A database that fails on command, in a test whose time stands still."""
    found = DatabaseUrl.parse(str(tmp_path / "moody.db"))
    tables(found)
    return await tree.start_supervised(child(MoodyDatabase, found).named("database"))


@pytest.fixture
async def kind(tree: Tree, moody: Ref[MoodyDatabase]) -> None:
    """All venues, over that database."""
    await tree.start_supervised(venue_kind())


@pytest.fixture
async def sign(tree: Tree, moody: Ref[MoodyDatabase]) -> Ref[Sign]:
    """A sign that shows what the venue 7 tells; all venues are loud ones."""
    await tree.start_supervised(entities(Loud, Columns(venues, Diary)))
    return await tree.start_supervised(child(Sign).named("sign"))
