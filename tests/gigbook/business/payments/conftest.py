"""A migrated database for the tests of payments, of both kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gigbook.application.service import migrated
from gigbook.business import database
from greenroom import Ref, child
from greenroom.infrastructure import Database, DatabaseUrl
from greenroom.testing import Tree, VirtualClock
from tests.gigbook.business.payments.scene import Scene


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseUrl:
    address = str(tmp_path / "test.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    found = DatabaseUrl.parse(address)
    migrated(found)
    return found


@pytest.fixture
async def scene(url: DatabaseUrl, clock: VirtualClock) -> AsyncIterator[Scene]:
    found = Scene(url, clock)
    await found.start()
    yield found
    await found.close()


@pytest.fixture
async def running_database(tree: Tree, url: DatabaseUrl) -> Ref[Database]:
    return await tree.start_supervised(child(Database, url).named(database.NAME))
