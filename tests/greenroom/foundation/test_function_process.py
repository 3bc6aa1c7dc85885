import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import ReferenceType, ref

import pytest

from greenroom import (
    Down,
    Exit,
    GenServer,
    OutsideProcess,
    Ref,
    Supervisor,
    current_process,
    list_processes,
    process_info,
    receive,
    sleep,
    spawn,
    spawn_link,
    spawn_monitor,
    trap_exit,
)
from greenroom.foundation.mailbox import Mailbox
from greenroom.testing import Tree, VirtualClock, expected_crash, settle
from tests.greenroom.foundation.in_process import in_process


@dataclass(frozen=True)
class Order:
    drink: str


@dataclass(frozen=True)
class Wish:
    sender: Ref[Any]
    drink: str


@in_process
async def test_a_function_answers_messages() -> None:
    async def bar() -> None:
        while True:
            wish = await receive(Wish)
            wish.sender.send(Order(wish.drink))

    waiter = spawn(bar)
    for drink in ("gin", "rum"):
        waiter.send(Wish(current_process(), drink))

    assert [await receive(Order), await receive(Order)] == [Order("gin"), Order("rum")]
    waiter.exit("shutdown")
    await waiter.down()


async def test_arguments_are_passed_on() -> None:
    seen: list[object] = []

    def note(*args: object, **kwargs: object) -> None:
        seen.append((args, kwargs))

    await spawn(note, 1, two=2).down()

    assert seen == [((1,), {"two": 2})]


async def test_a_function_begins_after_its_starter_has_suspended() -> None:
    seen: list[str] = []
    process = spawn(seen.append, "function")

    seen.append("starter")
    await process.down()

    assert seen == ["starter", "function"]


async def test_a_process_ends_with_its_function() -> None:
    async def crash() -> None:
        raise KeyError("broken")

    crashed = spawn(crash)
    with expected_crash(KeyError):
        reason = await crashed.down()

    assert isinstance(reason, KeyError)
    assert await spawn_and_wait(sleep, 0) == "normal"
    assert list_processes() == []


async def spawn_and_wait(function: Any, *args: object) -> object:
    return await spawn(function, *args).down()


@in_process
async def test_messages_that_are_not_wanted_wait() -> None:
    me = current_process()
    for message in ("one", Order("gin"), 2, Order("rum")):
        me.send(message)

    assert await receive(int) == 2
    assert await receive(lambda message: message == Order("rum")) == Order("rum")
    assert [await receive(), await receive()] == ["one", Order("gin")]


@in_process
async def test_a_message_is_waited_for_and_others_that_come_stay(clock: VirtualClock) -> None:
    me = current_process()

    async def send() -> None:
        for message in ("one", 2):
            me.send(message)
            await sleep(1)

    spawn(send)

    assert await receive(int) == 2
    assert clock.monotonic() == 1
    assert await receive(str) == "one"
    await sleep(1)


@in_process
async def test_receive_gives_up_in_time(clock: VirtualClock) -> None:
    me = current_process()
    me.send("not this")

    with pytest.raises(TimeoutError, match=r"expected a message within 2\.5 s"):
        await receive(int, timeout=2.5)
    assert clock.monotonic() == 2.5
    with pytest.raises(TimeoutError):
        await receive(int, timeout=0)
    assert await receive(timeout=0) == "not this"


@in_process
async def test_a_predicate_that_fails_fails_who_receives() -> None:
    def broken(message: object) -> bool:
        raise KeyError(message)

    current_process().send("hello")

    with pytest.raises(KeyError, match="hello"):
        await receive(broken)
    assert await receive() == "hello"


async def test_a_server_does_not_receive(tree: Tree) -> None:
    class Greedy(GenServer):
        async def take(self) -> str:
            with pytest.raises(OutsideProcess, match="receive"):
                await receive()
            return "refused"

    assert await (await tree.start(Greedy)).call(Greedy.take) == "refused"
    with pytest.raises(OutsideProcess, match="receive"):
        await receive()


@in_process
async def test_a_linked_function_takes_its_starter_along() -> None:
    async def starter() -> None:
        spawn_link(crash)
        await receive()

    async def crash() -> None:
        raise KeyError("linked")

    with expected_crash(KeyError):
        reason = await spawn(starter).down()

    assert isinstance(reason, KeyError)


