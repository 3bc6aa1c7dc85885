import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom import Ref, namespace
from greenroom.infrastructure import (
    Append,
    Database,
    DatabaseUrl,
    EventCodec,
    EventStore,
    Follower,
    Recorded,
    Refused,
    Step,
    UnknownEvent,
)
from greenroom.infrastructure.event_store.follower import NEWS
from greenroom.testing import Tree, VirtualClock, settle
from tests.greenroom.infrastructure.event_store.gigs import (
    CODEC,
    MARY,
    NINA,
    PAID,
    RAIN,
    Booked,
    GigEvent,
    Paid,
    appended,
    create_tables,
    told,
)

Store = EventStore[GigEvent]


async def take(follower: Follower[GigEvent], count: int) -> list[Recorded[GigEvent]]:
    return [await anext(follower) for _ in range(count)]


async def test_a_follower_begins_with_what_is_there_and_goes_on_with_what_comes(store: Store) -> None:
    await store.append("gig:1", [NINA, PAID])
    follower = store.follow()

    before = await take(follower, 2)
    waiting = asyncio.create_task(take(follower, 2))
    await asyncio.sleep(0)
    await store.append("gig:2", [MARY])
    await store.append("gig:1", [RAIN])

    assert before + await waiting == await store.read()


async def test_a_follower_may_begin_after_any_position(store: Store) -> None:
    await store.append("gig:1", [NINA, PAID, RAIN])

    assert told(await take(store.follow(after=1), 2)) == [PAID, RAIN]


async def test_a_follower_of_types_leaves_out_all_others(store: Store) -> None:
    await store.append("gig:1", [NINA, PAID, RAIN, MARY])
    follower = store.follow(Booked)

    assert [(await anext(follower)).event for _ in range(2)] == [NINA, MARY]


async def test_a_follower_of_a_stream_goes_by_its_versions(store: Store) -> None:
    await store.append("gig:2", [MARY, MARY])
    await store.append("gig:1", [NINA, PAID])
    follower = store.follow_stream("gig:1", after=1)

    assert told(await take(follower, 1)) == [PAID]
    waiting = asyncio.create_task(take(follower, 1))
    await store.append("gig:2", [PAID])
    await store.append("gig:1", [RAIN])
    assert told(await waiting) == [RAIN]


async def test_every_follower_gets_every_event(store: Store) -> None:
    followers = [asyncio.create_task(take(store.follow(), 3)) for _ in range(3)]

    await store.append("gig:1", [NINA])
    await store.append("gig:1", [PAID, RAIN])

    assert [told(events) for events in await asyncio.gather(*followers)] == [[NINA, PAID, RAIN]] * 3


async def test_a_backlog_is_read_page_by_page(database: Ref[Database]) -> None:
    store = EventStore(database, CODEC, page=2)
    await store.append("gig:1", [Paid(n) for n in range(7)])

    assert told(await take(store.follow(), 7)) == [Paid(n) for n in range(7)]


async def test_a_reader_that_is_cancelled_loses_no_event(store: Store) -> None:
    follower = store.follow()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(follower), 0.01)

    await store.append("gig:1", [NINA])

    assert told(await take(follower, 1)) == [NINA]


@pytest.mark.parametrize("events", [[NINA], [NINA, PAID]], ids=["one", "several"])
async def test_what_is_appended_is_seen_at_once(store: Store, events: list[GigEvent], clock: VirtualClock) -> None:
    waiting = asyncio.create_task(take(store.follow(), len(events)))
    await settle()

    await store.append("gig:1", events)

    assert told(await waiting) == events
    assert clock.monotonic() == 0


async def test_what_went_into_another_transaction_is_seen_at_once(
    store: Store, database: Ref[Database], clock: VirtualClock
) -> None:
    waiting = asyncio.create_task(take(store.follow(), 2))
    await settle()

    await database.call(Database.transact, *store.steps("gig:1", [NINA]))
    await database.call(Database.transact, *store.steps(lambda _: Append("gig:1", [PAID])))

    assert told(await waiting) == [NINA, PAID]
    assert clock.monotonic() == 0


