"""What the diary of a venue does when it is asked by many, when it crashes, and when its rows are changed by others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest

from gigbook.business import bookings, users, venues
from gigbook.business.bookings import (
    BookingChanged,
    BookingDraft,
    Calendar,
    Taken,
    WrongStatus,
    server,
    transitions,
    venue_topic,
)
from gigbook.business.bookings.events import EVENTS, BookingExpired, BookingHeld, stream
from gigbook.business.bookings.server import Diary
from gigbook.business.bookings.table import bookings as table
from gigbook.business.bookings.table import diaries
from gigbook.business.database import NAME, database
from gigbook.business.moments import now
from gigbook.business.refusals import InvalidData, NotFound
from gigbook.business.users import UserDraft
from gigbook.business.venues import Span, VenueDraft
from gigbook.business.versions import Versioned
from greenroom import ServerDown, Supervisor, sleep
from greenroom.infrastructure import Database, NotSaved, Origin
from greenroom.testing import expected_crash
from tests.gigbook.conftest import Service
from tests.gigbook.waiting import eventually

pytestmark = pytest.mark.usefixtures("service")

EVENING = datetime(2030, 11, 22, 20, tzinfo=UTC)


@pytest.fixture
async def venue(service: Service) -> int:
    made = await venues.create(VenueDraft(name="Kit Kat", city="Berlin", capacity=9, time_zone="Europe/Berlin"))
    assert isinstance(made, Versioned)
    return made.value.id


@pytest.fixture
async def artist(service: Service) -> int:
    made = await users.create(UserDraft(name="Nina", email="nina@example.com", role="artist"))
    assert isinstance(made, Versioned)
    return made.value.id


def hour(n: float) -> datetime:
    return EVENING + timedelta(hours=n)


async def requested(venue: int, artist: int, start: float = 0, end: float = 2) -> int:
    draft = BookingDraft(
        venue_id=venue,
        artist_id=artist,
        title="Nina plays Bach",
        starts_at=hour(start).isoformat(),
        ends_at=hour(end).isoformat(),
    )
    made = await bookings.request(draft)
    assert isinstance(made, Versioned), made
    return made.value.id


async def status(id: int) -> str:
    found = await bookings.fetch(id)
    assert isinstance(found, Versioned)
    return found.value.status


async def test_a_diary_is_started_by_its_first_use_and_knows_what_is_stored(venue: int, artist: int) -> None:
    id = await requested(venue, artist)
    held = await bookings.hold(id)
    Diary.at(venue).exit("kill")

    found = await bookings.get_state(venue)

    assert isinstance(found, Calendar)
    assert isinstance(held, Versioned)
    assert found.live == (held.value,)
    assert await bookings.ensure_server(venue) == Diary.at(venue)


async def test_there_is_no_diary_of_a_venue_that_is_not_there() -> None:
    assert await bookings.get_state(99) == await bookings.ensure_server(99) == NotFound("Venue")
    assert await bookings.calendar(99, hour(0), hour(1)) == NotFound("Venue")
    assert await bookings.fetch(99) == await bookings.fetch(0) == await bookings.fetch(2**70) == NotFound("Booking")
    assert await bookings.history(99, after=0, limit=9) == []


async def test_a_mistake_in_a_decision_costs_that_request_alone(
    venue: int, artist: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await requested(venue, artist), await requested(venue, artist, 3, 4)
    await bookings.hold(one)

    def fail(*_: object) -> NoReturn:
        raise ZeroDivisionError

    with monkeypatch.context() as patch, expected_crash(ZeroDivisionError):
        patch.setattr(transitions, "confirm", fail)
        with pytest.raises(ServerDown):
            await bookings.confirm(other)

    assert (await status(one), await status(other)) == ("held", "requested")
    assert isinstance(await bookings.confirm(other), Versioned)


async def test_while_the_database_is_away_nothing_is_decided_and_nothing_forgotten(
    service: Service, venue: int, artist: int
) -> None:
    one, other = await requested(venue, artist), await requested(venue, artist)
    await bookings.hold(one)
    process = Diary.at(venue).find()
    await service.tree.call(Supervisor.terminate_child, NAME)

    with pytest.raises(NotSaved):
        await Diary.at(venue).call(Diary.confirm, one, None, None)

    await service.tree.call(Supervisor.restart_child, NAME)
    assert Diary.at(venue).find() is process
    assert await bookings.confirm(other) == Taken(one)
    assert isinstance(await bookings.confirm(one), Versioned)


async def test_whoever_listens_is_told_of_each_change_once_it_is_stored(venue: int, artist: int) -> None:
    async with venue_topic(venue).listen() as changes:
        id = await requested(venue, artist)
        first, second = await bookings.fetch(id), await bookings.confirm(id)
        await bookings.confirm(id)
        third = await bookings.cancel(id)
        told = [await anext(changes) for _ in range(3)]

    assert told == [BookingChanged(it.value) for it in (first, second, third) if isinstance(it, Versioned)]
    assert [it.booking.status for it in told if isinstance(it, BookingChanged)] == [
        "requested",
        "confirmed",
        "cancelled",
    ]


async def test_a_hold_that_had_to_lapse_is_told_though_what_it_made_room_for_fails(
    venue: int, artist: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await requested(venue, artist), await requested(venue, artist, 3, 4)
    await bookings.hold(one, 60)

    def fail(*_: object) -> NoReturn:
        raise ZeroDivisionError

    async with venue_topic(venue).listen() as changes:
        with monkeypatch.context() as patch, expected_crash(ZeroDivisionError):
            patch.setattr(server, "now", lambda: now() + timedelta(seconds=61))
            patch.setattr(transitions, "confirm", fail)
            with pytest.raises(ServerDown):
                await bookings.confirm(other)
        told = await anext(changes)

    assert isinstance(told, BookingChanged)
    assert (told.booking.id, told.booking.status, await status(one)) == (one, "expired", "expired")


async def test_what_follows_from_a_request_has_its_id(venue: int, artist: int) -> None:
    id = await requested(venue, artist)
    await bookings.hold(id, 1, because=Origin(correlation_id="request-7"))

    async def has_expired() -> bool:
        return await status(id) == "expired"

    await eventually(has_expired)
    hold, expiry = (await EVENTS.read_stream(stream(id)))[1:]

    assert expiry.event == BookingExpired()
    assert (expiry.correlation_id, expiry.causation_id) == ("request-7", hold.id)


async def test_an_expiry_follows_from_the_last_hold_however_often_it_was_held(venue: int, artist: int) -> None:
    id = await requested(venue, artist)
    await EVENTS.append(stream(id), [BookingHeld(EVENING)] * 1000)
    await bookings.hold(id, 1)

    async def is_expired() -> bool:
        return await status(id) == "expired"

    await eventually(is_expired)

    hold, expiry = await EVENTS.read_stream(stream(id), after=1001)
    assert isinstance(expiry.event, BookingExpired)
    assert expiry.causation_id == hold.id


async def test_a_change_by_another_program_is_seen_before_anything_is_decided(venue: int, artist: int) -> None:
    one, other = await requested(venue, artist), await requested(venue, artist)
    await bookings.confirm(one)
    # The other program calls it off, and with that changes the row of the diary.
    by_hand = {"status": "cancelled", "updated_at": datetime.now(UTC)}
    await database.call(Database.update, table, one, by_hand)
    await database.call(Database.update, diaries, venue, {"mark": "another"})

    assert isinstance(await bookings.confirm(other), Versioned)
    assert await bookings.hold(one) == WrongStatus("cancelled", ("requested", "held"))


async def test_a_booking_that_is_called_off_while_it_is_decided_upon_stays_so(
    venue: int, artist: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await requested(venue, artist)
    read = server.stored

    async def read_then_cancel_by_hand(id: int) -> Versioned[bookings.Booking] | NotFound:
        monkeypatch.setattr(server, "stored", read)
        found = await read(id)
        await database.call(Database.update, table, id, {"status": "cancelled", "updated_at": datetime.now(UTC)})
        return found

    monkeypatch.setattr(server, "stored", read_then_cancel_by_hand)

    assert await bookings.confirm(id) == WrongStatus("cancelled", ("requested", "held"))
    assert await status(id) == "cancelled"


async def test_a_hold_that_was_called_off_by_hand_holds_nothing_up(venue: int, artist: int) -> None:
    one, other = await requested(venue, artist), await requested(venue, artist, 4, 6)
    held = await bookings.hold(one, 1)
    assert isinstance(held, Versioned)
    assert held.value.held_until is not None
    by_hand = {"status": "cancelled", "held_until": None, "updated_at": datetime.now(UTC)}
    await database.call(Database.update, table, one, by_hand)
    await sleep((held.value.held_until - datetime.now(UTC)).total_seconds())

    assert isinstance(await bookings.confirm(other), Versioned)
    assert await status(one) == "cancelled"


async def test_a_hold_that_was_made_by_hand_ends_like_any_other(venue: int, artist: int) -> None:
    id = await requested(venue, artist)
    by_hand = {"status": "held", "held_until": datetime.now(UTC) - timedelta(hours=1), "updated_at": datetime.now(UTC)}
    row = await database.call(Database.get, table, id)
    assert isinstance(row, Mapping)
    values = {name: value for name, value in row.items() if name not in ("id", "version")}
    written = await database.call(Database.insert, table, {**values, **by_hand})
    assert isinstance(written, Mapping)

    assert isinstance(await bookings.confirm(id), Versioned)
    assert [entry.what for entry in await bookings.history(written["id"], after=0, limit=9)] == ["expired"]


async def test_a_reason_is_text_that_people_can_read(venue: int, artist: int) -> None:
    id = await requested(venue, artist)

    assert await bookings.cancel(id, "\x1b[2J") == InvalidData({"reason": "must not contain control characters"})
    assert await bookings.cancel(id, "x" * 501) == InvalidData({"reason": "must have at most 500 characters"})
    assert await status(id) == "requested"


async def test_an_artist_who_is_removed_meanwhile_is_none(
    venue: int, artist: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def still_there(_: int) -> object:
        return nina

    nina = await users.get_state(artist)
    await users.delete(artist)
    monkeypatch.setattr(users, "get_state", still_there)
    draft = {"starts_at": hour(0).isoformat(), "ends_at": hour(1).isoformat()}

    outcome = await bookings.request(BookingDraft(venue_id=venue, artist_id=artist, title="Nina", **draft))

    assert outcome == InvalidData({"artist_id": "must be a user whose role is artist"})


async def test_what_is_busy_is_told_for_many_venues_at_once(venue: int, artist: int) -> None:
    made = await venues.create(VenueDraft(name="Quasimodo", city="Berlin", capacity=9, time_zone="Europe/Berlin"))
    assert isinstance(made, Versioned)
    other = made.value.id
    held, confirmed = await requested(venue, artist, 0, 2), await requested(venue, artist, 4, 6)
    await requested(other, artist)
    await bookings.hold(held)
    await bookings.confirm(confirmed)

    found = await bookings.busy([venue, other], Span(hour(1), hour(5)))

    assert found == {venue: [Span(hour(0), hour(2)), Span(hour(4), hour(6))]}
    assert await bookings.busy([venue, other], Span(hour(2), hour(4))) == {}


async def test_a_venue_with_bookings_and_an_artist_who_plays_can_not_be_removed(venue: int, artist: int) -> None:
    await requested(venue, artist)

    assert str(await venues.delete(venue)) == "Venue is still in use: something else refers to it"
    assert str(await users.delete(artist)) == "User is still in use: something else refers to it"


async def test_twenty_at_once_get_twenty_numbers(venue: int, artist: int) -> None:
    # Each is a commit of its own, one after the other: many more, and the last would not wait for a slow disk.
    ids = await asyncio.gather(*[requested(venue, artist) for _ in range(20)])

    assert len(set(ids)) == 20
    assert {booking.id for booking in await bookings.page(bookings.Filter(), after=0, limit=200)} == set(ids)