@in_process
async def test_a_starter_that_traps_exits_hears_of_the_end_of_a_linked_function() -> None:
    trap_exit()

    linked = spawn_link(sleep, 0)

    assert await receive(Exit) == Exit(linked, "normal")


async def test_a_supervised_function_that_traps_exits_hears_that_it_should_stop() -> None:
    heard: list[Exit] = []

    async def work() -> None:
        trap_exit()
        heard.append(await receive(Exit))

    async def start() -> Ref[object]:
        return spawn(work)

    supervisor = await Supervisor.start([{"id": "work", "start": (start, ()), "shutdown": 5.0}], strategy="one_for_one")
    address = supervisor.where()
    await settle()

    await supervisor.stop()

    assert heard == [Exit(address, "shutdown")]


@in_process
async def test_a_monitored_function_is_heard_of() -> None:
    watched, monitor = spawn_monitor(sleep, 0)

    assert await receive(Down) == Down(monitor, watched, "normal")


@in_process
async def test_a_down_comes_after_all_that_the_process_sent() -> None:
    me = current_process()

    def talk() -> None:
        for word in ("one", "two"):
            me.send(word)

    talker, watch = spawn_monitor(talk)

    assert [await receive(), await receive()] == ["one", "two"]
    assert await receive() == Down(watch, talker, "normal")


async def test_a_function_that_waits_is_stopped() -> None:
    cleaned: list[str] = []

    async def wait() -> None:
        try:
            await receive()
        finally:
            cleaned.append("up")

    process = spawn(wait)
    await settle()

    await process.stop("shutdown", timeout=60)

    assert cleaned == ["up"]
    assert not process.alive


async def test_a_function_that_did_not_begin_is_stopped() -> None:
    seen: list[str] = []
    process = spawn(seen.append, "ran")

    await process.stop()

    assert seen == []


@pytest.mark.parametrize("reason", ["kill", "shutdown"])
async def test_a_function_that_ends_itself_does_not_get_past_where_it_suspends(reason: str) -> None:
    passed: list[str] = []

    async def end(warmed_up: bool) -> None:
        if warmed_up:
            await asyncio.sleep(0)
        current_process().exit(reason)
        passed.append("before")
        await receive()
        passed.append("after")

    for warmed_up in (False, True):
        assert await spawn(end, warmed_up).down() == ("killed" if reason == "kill" else reason)

    assert passed == ["before", "before"]


async def test_a_function_shows_its_name() -> None:
    async def announcer() -> None:
        pass

    process = spawn(announcer)

    assert "announcer" in repr(process)
    await process.down()
    assert "announcer" in repr(process)


async def test_a_function_has_no_methods_to_call() -> None:
    process: Any = spawn(receive)

    with pytest.raises(TypeError):
        await process.call(GenServer.handle_info, "hello")
    await process.stop("shutdown")


class Moved:
    """How many messages had to move up for those that were taken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages = 0
        monkeypatch.setattr(Mailbox, "__delitem__", self._deleting(), raising=False)

    def _deleting(self) -> Callable[[Mailbox, int | slice], None]:
        def delete(mailbox: Mailbox, where: int | slice) -> None:
            self.messages += len(mailbox) - (where.stop if isinstance(where, slice) else where + 1)
            super(Mailbox, mailbox).__delitem__(where)

        return delete


@in_process
async def test_many_messages_are_taken_in_turn_and_hardly_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    me, moved = current_process(), Moved(monkeypatch)
    for number in range(2500):
        me.send(number)

    assert await receive(lambda number: number == 2000) == 2000
    taken = [await receive(int) for _ in range(2498)]

    assert taken == [number for number in range(2499) if number != 2000]
    assert moved.messages < 5000
    assert (info := process_info(me)) is not None
    assert info.messages == 1
    me.send(2500)
    assert [await receive(int), await receive(int)] == [2499, 2500]
    with pytest.raises(TimeoutError):
        await receive(timeout=0)


async def test_messages_that_were_taken_are_let_go() -> None:
    taken: list[ReferenceType[Wish]] = []

    async def take() -> None:
        taken.extend([ref(await receive(Wish)) for _ in range(3)])
        await receive(Order)

    process = spawn(take)
    for drink in ("gin", "rum", "rye", "ale"):
        process.send(Wish(process, drink))
    await settle()

    assert [wish() for wish in taken] == [None, None, None]
    process.send(Order("gin"))
    await process.down()
