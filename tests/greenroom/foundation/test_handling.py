import asyncio
import logging
from dataclasses import dataclass, field

import pytest

from greenroom import Deadlock, GenServer, Ref, Rejected, ServerDown
from greenroom.foundation.process import Process
from greenroom.testing import Tree, settle


class Closed(Rejected):
    """The bar is closed."""


@dataclass
class Bar(GenServer):
    """Serves drinks while it is open."""

    served: int = field(default=0, init=False)

    async def serve(self, *, is_open: bool) -> int:
        if not is_open:
            raise Closed("the bar is closed")
        self.served += 1
        return self.served

    async def serve_late(self, *, is_open: bool) -> int:
        await asyncio.sleep(0)
        return await self.serve(is_open=is_open)


@dataclass
class Guest(GenServer):
    """Asks others, and waits for them."""

    async def ask(self, other: "Ref[Guest]", back: "Ref[Guest]") -> str:
        await asyncio.sleep(0)
        return await other.call(Guest.ask, back, other)

    async def drink(self, bar: Ref[Bar]) -> int:
        return await bar.call(Bar.serve_late, is_open=True)


def process_of(ref: Ref[object]) -> Process[object]:
    found = ref.where()
    assert isinstance(found, Process)
    return found


@pytest.mark.parametrize("method", [Bar.serve, Bar.serve_late])
async def test_a_rejected_call_raises_at_its_caller_and_the_server_lives_on(tree: Tree, method: object) -> None:
    bar = await tree.start(Bar)
    serve = Bar.serve if method is Bar.serve else Bar.serve_late

    with pytest.raises(Closed, match="the bar is closed"):
        await bar.call(serve, is_open=False)

    assert await bar.call(serve, is_open=True) == 1


async def test_a_rejected_message_leaves_those_behind_it_in_their_order(tree: Tree) -> None:
    bar = await tree.start(Bar)

    answers = await asyncio.gather(
        *(bar.call(Bar.serve_late, is_open=is_open) for is_open in (True, False, True)), return_exceptions=True
    )

    assert [answer if isinstance(answer, int) else type(answer) for answer in answers] == [1, Closed, 2]


async def test_a_rejected_cast_is_logged(tree: Tree, caplog: pytest.LogCaptureFixture) -> None:
    bar = await tree.start(Bar)

    with caplog.at_level(logging.WARNING):
        bar.cast(Bar.serve, is_open=False)
        await settle()

    assert "rejected a message: the bar is closed" in caplog.text
    assert await bar.call(Bar.serve, is_open=True) == 1


async def test_a_process_knows_if_it_was_used_since_it_was_last_asked(tree: Tree) -> None:
    bar = await tree.start(Bar)
    process = process_of(bar)
    process.was_used()

    assert not process.was_used()
    await bar.call(Bar.serve, is_open=True)
    assert process.was_used()
    assert not process.was_used()
    bar.cast(Bar.serve, is_open=True)
    await settle()
    assert process.was_used()


async def test_a_process_that_waited_for_another_holds_nothing_afterwards(tree: Tree) -> None:
    bar = await tree.start(Bar)
    guest = await tree.start(Guest)

    await guest.call(Guest.drink, bar)

    assert process_of(guest).ties is None


@pytest.mark.expected_crash(reason=Exception)
async def test_processes_that_wait_for_each_other_are_found_out(tree: Tree) -> None:
    one, other = await tree.start(Guest), await tree.start(Guest)

    with pytest.raises(ServerDown) as caught:
        await one.within(None).call(Guest.ask, other, one)

    assert isinstance(caught.value.reason, ServerDown)
    assert isinstance(caught.value.reason.reason, Deadlock)
