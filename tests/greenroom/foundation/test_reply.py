from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass, field
from typing import cast
from weakref import ref

import pytest

from greenroom import CallTimeout, GenServer, Ref, Reply, ServerDown
from greenroom.testing import Tree, VirtualClock, settle, state


class Sold(Exception):
    pass


@dataclass
class Box(GenServer):
    """A box office, where one waits for a ticket that is given back."""

    waiting: Reply[int] = field(default_factory=Reply[int])

    def wait(self) -> Reply[int]:
        return self.waiting

    def at_once(self, number: int) -> Reply[int]:
        return Reply.of(number)

    def refuse_at_once(self) -> Reply[int]:
        reply = Reply[int]()
        reply.fail(Sold())
        return reply

    async def give(self, number: int) -> None:
        self.waiting.send(number)

    async def close_until(self, gate: asyncio.Event) -> None:
        await gate.wait()

    async def refuse(self) -> None:
        self.waiting.fail(Sold())

    async def wait_here(self, other: Ref[Box]) -> int:
        return await other.call(Box.wait)


async def test_the_server_goes_on_while_an_answer_is_owed(tree: Tree) -> None:
    box = await tree.start(Box)
    answer = asyncio.ensure_future(box.call(Box.wait))
    await settle()

    await box.call(Box.give, 7)

    assert await answer == 7


async def test_one_reply_answers_all_who_wait_for_it(tree: Tree) -> None:
    box = await tree.start(Box)
    answers = [asyncio.ensure_future(box.call(Box.wait)) for _ in range(5)]
    await settle()

    box.cast(Box.give, 7)

    assert await asyncio.gather(*answers) == [7] * 5
    assert await box.call(Box.wait) == 7


async def test_the_first_outcome_counts(tree: Tree) -> None:
    box = await tree.start(Box)

    await box.call(Box.give, 7)
    await box.call(Box.give, 8)
    await box.call(Box.refuse)

    assert await box.call(Box.wait) == 7


async def test_a_failure_is_raised_at_the_caller_and_the_server_lives_on(tree: Tree) -> None:
    box = await tree.start(Box)
    process = box.where()
    answer = asyncio.ensure_future(box.call(Box.wait))
    await settle()

    await box.call(Box.refuse)

    with pytest.raises(Sold):
        await answer
    with pytest.raises(Sold):
        await box.call(Box.wait)
    assert box.where() is process


async def test_an_outcome_that_is_there_already_is_the_answer(tree: Tree) -> None:
    box = await tree.start(Box)

    assert await box.call(Box.at_once, 7) == 7
    with pytest.raises(Sold):
        await box.call(Box.refuse_at_once)


async def test_an_owed_answer_may_come_from_outside_of_any_process(tree: Tree) -> None:
    box = await tree.start(Box)
    answer = asyncio.ensure_future(box.call(Box.wait))
    await settle()

    state(box).waiting.send(7)

    assert await answer == 7


async def test_an_owed_answer_may_be_waited_for_by_another_server(tree: Tree) -> None:
    box, other = await tree.start(Box), await tree.start(Box)
    answer = asyncio.ensure_future(box.call(Box.wait_here, other))
    await settle()

    await other.call(Box.give, 7)

    assert await answer == 7


async def test_a_reply_to_a_cast_goes_nowhere(tree: Tree) -> None:
    box = await tree.start(Box)

    box.cast(Box.wait)
    await settle()
    await box.call(Box.give, 7)

    assert await box.call(Box.wait) == 7


async def test_whoever_is_owed_an_answer_learns_that_the_server_ended() -> None:
    box = await Box.start()
    answer = asyncio.ensure_future(box.call(Box.wait))
    await settle()
    reply = state(box).waiting

    box.exit("kill")
    reply.send(7)

    with pytest.raises(ServerDown):
        await answer


async def test_a_reply_may_be_awaited_without_a_process() -> None:
    reply = Reply[int]()
    waiting = asyncio.ensure_future(_wait_for(reply))
    await settle()

    reply.send(7)

    assert (await waiting, await _wait_for(reply), reply.result()) == (7, 7, 7)


async def test_a_reply_whose_waiter_gave_up_is_sent_to_the_others() -> None:
    reply = Reply[int]()
    first, second = (asyncio.ensure_future(_wait_for(reply)) for _ in range(2))
    await settle()

    first.cancel()
    await settle()
    reply.send(7)

    assert (await second, first.cancelled()) == (7, True)


@pytest.mark.parametrize("moment", ["idle", "busy", "too late"])
async def test_a_reply_that_nobody_sends_does_not_keep_callers_that_gave_up(
    moment: str, tree: Tree, clock: VirtualClock
) -> None:
    box, gate = await tree.start(Box), asyncio.Event()
    if moment != "idle":
        box.cast(Box.close_until, gate)
    call = asyncio.ensure_future(box.within(5).call(Box.wait))
    await settle()

    if moment == "busy":
        gate.set()
    await clock.advance(5)
    gate.set()
    await settle()

    given_up = ref(call.exception())
    assert isinstance(given_up(), CallTimeout)
    del call
    gc.collect()
    assert given_up() is None


@pytest.mark.parametrize("moment", ["idle", "busy"])
async def test_a_reply_held_elsewhere_does_not_keep_the_callers_of_a_process_that_ended(moment: str) -> None:
    box, gate = await Box.start(), asyncio.Event()
    if moment == "busy":
        box.cast(Box.close_until, gate)
    call = asyncio.ensure_future(box.call(Box.wait))
    await settle()
    gate.set()
    await settle()
    reply = state(box).waiting
    assert waits_for(reply)

    box.exit("kill")
    await settle()

    assert isinstance(call.exception(), ServerDown)
    assert not waits_for(reply)


def waits_for(reply: Reply[int]) -> list[object]:
    """The futures that the reply keeps."""
    tables = [cast("dict[object, object]", kept) for kept in gc.get_referents(reply) if isinstance(kept, dict)]
    return [waiter for table in tables for waiter in table]


def test_an_open_reply_has_no_result() -> None:
    reply = Reply[int]()

    assert not reply.done
    with pytest.raises(asyncio.InvalidStateError, match="expected a reply that was sent"):
        reply.result()


async def _wait_for(reply: Reply[int]) -> int:
    return await reply
