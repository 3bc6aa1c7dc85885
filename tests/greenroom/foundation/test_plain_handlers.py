"""A plain method that returns an awaitable answers what that comes to, as an `async` one would that awaits it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field

import pytest

from greenroom import GenServer, Ref, ServerDown, batched
from greenroom.foundation.broadcast import Audience
from greenroom.foundation.namespace import current_namespace
from greenroom.foundation.process import Process
from greenroom.testing import Tree, expected_crash, settle, state


@dataclass
class Ticket:
    """An awaitable that is neither a coroutine nor a future."""

    number: int

    def __await__(self) -> Generator[None, None, int]:
        yield
        return self.number


@dataclass
class Box(GenServer):
    """A box office that has others look for its tickets."""

    printed: asyncio.Future[int] = field(default_factory=asyncio.Future[int])
    sold: int = 0
    closed: list[int] = field(default_factory=list[int])

    def at_once(self) -> asyncio.Future[int]:
        found = asyncio.get_running_loop().create_future()
        found.set_result(7)
        return found

    def next_printed(self) -> asyncio.Future[int]:
        return self.printed

    def look(self) -> asyncio.Task[int]:
        return asyncio.create_task(self._look())

    def draw(self) -> Ticket:
        return Ticket(7)

    def sell(self, number: int) -> asyncio.Future[int]:
        self.sold += number
        return self.printed

    @batched
    def sell_all(self, numbers: list[int]) -> asyncio.Future[int]:
        return self.sell(sum(numbers))

    async def breathe(self) -> None:
        await asyncio.sleep(0)

    async def total(self) -> int:
        return self.sold

    def handle_info(self, message: object) -> asyncio.Future[int]:  # type: ignore[override]  # what is tested
        self.sold += 1
        return self.printed

    async def _look(self) -> int:
        await asyncio.sleep(0)
        return 7


@dataclass
class Careful(Box):
    """Writes down what it had sold when it ends."""

    async def terminate(self, reason: object) -> None:
        self.closed.append(self.sold)


Answer = Callable[[Box], Awaitable[int]]


@pytest.mark.parametrize("method", [Box.at_once, Box.look, Box.draw])
async def test_a_call_gets_what_the_awaitable_comes_to(tree: Tree, method: Answer) -> None:
    box = await tree.start(Box)
    process = box.where()
    assert process is not None

    inline = await process.call(method)
    by_name = await box.within(60.0).call(method)
    box.cast(Box.breathe)
    queued = await box.call(method)

    assert [inline, by_name, queued] == [7] * 3


@pytest.mark.parametrize("busy", [False, True])
async def test_other_messages_wait_meanwhile(tree: Tree, busy: bool) -> None:
    box = await tree.start(Box)
    if busy:
        box.cast(Box.breathe)
    answer = asyncio.ensure_future(box.call(Box.next_printed))
    total = asyncio.ensure_future(box.call(Box.total))
    await settle()

    assert (answer.done(), total.done()) == (False, False)
    state(box).printed.set_result(3)
    assert [await answer, await total] == [3, 0]


@pytest.mark.parametrize("busy", [False, True])
async def test_one_that_fails_is_a_crash(busy: bool) -> None:
    error = ValueError("sold out")
    box = await Box.start()
    printed = state(box).printed
    if busy:
        box.cast(Box.breathe)
    answer = asyncio.ensure_future(box.call(Box.next_printed))
    await settle()

    with expected_crash(error):
        printed.set_exception(error)
        with pytest.raises(ServerDown) as caught:
            await answer

    assert caught.value.reason is error


async def test_an_exit_signal_cancels_it() -> None:
    box = await Box.start()
    printed = state(box).printed
    answer = asyncio.ensure_future(box.call(Box.next_printed))
    await settle()

    box.exit("closing time")

    with pytest.raises(ServerDown):
        await answer
    assert printed.cancelled()


async def by_cast(box: Ref[Box]) -> None:
    box.cast(Box.sell, 1)


async def by_batch(box: Ref[Box]) -> None:
    box.cast(Box.breathe)
    box.cast(Box.sell_all, 1)


async def by_send(box: Ref[Box]) -> None:
    box.send("another one")


async def by_broadcast(box: Ref[Box]) -> None:
    process = box.where()
    assert isinstance(process, Process)
    assert Audience([process], current_namespace()).tell("another one") == []


@pytest.mark.parametrize("way", [by_cast, by_batch, by_send, by_broadcast])
async def test_a_message_is_handled_when_it_is_there(tree: Tree, way: Callable[[Ref[Box]], Awaitable[None]]) -> None:
    box = await tree.start(Box)
    await way(box)
    total = asyncio.ensure_future(box.call(Box.total))
    await settle()

    assert not total.done()
    state(box).printed.set_result(3)
    assert await total == 1


@pytest.mark.parametrize("way", [by_cast, by_batch, by_send])
async def test_what_it_changed_is_undone_for_terminate_when_it_fails(
    way: Callable[[Ref[Box]], Awaitable[None]],
) -> None:
    error = ValueError("sold out")
    box = await Careful.start()
    printed, closed = state(box).printed, state(box).closed
    await way(box)
    await settle()

    with expected_crash(error):
        printed.set_exception(error)
        await box.down()

    assert closed == [0]
