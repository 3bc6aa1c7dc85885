"""Processes that call processes: circles are told at once, long chains are none."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from greenroom import CallingSelf, Deadlock, GenServer, Ref, Reply, ServerDown
from greenroom.foundation.scheduler import BUDGET, current_scheduler
from greenroom.testing import Tree, VirtualClock, settle, state

LONG = 3_000


class Guest(GenServer):
    """Passes a question on along a path of addresses."""

    async def ask(self, path: list[Ref[Guest]], slowly: bool) -> int:
        if slowly:
            await asyncio.sleep(0)
        return 1 + await path[0].call(Guest.ask, path[1:], slowly) if path else 0

    async def ask_and_forgive(self, path: list[Ref[Guest]], slowly: bool) -> str:
        try:
            await self.ask(path, slowly)
        except ServerDown as error:
            return type(error.reason).__name__
        return "answered"

    async def stop_other(self, path: list[Ref[Guest]]) -> None:
        if len(path) == 1:
            await path[0].stop()
        else:
            await path[0].call(Guest.stop_other, path[1:])

    async def ask_many(self, others: list[Ref[Guest]]) -> list[int]:
        return await asyncio.gather(*(other.call(Guest.ask, [], True) for other in others))

    async def ask_by_task(self, path: list[Ref[Guest]]) -> int:
        return await asyncio.create_task(path[0].call(Guest.ask, path[1:], False))


class Polite(GenServer):
    """Lets others go first, where it is told to."""

    async def ask(self, other: Ref[Polite], politely: bool) -> str:
        if politely:
            current_scheduler().credit = 0
        try:
            return await other.call(Polite.greet)
        except Deadlock:
            return "no answer"

    async def greet(self) -> str:
        return "hello"


@dataclass
class Link(GenServer):
    """One link of a long chain."""

    following: Ref[Link] | None

    async def count(self) -> int:
        return 1 if self.following is None else 1 + await self.following.within(None).call(Link.count)

    async def count_slowly(self) -> int:
        await asyncio.sleep(0)
        return 1 if self.following is None else 1 + await self.following.within(None).call(Link.count_slowly)


@dataclass
class Waiter(GenServer):
    """Answers when the kitchen does, and may have something to ask meanwhile."""

    orders: list[Reply[str]] = field(default_factory=list[Reply[str]])
    asking: Ref[Table] | None = None
    asked: list[object] = field(default_factory=list[object])

    def order(self) -> Reply[str]:
        self.orders.append(Reply())
        return self.orders[-1]

    async def greet(self, table: Ref[Table]) -> str:
        return await table.call(Table.greet)

    async def order_last(self, table: Ref[Table]) -> str:
        self.asking = table
        self.stop()
        return "the last one"

    async def terminate(self, reason: object) -> None:
        if self.asking is not None:
            try:
                await self.asking.call(Table.greet)
            except Deadlock as error:
                self.asked.append(error)


class Table(GenServer):
    """Orders."""

    async def order(self, waiter: Ref[Waiter], slowly: bool) -> str:
        if slowly:
            await asyncio.sleep(0)
        return await waiter.call(Waiter.order)

    async def order_last(self, waiter: Ref[Waiter]) -> str:
        return await waiter.call(Waiter.order_last, self.ref)

    async def greet(self) -> str:
        return "hello"


async def guests(count: int) -> list[Ref[Guest]]:
    """As many as that, without a supervisor: one that dies is missed by nobody."""
    return [await Guest.start() for _ in range(count)]


async def stop(refs: list[Ref[Any]]) -> None:
    """Stop those that still live."""
    for ref in refs:
        ref.exit("shutdown")
    await settle()


# Circles.


async def test_a_circle_that_closes_while_a_caller_lets_others_go_first_is_told_at_once(tree: Tree) -> None:
    polite, quick = await tree.start(Polite), await tree.start(Polite)
    await settle()

    async def ask(first: Ref[Polite], second: Ref[Polite], politely: bool) -> str:
        current_scheduler().credit = BUDGET
        return await first.call(Polite.ask, second, politely)

    answers = [asyncio.ensure_future(ask(polite, quick, True)), asyncio.ensure_future(ask(quick, polite, False))]
    await settle()

    assert [answer.done() and answer.result() for answer in answers] == ["no answer", "hello"]


@pytest.mark.parametrize("slowly", [False, True])
@pytest.mark.parametrize("length", [2, 3, 7])
@pytest.mark.expected_crash(reason=Exception)
async def test_a_circle_of_calls_fails_at_once_and_names_those_in_it(
    clock: VirtualClock, slowly: bool, length: int
) -> None:
    circle = await guests(length)

    with pytest.raises(ServerDown) as down:
        await circle[0].call(Guest.ask, [*circle[1:], circle[0]], slowly)

    error: object = down.value
    while isinstance(error, ServerDown):
        error = error.reason
    assert isinstance(error, Deadlock)
    assert list(error.cycle) == [circle[-1], *circle]
    assert all(repr(guest) in str(error) for guest in circle)
    assert clock.monotonic() == 0.0


@pytest.mark.parametrize("slowly", [False, True])
@pytest.mark.expected_crash(reason=Deadlock)
async def test_a_circle_that_a_caller_forgives_costs_only_who_closed_it(clock: VirtualClock, slowly: bool) -> None:
    first, second = await guests(2)

    assert await first.call(Guest.ask_and_forgive, [second, first], slowly) == "Deadlock"

    assert (first.alive, second.alive) == (True, False)
    await stop([first])


@pytest.mark.expected_crash(reason=CallingSelf)
async def test_a_circle_of_one_is_called_what_it_is() -> None:
    (guest,) = await guests(1)

    with pytest.raises(ServerDown) as down:
        await guest.call(Guest.ask, [guest], True)

    assert isinstance(down.value.reason, CallingSelf)


@pytest.mark.expected_crash(reason=Exception)
async def test_to_stop_the_caller_of_ones_caller_is_a_circle_as_well(clock: VirtualClock) -> None:
    circle = await guests(3)

    with pytest.raises(ServerDown):
        await circle[0].call(Guest.stop_other, [*circle[1:], circle[0]])

    assert clock.monotonic() == 0.0


@pytest.mark.expected_crash(reason=Exception)
async def test_two_calls_that_cross_are_a_circle(clock: VirtualClock) -> None:
    first, second = await guests(2)

    answers = await asyncio.gather(
        first.call(Guest.ask, [second], True), second.call(Guest.ask, [first], True), return_exceptions=True
    )

    assert any(isinstance(answer, ServerDown) for answer in answers)
    assert clock.monotonic() == 0.0
    await stop([first, second])


async def test_a_process_that_stops_owes_its_answer_itself(tree: Tree, clock: VirtualClock) -> None:
    waiter, table = await Waiter.start(), await tree.start(Table)
    asked = state(waiter).asked

    assert await table.call(Table.order_last, waiter) == "the last one"

    assert [type(error) for error in asked] == [Deadlock]
    assert clock.monotonic() == 0.0


# What is no circle.


@pytest.mark.parametrize("slowly", [False, True])
async def test_a_reply_may_be_sent_by_others_while_its_server_asks_who_waits_for_it(tree: Tree, slowly: bool) -> None:
    waiter, table = await tree.start(Waiter), await tree.start(Table)
    ordering = asyncio.ensure_future(table.call(Table.order, waiter, slowly))
    await settle()

    greeting = asyncio.ensure_future(waiter.call(Waiter.greet, table))
    await settle()
    state(waiter).orders[0].send("soup")

    assert (await ordering, await greeting) == ("soup", "hello")


@pytest.mark.parametrize("slowly", [False, True])
async def test_two_ways_to_the_same_process_are_no_circle(tree: Tree, slowly: bool) -> None:
    first, second, last = [await tree.start(Guest) for _ in range(3)]

    paths: list[tuple[Ref[Guest], list[Ref[Guest]]]] = [(first, [last]), (second, [last]), (last, [])]
    answers = await asyncio.gather(*(guest.call(Guest.ask, path, slowly) for guest, path in paths))

    assert answers == [1, 1, 0]


async def test_a_process_that_was_called_before_may_be_called_again(tree: Tree) -> None:
    first, second = [await tree.start(Guest) for _ in range(2)]

    answers = [await first.call(Guest.ask, [second], True), await second.call(Guest.ask, [first], True)]

    assert answers == [1, 1]


async def test_a_handler_may_wait_for_many_at_once(tree: Tree) -> None:
    first, *others = [await tree.start(Guest) for _ in range(5)]

    assert await first.call(Guest.ask_many, others) == [0] * 4


async def test_a_task_of_a_handler_is_nobodys_handler(tree: Tree) -> None:
    first, second = [await tree.start(Guest) for _ in range(2)]

    assert await first.call(Guest.ask_by_task, [second]) == 0


# Long chains.


@pytest.mark.parametrize("method", [Link.count, Link.count_slowly])
async def test_a_chain_of_calls_may_be_longer_than_the_stack(method: Any) -> None:
    links: list[Ref[Link]] = []
    for _ in range(LONG):
        links.append(await Link.start(links[-1] if links else None))

    assert await links[-1].within(None).call(method) == LONG

    await stop(links)


async def test_a_chain_of_calls_leaves_no_process_behind_it_waiting(tree: Tree) -> None:
    links: list[Ref[Link]] = []
    for _ in range(200):
        links.append(await Link.start(links[-1] if links else None))

    answers = await asyncio.gather(*(link.within(None).call(Link.count) for link in reversed(links)))

    assert answers == list(range(200, 0, -1))
    await stop(links)


@pytest.mark.expected_crash(reason=Exception)
async def test_a_long_chain_that_breaks_at_its_end_is_told_to_all_along_it() -> None:
    class Broken(Link):
        async def count(self) -> int:
            raise ValueError("broken")

    links: list[Ref[Link]] = [await Broken.start(None)]
    for _ in range(50):
        links.append(await Link.start(links[-1]))

    with pytest.raises(ServerDown):
        await links[-1].within(None).call(Link.count)
    await settle()

    assert [link.alive for link in links] == [False] * 51
