import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom import Listener, Missed, Topic
from greenroom.testing import settle


@dataclass(frozen=True)
class Played:
    number: int


PLAYED: Topic[Played] = Topic("played")


async def read(events: Listener[Played], count: int) -> list[Played | Missed]:
    return [await anext(events) for _ in range(count)]


async def test_a_listener_iterates_over_what_is_published_meanwhile() -> None:
    PLAYED.publish(Played(0))

    async with PLAYED.listen() as events:
        PLAYED.publish(Played(1))
        PLAYED.publish(Played(2))

        assert await read(events, 2) == [Played(1), Played(2)]


async def test_a_listener_waits_for_what_is_published_later() -> None:
    async with PLAYED.listen() as events:
        asyncio.get_running_loop().call_soon(PLAYED.publish, Played(1))

        assert await anext(events) == Played(1)


async def test_every_listener_gets_every_event() -> None:
    async with PLAYED.listen() as first, PLAYED.listen() as second:
        PLAYED.publish(Played(1))

        assert await read(first, 1) == await read(second, 1) == [Played(1)]
        assert PLAYED.count() == 2


async def test_after_its_block_a_listener_has_unsubscribed() -> None:
    async with PLAYED.listen():
        assert PLAYED.count() == 1

    assert PLAYED.count() == 0


async def test_an_iteration_in_another_task_ends_with_the_block() -> None:
    async def collect() -> list[Played | Missed]:
        return [event async for event in events]

    async with PLAYED.listen() as events:
        task = asyncio.create_task(collect())
        PLAYED.publish(Played(1))
        await settle()

    assert await task == [Played(1)]


async def test_what_was_not_read_in_the_block_can_be_read_after_it() -> None:
    async with PLAYED.listen() as events:
        PLAYED.publish(Played(1))

    assert [event async for event in events] == [Played(1)]


async def test_a_reader_that_is_cancelled_loses_no_event() -> None:
    async with PLAYED.listen() as events:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 0)
        PLAYED.publish(Played(1))

        assert await anext(events) == Played(1)


async def test_a_slow_listener_is_told_how_many_events_it_missed_in_their_place() -> None:
    async with PLAYED.listen(limit=2) as events:
        for number in range(5):
            PLAYED.publish(Played(number))
        got = await read(events, 3)
        PLAYED.publish(Played(5))

        assert got == [Played(0), Played(1), Missed(3, "played")]
        assert await anext(events) == Played(5)


@given(st.lists(st.sampled_from(["publish", "read"]), max_size=60), st.integers(1, 4))
async def test_events_come_in_order_and_with_those_missed_there_are_as_many_as_were_published(
    steps: list[str], limit: int
) -> None:
    published = expected = 0
    async with PLAYED.listen(limit) as events:
        for step in steps:
            if step == "publish":
                PLAYED.publish(Played(published))
                published += 1
            elif expected < published:
                expected = following(await anext(events), expected)
    async for event in events:
        expected = following(event, expected)

    assert expected == published


def following(event: Played | Missed, expected: int) -> int:
    """The number of the next event, if this is the one that was expected."""
    if isinstance(event, Missed):
        return expected + event.count
    assert event.number == expected
    return expected + 1
