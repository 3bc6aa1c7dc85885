"""What a venue's process promises: changes at once, managers on disk, and word to whoever listens."""

from datetime import UTC, datetime

import pytest
from msgspec import structs

from gigbook.business import users, venues
from gigbook.business.database import database
from gigbook.business.profiles import stamp
from gigbook.business.refusals import Changed, InUse, InvalidData, NotFound
from gigbook.business.users import Role, UserDraft
from gigbook.business.users.table import users as users_table
from gigbook.business.venues import OpeningSlot, Venue, VenueChanged, VenueChanges, VenueDraft
from gigbook.business.venues.server import NO_MANAGER, VenueServer
from gigbook.business.venues.topic import topic_of
from gigbook.business.versions import Versioned
from greenroom.infrastructure import Database
from tests.gigbook.conftest import Service

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BLUE_NOTE = Venue(
    id=1,
    name="Blue Note",
    city="New York",
    capacity=300,
    time_zone="America/New_York",
    opening=(),
    manager_id=None,
    description=None,
    created_at=NOON,
    updated_at=NOON,
)


def draft(manager_id: int | None = None) -> VenueDraft:
    return VenueDraft(
        name="Blue Note",
        city="New York",
        capacity=300,
        time_zone="America/New_York",
        opening=(OpeningSlot(weekday="friday", opens="18:00", closes="02:00"),),
        manager_id=manager_id,
    )


async def user(role: Role) -> int:
    found = await users.create(UserDraft(name=role, email=f"{role}@example.com", role=role))
    assert isinstance(found, Versioned)
    return found.value.id


async def made(manager_id: int | None = None) -> Versioned[Venue]:
    found = await venues.create(draft(manager_id))
    assert isinstance(found, Versioned)
    return found


async def stored(id: int) -> Venue:
    (venue,) = await venues.page(venues.Filter(), after=id - 1, limit=1)
    return venue


async def test_a_profile_changes_at_once_and_gets_another_version() -> None:
    venue = VenueServer.of(1, BLUE_NOTE)

    after = await venue.change(VenueChanges(capacity=250), frozenset({stamp(BLUE_NOTE)}))

    assert isinstance(after, Versioned)
    assert after == await venue.get()
    assert after.value.capacity == 250
    assert after.version != stamp(BLUE_NOTE)


async def test_a_change_is_told_to_whoever_listens_and_a_refused_one_is_not() -> None:
    venue = VenueServer.of(1, BLUE_NOTE)

    async with topic_of(1).listen() as told:
        assert await venue.change(VenueChanges(capacity=100), frozenset()) == Changed(stamp(BLUE_NOTE))
        await venue.change(VenueChanges(capacity=250), None)
        await venue.change(VenueChanges(manager_id=7), None)

        first, second = await anext(told), await anext(told)

    assert isinstance(first, VenueChanged)
    assert first.venue.capacity == 250
    assert second == VenueChanged(structs.replace(first.venue, manager_id=7, updated_at=venue.state.updated_at))


@pytest.mark.usefixtures("service")
class TestInATree:
    async def test_a_venue_is_shown_as_it_was_made(self) -> None:
        venue = await made()

        assert await venues.fetch(venue.value.id) == venue
        assert await stored(venue.value.id) == venue.value
        assert venue.value.opening == draft().opening

    async def test_a_profile_is_shown_changed_before_it_is_written(self) -> None:
        before = await made()

        after = await venues.patch(before.value.id, VenueChanges(opening=(), city="Paris", time_zone="Europe/Paris"))

        assert isinstance(after, Versioned)
        assert await venues.fetch(before.value.id) == after
        assert await stored(before.value.id) == before.value

    async def test_a_change_of_the_manager_is_on_disk_with_all_that_waited(self) -> None:
        id = (await made()).value.id
        await venues.patch(id, VenueChanges(description="In the Village."))

        after = await venues.patch(id, VenueChanges(manager_id=await user("venue_manager")))

        assert isinstance(after, Versioned)
        assert await stored(id) == after.value
        assert after.value.description == "In the Village."

    @pytest.mark.parametrize(
        ("role", "may"), [("artist", False), ("booker", False), ("venue_manager", True), ("admin", True)]
    )
    async def test_only_some_may_manage_a_venue(self, role: Role, may: bool) -> None:
        manager = await user(role)
        venue = await made()

        outcomes = [
            await venues.create(draft(manager)),
            await venues.update(venue.value.id, draft(manager)),
            await venues.patch(venue.value.id, VenueChanges(manager_id=manager)),
        ]

        assert [isinstance(outcome, Versioned) for outcome in outcomes] == [may] * 3
        assert may or outcomes == [NO_MANAGER] * 3

    async def test_nobody_is_no_manager_and_other_flaws_are_named_too(self) -> None:
        venue = await made()

        assert await venues.patch(venue.value.id, VenueChanges(name=" ", manager_id=999)) == InvalidData(
            {"name": "must not be empty", **NO_MANAGER.reasons}
        )

    async def test_a_manager_who_is_removed_meanwhile_is_none_and_costs_nothing_else(self) -> None:
        manager = await user("admin")
        id = (await made()).value.id
        await users.fetch(manager)
        await venues.patch(id, VenueChanges(description="In the Village."))
        # The user's process does not know of it, and so answers that he is there.
        await database.call(Database.delete, users_table, manager)

        assert await venues.patch(id, VenueChanges(manager_id=manager)) == NO_MANAGER
        assert await venues.create(draft(manager)) == NO_MANAGER

        after = await venues.get_state(id)
        assert isinstance(after, Venue)
        assert (after.manager_id, after.description) == (None, "In the Village.")

    async def test_a_manager_can_not_be_removed_while_there_is_a_venue_to_manage(self) -> None:
        manager = await user("venue_manager")
        venue = await made(manager)

        assert await users.delete(manager) == InUse("User")
        assert isinstance(await users.fetch(manager), Versioned)
        assert await venues.delete(venue.value.id) is None
        assert await users.delete(manager) is None
        assert await users.fetch(manager) == NotFound("User")

    async def test_a_venue_is_ensured_and_its_state_told(self) -> None:
        id = (await made()).value.id

        address = await venues.ensure_server(id)

        assert not isinstance(address, NotFound)
        assert address.where() is not None
        assert await venues.get_state(id) == await stored(id)
        assert await venues.ensure_server(id + 1) == await venues.get_state(id + 1) == NotFound("Venue")

    async def test_a_stop_in_good_order_writes_what_waits(self, service: Service) -> None:
        id = (await made()).value.id
        after = await venues.patch(id, VenueChanges(opening=(), description="In the Village."))
        process = VenueServer.at(id).where()
        assert process is not None

        await process.stop()

        assert isinstance(after, Versioned)
        assert await stored(id) == after.value
        assert await venues.fetch(id) == after
