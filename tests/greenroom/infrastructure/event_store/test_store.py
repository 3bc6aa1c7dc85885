import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, update

from greenroom import Ref
from greenroom.infrastructure import (
    Append,
    Committed,
    Conflict,
    Database,
    DatabaseError,
    EventCodec,
    EventKind,
    EventStore,
    Execute,
    Insert,
    Invalid,
    Origin,
    Recorded,
    Refused,
    Row,
    UnknownEvent,
    Update,
    WrongVersion,
    events_table,
)
from greenroom.testing import VirtualClock
from tests.greenroom.infrastructure.event_store.gigs import (
    MARY,
    NINA,
    PAID,
    RAIN,
    Booked,
    Cancelled,
    GigEvent,
    Paid,
    appended,
    gigs,
    told,
)

Store = EventStore[GigEvent]


# Appending.


async def test_what_was_appended_is_read_as_it_was_answered(store: Store) -> None:
    answer = await store.append("gig:1", [NINA, PAID])

    assert list(appended(answer)) == await store.read_stream("gig:1") == await store.read()


async def test_versions_count_in_the_stream_and_positions_in_the_store(store: Store) -> None:
    await store.append("gig:1", [NINA])
    await store.append("gig:2", [MARY])
    (last,) = appended(await store.append("gig:1", [PAID]))

    assert (last.stream, last.version, last.position) == ("gig:1", 2, 3)


async def test_a_stream_at_the_expected_version_is_appended_to(store: Store) -> None:
    await store.append("gig:1", [NINA, PAID], expected=0)
    answer = await store.append("gig:1", [RAIN], expected=2)

    assert [each.version for each in appended(answer)] == [3]


@pytest.mark.parametrize("expected", [0, 1, 3])
async def test_a_stream_at_another_version_than_expected_is_left_alone(store: Store, expected: int) -> None:
    await store.append("gig:1", [NINA, PAID])

    answer = await store.append("gig:1", [RAIN, RAIN], expected=expected)

    assert answer == WrongVersion("gig:1", expected, actual=2)
    assert told(await store.read()) == [NINA, PAID]


async def test_a_stream_that_is_not_there_is_at_version_zero(store: Store) -> None:
    assert await store.append("gig:1", [NINA], expected=1) == WrongVersion("gig:1", 1, actual=0)
    assert await store.version("gig:1") == 0


async def test_a_refused_append_leaves_no_gap(store: Store) -> None:
    await store.append("gig:1", [NINA])
    await store.append("gig:1", [PAID], expected=7)
    (last,) = appended(await store.append("gig:2", [MARY]))

    assert last.position == 2


async def test_of_many_who_expect_the_same_version_one_wins(store: Store) -> None:
    answers = await asyncio.gather(*(store.append("gig:1", [Paid(n)], expected=0) for n in range(20)))

    refused = [answer for answer in answers if isinstance(answer, WrongVersion)]
    assert refused == [WrongVersion("gig:1", 0, actual=1)] * 19
    assert await store.version("gig:1") == 1


async def test_many_who_expect_no_version_all_append(store: Store) -> None:
    answers = await asyncio.gather(*(store.append("gig:1", [Paid(n), NINA]) for n in range(20)))

    versions = sorted(each.version for answer in answers for each in appended(answer))
    assert versions == list(range(1, 41))
    assert [each.version for each in await store.read_stream("gig:1")] == versions


async def test_many_single_events_without_an_expected_version_follow_each_other(store: Store) -> None:
    answers = await asyncio.gather(*(store.append(f"gig:{n % 3}", [Paid(n)]) for n in range(50)))

    recorded = [each for answer in answers for each in appended(answer)]
    assert sorted(recorded, key=lambda each: each.position) == await store.read()
    for n in range(3):
        found = await store.read_stream(f"gig:{n}")
        assert [each.version for each in found] == list(range(1, len(found) + 1))


async def test_to_append_nothing_changes_nothing(store: Store) -> None:
    assert await store.append("gig:1", []) == ()


async def test_an_event_of_an_unknown_type_is_refused_with_all_others(store: Store) -> None:
    with pytest.raises(UnknownEvent):
        await store.append("gig:1", [NINA, "no event"])  # type: ignore[list-item]  # that is the mistake

    assert await store.read() == []


def test_a_stream_has_a_name_and_a_version_is_not_negative() -> None:
    with pytest.raises(ValueError, match="expected the name of a stream, got an empty one"):
        Append("", [NINA])
    with pytest.raises(ValueError, match="expected a version of at least 0, got -1"):
        Append("gig:1", [NINA], expected=-1)


