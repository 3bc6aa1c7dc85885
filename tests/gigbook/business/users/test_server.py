"""How durable each change of a user is, and what happens when its row is not what its process thinks."""

from datetime import UTC, datetime

import pytest

from gigbook.application.settings import Settings
from gigbook.business import users
from gigbook.business.database import NAME, database
from gigbook.business.profiles import stamp
from gigbook.business.refusals import Changed, EmailExists, NotFound
from gigbook.business.users import UserChanges, UserDraft, server
from gigbook.business.users.model import User
from gigbook.business.users.server import UserServer
from gigbook.business.users.table import users as table
from gigbook.business.versions import Versioned
from greenroom import Supervisor
from greenroom.infrastructure import Database, NotSaved
from tests.gigbook.conftest import Service
from tests.gigbook.waiting import eventually

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NINA = User(
    id=1,
    name="Nina Simone",
    email="nina@example.com",
    role="artist",
    phone=None,
    bio=None,
    created_at=NOON,
    updated_at=NOON,
)
TAG = stamp(NINA)


async def made(name: str = "nina") -> int:
    found = await users.create(UserDraft(name=name, email=f"{name}@example.com", role="artist"))
    assert isinstance(found, Versioned)
    return found.value.id


async def stored(id: int) -> User:
    (user,) = await users.page(users.Filter(), after=id - 1, limit=1)
    return user


async def test_a_profile_changes_at_once_and_gets_another_version() -> None:
    nina = UserServer.of(1, NINA)

    after = await nina.change(UserChanges(bio="Piano"), frozenset({TAG}))

    assert isinstance(after, Versioned)
    assert after == await nina.get()
    assert (after.value.bio, after.value.created_at) == ("Piano", NOON)
    assert after.version != TAG


async def test_a_change_made_from_another_version_is_refused() -> None:
    nina = UserServer.of(1, NINA)

    assert await nina.change(UserChanges(bio="Piano"), frozenset({TAG - 1})) == Changed(TAG)
    assert await nina.delete(frozenset()) == Changed(TAG)
    assert nina.state is NINA


class TestWithALongInterval:
    """A change that is written later is not written while these tests last."""

    @pytest.fixture(autouse=True)
    def running(self, service: Service) -> None:
        return

    async def test_a_profile_is_shown_changed_before_it_is_written(self) -> None:
        id = await made()

        after = await users.patch(id, UserChanges(name="Eunice", phone="1", bio="Piano"))

        assert isinstance(after, Versioned)
        assert await users.fetch(id) == after
        assert (await stored(id)).name == "nina"

    @pytest.mark.parametrize("changes", [UserChanges(email="eunice@example.com"), UserChanges(role="admin")])
    async def test_a_change_of_the_address_or_the_role_is_on_disk_with_all_that_waited(
        self, changes: UserChanges
    ) -> None:
        id = await made()
        await users.patch(id, UserChanges(bio="Piano"))

        after = await users.patch(id, changes)

        assert isinstance(after, Versioned)
        assert await stored(id) == after.value
        assert after.value.bio == "Piano"

    async def test_an_address_that_is_taken_leaves_the_user_as_it_was(self) -> None:
        nina = await made("nina")
        await made("ella")
        await users.patch(nina, UserChanges(bio="Piano"))
        before = await users.fetch(nina)

        assert await users.patch(nina, UserChanges(email="ELLA@example.com", bio="Song")) == EmailExists(
            "ella@example.com"
        )

        assert await users.fetch(nina) == before

    async def test_a_crash_costs_what_was_not_written_and_its_version_stands_for_nothing_else(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        id = await made()
        before = await users.fetch(id)
        assert isinstance(before, Versioned)
        monkeypatch.setattr(server, "now", lambda: before.value.updated_at)
        lost = await users.patch(id, UserChanges(bio="Piano"))
        assert isinstance(lost, Versioned)

        UserServer.at(id).exit("kill")

        async def is_as_before() -> bool:
            return await users.fetch(id) == before

        await eventually(is_as_before)

        again = await users.patch(id, UserChanges(bio="Song"))
        assert isinstance(again, Versioned)
        assert again.value.updated_at == lost.value.updated_at
        assert await users.patch(id, UserChanges(bio="Jazz"), frozenset({lost.version})) == Changed(again.version)

    async def test_a_stop_in_good_order_writes_what_waits(self) -> None:
        id = await made()
        after = await users.patch(id, UserChanges(bio="Piano"))
        process = UserServer.at(id).where()
        assert process is not None

        await process.stop()

        assert isinstance(after, Versioned)
        assert await stored(id) == after.value

    async def test_a_change_by_another_program_is_noticed_and_not_overwritten(self) -> None:
        id = await made()
        await users.fetch(id)
        await database.call(Database.update, table, id, {"phone": "from elsewhere"})

        after = await users.patch(id, UserChanges(role="booker"))

        assert isinstance(after, Versioned)
        assert (after.value.role, after.value.phone) == ("booker", "from elsewhere")

    async def test_an_outage_refuses_what_must_be_stored_and_takes_the_rest_for_later(self, service: Service) -> None:
        id = await made()
        before = await users.fetch(id)
        await service.tree.call(Supervisor.terminate_child, NAME)

        with pytest.raises(NotSaved):
            await users.patch(id, UserChanges(role="booker"))
        with pytest.raises(NotSaved):
            await users.delete(id)
        assert await users.fetch(id) == before
        after = await users.patch(id, UserChanges(bio="Piano"))

        await service.tree.call(Supervisor.restart_child, NAME)
        assert await users.fetch(id) == after
        assert isinstance(await users.patch(id, UserChanges(role="booker")), Versioned)
        assert (await stored(id)).bio == "Piano"

    async def test_a_user_is_ensured_and_its_state_told(self) -> None:
        id = await made()

        address = await users.ensure_server(id)

        assert not isinstance(address, NotFound)
        assert address.where() is not None
        assert await users.get_state(id) == await stored(id)
        assert await users.ensure_server(id + 1) == await users.get_state(id + 1) == NotFound("User")
        assert await users.fetch(0) == await users.fetch(2**63) == NotFound("User")


class TestWithAShortInterval:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(
            database_url=database_url, port=0, max_connections=4, save_seconds=0.05, entity_idle_seconds=0.2
        )

    async def test_a_change_is_on_disk_after_the_interval(self, service: Service) -> None:
        id = await made()
        after = await users.patch(id, UserChanges(bio="Piano"))
        assert isinstance(after, Versioned)

        async def is_written() -> bool:
            return await stored(id) == after.value

        await eventually(is_written)

    async def test_a_user_that_nobody_asks_for_is_written_and_leaves(self, service: Service) -> None:
        id = await made()
        after = await users.patch(id, UserChanges(bio="Piano"))

        await UserServer.at(id).down()

        assert isinstance(after, Versioned)
        assert await stored(id) == after.value
        assert await users.fetch(id) == after
