"""What a customer's process does when the row is not what it thinks."""

import pytest

from gigbook.application.settings import Settings
from gigbook.business import customers
from gigbook.business.customers import CustomerChanges, CustomerDraft
from gigbook.business.customers.server import CustomerServer
from gigbook.business.customers.table import customers as table
from gigbook.business.database import NAME, database
from gigbook.business.refusals import Changed, EmailExists, NotFound
from gigbook.business.versions import Versioned
from greenroom import Supervisor
from greenroom.infrastructure import Database, NotSaved
from tests.gigbook.conftest import Service

pytestmark = pytest.mark.usefixtures("service")


async def made(name: str = "ada") -> int:
    found = await customers.create(CustomerDraft(name=name, email=f"{name}@example.com"))
    assert isinstance(found, Versioned)
    await customers.fetch(found.value.id)
    return found.value.id


async def test_a_change_by_another_program_is_noticed_and_not_overwritten() -> None:
    id = await made()
    await database.call(Database.update, table, id, {"phone": "from elsewhere"})

    after = await customers.patch(id, CustomerChanges(name="Ada King"))

    assert isinstance(after, Versioned)
    assert (after.version, after.value.name, after.value.phone) == (3, "Ada King", "from elsewhere")


async def test_a_change_of_a_version_that_another_program_replaced_is_refused() -> None:
    id = await made()
    await database.call(Database.update, table, id, {"phone": "from elsewhere"})

    assert await customers.patch(id, CustomerChanges(name="Ada King"), frozenset({1})) == Changed(2)
    assert await customers.delete(id, frozenset({1})) == Changed(2)


async def test_a_customer_that_another_program_deleted_is_gone() -> None:
    ada, grace = await made("ada"), await made("grace")
    await database.call(Database.delete, table, ada)
    await database.call(Database.delete, table, grace)

    assert await customers.patch(ada, CustomerChanges(name="Ada King")) == NotFound("Customer")
    assert await customers.delete(grace) == NotFound("Customer")


async def test_a_refused_change_leaves_the_customer_as_it_was() -> None:
    ada = await made("ada")
    await made("grace")
    before = await customers.fetch(ada)

    refused = await customers.patch(ada, CustomerChanges(name="Eve", email="GRACE@example.com"))

    assert refused == EmailExists("grace@example.com")
    assert await customers.fetch(ada) == before


async def test_a_database_that_is_away_costs_a_customer_neither_its_process_nor_its_state(service: Service) -> None:
    id = await made()
    before, process = await customers.fetch(id), CustomerServer.at(id).where()
    await service.tree.call(Supervisor.terminate_child, NAME)

    with pytest.raises(NotSaved):
        await customers.patch(id, CustomerChanges(name="Ada King"))
    with pytest.raises(NotSaved):
        await customers.delete(id)

    assert await customers.fetch(id) == before
    assert CustomerServer.at(id).where() is process
    await service.tree.call(Supervisor.restart_child, NAME)
    assert isinstance(await customers.patch(id, CustomerChanges(name="Ada King")), Versioned)


async def test_each_change_makes_the_next_version_and_a_later_moment() -> None:
    id = await made()

    for version in range(2, 6):
        before = await customers.fetch(id)
        after = await customers.patch(id, CustomerChanges(phone=str(version)))
        assert isinstance(before, Versioned)
        assert isinstance(after, Versioned)
        assert after.version == version
        assert after.value.updated_at > before.value.updated_at
        assert after.value.created_at == before.value.created_at


class TestIdle:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(database_url=database_url, port=0, max_connections=4, entity_idle_seconds=0.02)

    async def test_a_process_that_nobody_asks_ends_by_itself_after_the_time_that_is_set(self, service: Service) -> None:
        id = await made()
        process = CustomerServer.at(id).where()

        if process is not None:
            await process.down()

        assert isinstance(await customers.fetch(id), Versioned)
        assert CustomerServer.at(id).where() is not process