async def test_the_time_is_in_utc_and_to_the_millisecond(store: Store, clock: VirtualClock) -> None:
    await clock.advance(0.0015)

    (recorded,) = appended(await store.append("gig:1", [NINA]))

    assert recorded.recorded_at == datetime(2026, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)
    assert [recorded] == await store.read()


async def test_every_event_has_an_id_of_its_own(store: Store) -> None:
    first, second = appended(await store.append("gig:1", [NINA, NINA]))

    assert first.id != second.id


# Why things happen.


async def test_what_follows_from_an_event_has_its_correlation_and_its_id(store: Store) -> None:
    (booked,) = appended(await store.append("gig:1", [NINA], because=Origin(correlation_id="request 7")))
    (paid,) = appended(await store.append("payment:1", [PAID], because=booked))
    (cancelled,) = appended(await store.append("gig:1", [RAIN], because=paid))

    assert (booked.correlation_id, booked.causation_id) == ("request 7", None)
    assert (paid.correlation_id, paid.causation_id) == ("request 7", booked.id)
    assert (cancelled.correlation_id, cancelled.causation_id) == ("request 7", paid.id)
    assert await store.read_correlated("request 7") == [booked, paid, cancelled]
    assert await store.read_correlated("request 7", after=booked.position, limit=1) == [paid]


async def test_an_event_without_a_correlation_is_what_the_next_are_correlated_with(store: Store) -> None:
    (booked,) = appended(await store.append("gig:1", [NINA]))
    (paid,) = appended(await store.append("payment:1", [PAID], because=booked))

    assert booked.consequence == Origin(booked.id, booked.id)
    assert (paid.correlation_id, paid.causation_id) == (booked.id, booked.id)


# Together with changes.


async def rows_of(database: Ref[Database]) -> Sequence[Row]:
    return await database.call(Database.select, gigs.select().order_by(gigs.c.id))


async def test_a_change_and_its_events_are_stored_together(store: Store, database: Ref[Database]) -> None:
    answer = await store.transact(
        Insert(gigs, {"artist": "Nina"}),
        Append("gig:1", [NINA, PAID]),
        Insert(gigs, {"artist": "Mary"}),
    )

    assert isinstance(answer, Committed)
    assert [row["artist"] for row in answer.rows] == ["Nina", "Mary"]
    assert list(answer.events) == await store.read()
    assert [row["artist"] for row in await rows_of(database)] == ["Nina", "Mary"]


async def test_with_a_wrong_version_the_change_is_not_stored_either(store: Store, database: Ref[Database]) -> None:
    answer = await store.transact(Insert(gigs, {"artist": "Nina"}), Append("gig:1", [NINA], expected=3))

    assert answer == WrongVersion("gig:1", 3, actual=0)
    assert await rows_of(database) == []


async def test_with_a_refused_change_the_events_are_not_stored_either(store: Store, database: Ref[Database]) -> None:
    await database.call(Database.insert, gigs, {"artist": "Nina"})

    answer = await store.transact(Append("gig:1", [NINA, PAID]), Insert(gigs, {"artist": "Nina"}))
    (next_one,) = appended(await store.append("gig:2", [MARY]))

    assert isinstance(answer, Refused)
    assert answer.at == 1
    assert isinstance(answer.refusal, Conflict)
    assert (next_one.position, next_one.version) == (1, 1)
    assert await store.read_stream("gig:1") == []


async def test_an_event_may_tell_what_the_database_made_up(store: Store) -> None:
    def booked(rows: Sequence[Row]) -> Append[GigEvent]:
        return Append(f"gig:{rows[-1]['id']}", [Booked(rows[-1]["artist"])], expected=0)

    def renamed(rows: Sequence[Row]) -> Update:
        return Update(gigs, rows[0]["id"], {"artist": "Miss Nina"})

    answer = await store.transact(
        Append("log", [RAIN]), Insert(gigs, {"artist": "Nina"}), booked, renamed, Append("log", [PAID])
    )

    assert isinstance(answer, Committed)
    assert [(each.stream, each.event) for each in answer.events] == [("log", RAIN), ("gig:1", NINA), ("log", PAID)]
    assert [row["artist"] for row in answer.rows] == ["Nina", "Miss Nina"]


async def test_a_version_that_a_function_expects_is_checked_as_well(store: Store) -> None:
    await store.append("gig:1", [NINA])

    answer = await store.transact(
        Insert(gigs, {"artist": "Nina"}), lambda rows: Append(f"gig:{rows[0]['id']}", [NINA], expected=0)
    )

    assert answer == WrongVersion("gig:1", 0, actual=1)


async def test_a_function_appends_one_event(store: Store) -> None:
    with pytest.raises(DatabaseError, match="expected a function to append one event, got 2"):
        await store.transact(lambda _: Append("gig:1", [NINA, PAID]))

    assert await store.read() == []