async def test_nobody_looks_for_events_that_were_refused(store: Store, database: Ref[Database]) -> None:
    async with NEWS.listen() as news:
        await database.call(Database.transact, *store.steps("gig:1", [NINA]), *store.steps("gig:1", [PAID], expected=7))
        await database.call(Database.transact, *store.steps("gig:1", [NINA]))
        await anext(news)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(news), 0)


async def test_what_is_appended_elsewhere_is_seen_once_it_is_announced(
    store: Store, database: Ref[Database], clock: VirtualClock
) -> None:
    waiting = asyncio.create_task(take(store.follow(), 1))
    await settle()

    await database.call(Database.transact, *steps_of_elsewhere(store))
    store.announce()

    assert told(await waiting) == [NINA]
    assert clock.monotonic() == 0


def steps_of_elsewhere(store: Store, expected: int | None = None) -> Sequence[Step]:
    with namespace("elsewhere"):
        return store.steps("gig:1", [NINA], expected=expected)


async def test_what_nobody_announces_is_seen_after_a_while(
    store: Store, database: Ref[Database], clock: VirtualClock
) -> None:
    waiting = asyncio.create_task(take(store.follow(), 1))
    await database.call(Database.transact, *steps_of_elsewhere(store, await store.version("gig:1")))
    while not waiting.done():
        # The clock does not wait for threads: a look that saw nothing may be answered only after it was moved.
        await store.version("gig:1")
        await clock.advance(1)

    assert told(await waiting) == [NINA]


async def test_an_event_that_can_not_be_decoded_ends_the_iteration_after_those_before_it(
    store: Store, database: Ref[Database]
) -> None:
    await store.append("gig:1", [NINA, MARY, RAIN])
    follower = EventStore(database, EventCodec(Booked)).follow()

    assert [(await anext(follower)).event, (await anext(follower)).event] == [NINA, MARY]
    for _ in range(2):
        with pytest.raises(UnknownEvent):
            await anext(follower)


async def test_what_another_server_appends_is_seen(tree: Tree, url: DatabaseUrl, store: Store) -> None:
    other: Store = EventStore(await tree.start(Database, url), CODEC)
    follower = EventStore(store.database, CODEC, poll=0.01).follow()
    await store.append("gig:1", [NINA])
    await other.append("gig:1", [PAID], expected=1)

    assert told(await take(follower, 2)) == [NINA, PAID]


# Whatever happens, in whatever order.

ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 3)),
        st.tuples(st.just("fail"), st.integers(1, 3)),
        st.tuples(st.just("take"), st.integers(1, 4)),
        st.tuples(st.just("wait"), st.integers(1, 2)),
    ),
    max_size=20,
)


@settings(max_examples=40)
@given(ACTIONS, st.integers(1, 3), st.integers(0, 3))
async def test_a_follower_gets_each_event_once_and_in_order(
    actions: Sequence[tuple[str, int]], page: int, after: int
) -> None:
    url = DatabaseUrl.parse(":memory:")
    create_tables(url)
    database = await Database.start(url)
    store = EventStore(database, CODEC, page=page)
    follower = store.follow(after=after)
    stored = 0
    got: list[Recorded[GigEvent]] = []
    for action, count in actions:
        there = max(0, stored - after - len(got))
        match action:
            case "append":
                appended(await store.append("gig:1", [Paid(stored + n) for n in range(count)]))
                stored += count
            case "fail":
                wrong = store.steps("gig:1", [NINA] * count, expected=stored + 1)
                assert isinstance(
                    await database.call(Database.transact, *store.steps("gig:2", [NINA]), *wrong), Refused
                )
            case "take":
                got += await take(follower, min(count, there))
            case _:
                waiting = asyncio.create_task(take(follower, there + count))
                for _ in range(max(0, after - stored) + count):
                    appended(await store.append("gig:1", [Paid(stored)]))
                    stored += 1
                got += await waiting

    assert [each.position for each in got] == list(range(after + 1, after + 1 + len(got)))
    assert told(got) == [Paid(n) for n in range(after, after + len(got))]
    await database.stop()
