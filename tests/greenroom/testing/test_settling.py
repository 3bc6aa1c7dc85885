import asyncio
import socket
import threading
from dataclasses import dataclass

import pytest

from greenroom import GenServer, Ref
from greenroom.testing import Stage, Tree, VirtualClock, settle, settle_until, state
from greenroom.testing.settling import stage_loop


@dataclass
class Waiter(GenServer):
    """Passes a tray on to the next waiter, down to the last."""

    following: "Ref[Waiter] | None" = None
    served: int = 0

    async def take(self, glasses: int) -> None:
        self.served += glasses
        if self.following is not None:
            self.following.cast(Waiter.take, glasses)

    async def ask_in_the_kitchen(self) -> None:
        self.served = await asyncio.to_thread(lambda: 99)


async def test_settle_runs_everything_that_follows_from_a_message(tree: Tree) -> None:
    last = await tree.start(Waiter)
    first = last
    for _ in range(20):
        first = await tree.start(Waiter, first)

    first.cast(Waiter.take, 3)
    await settle()

    assert state(last).served == 3


async def test_settle_waits_for_jobs_in_threads(tree: Tree) -> None:
    waiter = await tree.start(Waiter)

    waiter.cast(Waiter.ask_in_the_kitchen)
    await settle()

    assert state(waiter).served == 99


async def test_settle_does_not_wait_for_timers() -> None:
    nap = asyncio.create_task(asyncio.sleep(1000))

    seconds = await settle()

    assert seconds is not None
    assert 900 < seconds <= 1000
    nap.cancel()


async def test_settle_says_that_no_timer_is_set(clock: VirtualClock) -> None:
    assert await settle() is None


async def test_settle_until_waits_for_a_thread_that_nobody_told_it_of() -> None:
    heard: list[str] = []
    loop = asyncio.get_running_loop()
    ring = threading.Event()

    def bell() -> None:
        ring.wait(5)
        loop.call_soon_threadsafe(heard.append, "ding")

    thread = threading.Thread(target=bell)
    thread.start()
    loop.call_soon(ring.set)
    await settle_until(lambda: heard == ["ding"], lambda: "expected the bell")
    thread.join()


async def test_settle_until_fails_as_soon_as_nothing_can_change_any_more(clock: VirtualClock) -> None:
    nap = asyncio.create_task(asyncio.sleep(3))

    with pytest.raises(
        AssertionError, match="expected a guest; nothing is left to do, and the next timer is due in 3 s"
    ):
        await settle_until(lambda: False, lambda: "expected a guest")

    nap.cancel()


async def test_in_real_time_it_fails_as_soon_as_well() -> None:
    with pytest.raises(AssertionError, match="expected a guest; nothing is left to do, and no timer is set"):
        await settle_until(lambda: False, lambda: "expected a guest")


@pytest.mark.parametrize("virtual_time", [False, True])
def test_patience_with_what_is_outside_ends(virtual_time: bool) -> None:
    async def wait_for_a_guest() -> None:
        bell, door = socket.socketpair()
        with bell, door:
            bell.setblocking(False)
            asyncio.get_running_loop().add_reader(bell, print)
            try:
                await stage_loop().until(lambda: False, lambda: "expected a guest", 0.01)
            finally:
                asyncio.get_running_loop().remove_reader(bell)

    late = pytest.raises(AssertionError, match=r"expected a guest; nothing made it so within 0.01 s\n- the test waits")
    with Stage(virtual_time=virtual_time) as stage, late:
        stage.run(wait_for_a_guest())


def test_settle_is_for_tests() -> None:
    with pytest.raises(RuntimeError, match=r"expected to run in a test of greenroom\.testing"):
        asyncio.run(settle())


async def test_what_a_thread_says_right_before_it_ends_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    last_words = loop.create_future()
    alive = threading.enumerate()

    def speak_and_end() -> list[threading.Thread]:
        monkeypatch.undo()
        loop.call_soon_threadsafe(last_words.set_result, "good night")
        return alive

    monkeypatch.setattr(threading, "enumerate", speak_and_end)

    assert await last_words == "good night"