async def test_the_steps_go_into_a_transaction_of_someone_else(store: Store, database: Ref[Database]) -> None:
    steps = store.steps("gig:1", [NINA, PAID], expected=0, because=Origin("request 7"))

    await database.call(Database.transact, Insert(gigs, {"artist": "Nina"}), *steps)

    assert told(await store.read_correlated("request 7")) == [NINA, PAID]


async def test_a_step_that_appends_may_tell_what_the_steps_before_it_came_to(
    store: Store, database: Ref[Database]
) -> None:
    def booked(rows: Sequence[Row]) -> Append[GigEvent]:
        return Append(f"gig:{rows[-1]['id']}", [Booked(rows[-1]["artist"])], expected=0, because=Origin("request 7"))

    await database.call(Database.transact, Insert(gigs, {"artist": "Mary"}))
    await database.call(Database.transact, Insert(gigs, {"artist": "Nina"}), *store.steps(booked))

    (recorded,) = await store.read_correlated("request 7")
    assert (recorded.stream, recorded.event) == ("gig:2", NINA)


async def test_a_step_that_appends_makes_one_event(store: Store, database: Ref[Database]) -> None:
    with pytest.raises(DatabaseError, match="expected a function to append one event, got 0"):
        await database.call(Database.transact, *store.steps(lambda _: Append("gig:1", [])))


# The table's own rules.


@pytest.mark.parametrize("statement", [update(events_table).values(payload="{}"), delete(events_table)], ids=str)
async def test_events_are_never_changed(store: Store, database: Ref[Database], statement: Any) -> None:
    await store.append("gig:1", [NINA])

    answer = await database.call(Database.transact, Execute(statement))

    assert isinstance(answer, Refused)
    assert isinstance(answer.refusal, Invalid)
    assert (answer.refusal.rule, answer.refusal.constraint) == ("check", "events_are_final")
    assert told(await store.read()) == [NINA]


async def test_another_refusal_than_of_the_version_is_an_error(store: Store) -> None:
    with pytest.raises(DatabaseError, match="the event was refused: Invalid"):
        await store.append("half a character: \ud800", [NINA], expected=0)


# Reading.


@pytest.fixture
async def some(store: Store) -> list[Recorded[GigEvent]]:
    for stream, event in (("gig:1", NINA), ("gig:2", MARY), ("gig:1", PAID), ("gig:2", RAIN), ("gig:1", RAIN)):
        await store.append(stream, [event])
    return await store.read()


async def test_all_events_are_read_in_order_from_a_position(store: Store, some: list[Recorded[GigEvent]]) -> None:
    assert [each.position for each in some] == [1, 2, 3, 4, 5]
    assert await store.read(after=1, limit=3) == some[1:4]
    assert await store.read(after=5) == []


async def test_a_stream_is_read_from_a_version(store: Store, some: list[Recorded[GigEvent]]) -> None:
    assert told(await store.read_stream("gig:1")) == [NINA, PAID, RAIN]
    assert told(await store.read_stream("gig:1", after=1, limit=1)) == [PAID]
    assert await store.read_stream("gig:3") == await store.read_stream("gig:1", after=2**60) == []


async def test_the_last_event_of_a_stream_is_found_without_the_others(store: Store) -> None:
    *_, last = appended(await store.append("gig:1", [NINA, PAID, RAIN]))
    await store.append("gig:2", [MARY])

    assert await store.last("gig:1") == last
    assert await store.last("gig:3") is None


async def test_events_are_read_by_type_from_a_position(store: Store, some: list[Recorded[GigEvent]]) -> None:
    assert told(await store.read(Booked)) == [NINA, MARY]
    assert told(await store.read(Booked, Paid, after=1)) == [MARY, PAID]
    assert told(await store.read(Cancelled, limit=1)) == [RAIN]


async def test_a_type_that_was_renamed_is_read_under_all_its_names(
    database: Ref[Database], some: list[Recorded[GigEvent]]
) -> None:
    renamed = EventStore(database, EventCodec(EventKind(Booked, "gig.booked", formerly=("Booked",))))
    await renamed.append("gig:3", [NINA])

    assert told(await renamed.read(Booked)) == [NINA, MARY, NINA]


async def test_an_event_that_the_codec_does_not_know_is_an_error_where_it_is_read(
    store: Store, database: Ref[Database], some: list[Recorded[GigEvent]]
) -> None:
    older = EventStore(database, EventCodec(Booked, Paid))

    with pytest.raises(UnknownEvent, match="expected an event of Booked, Paid, got Cancelled of schema 1"):
        await older.read()
    assert told(await older.read(Booked, Paid)) == [NINA, MARY, PAID]
    with pytest.raises(UnknownEvent):
        await older.read(Cancelled)
