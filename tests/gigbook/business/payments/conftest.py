"""What the tests of payments start from, on both kinds of database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gigbook.business import database
from greenroom import Ref, child
from greenroom.infrastructure import Database, DatabaseUrl
from greenroom.testing import Tree, VirtualClock
from tests.gigbook.business.payments.scene import Scene


@pytest.fixture
def url(database_url: str) -> DatabaseUrl:
    return DatabaseUrl.parse(database_url)


@pytest.fixture
async def scene(url: DatabaseUrl, clock: VirtualClock) -> AsyncIterator[Scene]:
    found = Scene(url, clock)
    await found.start()
    yield found
    await found.close()


@pytest.fixture
async def running_database(tree: Tree, url: DatabaseUrl) -> Ref[Database]:
    return await tree.start_supervised(child(Database, url).named(database.NAME))
