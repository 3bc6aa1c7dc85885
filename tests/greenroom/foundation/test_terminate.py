"""When `terminate` runs, where OTP runs it, and what it sees."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from greenroom import (
    DynamicSupervisor,
    GenServer,
    Ref,
    Rejected,
    Reply,
    ServerDown,
    Shutdown,
    StartFailed,
    Supervisor,
    batched,
    child,
    exit_with,
)
from greenroom.testing import Probe, Tree, crash, settle
from tests.greenroom.foundation.one_for_one import OneForOne

OOPS = RuntimeError("oops")


@dataclass
class Safe(GenServer):
    """Counts what is in it, and writes down how it was closed."""

    log: list[object]
    trapping: bool = False
    init_fails: str = ""
    coins: int = 0
    notes: dict[str, int] = field(default_factory=dict[str, int])

    async def init(self) -> None:
        self.trap_exit(self.trapping)
        match self.init_fails:
            case "raises":
                raise OOPS
            case "stops":
                self.stop("closed")
            case "declines":
                self.ignore()
            case _:
                pass

    async def terminate(self, reason: object) -> None:
        self.log.append((reason, self.coins))

    async def exit_itself(self, reason: str) -> None:
        self.ref.exit(reason)

    async def put(self, coins: int) -> int:
        self.coins += coins
        return self.coins

    async def close(self, reason: object) -> str:
        self.coins += 1
        self.stop(reason)
        self.log.append("closing")
        return "closed"

    async def break_open(self) -> None:
        self.coins = 0
        self.label = "broken"
        raise OOPS

    async def break_open_slowly(self) -> None:
        self.coins = 0
        await asyncio.sleep(0)
        raise OOPS

    def break_at_once(self) -> Reply[None]:
        self.coins = 0
        raise OOPS

    async def break_next(self) -> None:
        self.coins += 1
        self.next(Safe._break)

    async def break_later(self) -> None:
        self.coins += 1
        self.after(0.0, Safe._break)

    async def _break(self) -> None:
        self.coins = 0
        raise OOPS

    async def refuse(self) -> None:
        self.coins += 1
        raise Rejected

    async def leave(self) -> None:
        exit_with("left")

    async def link_to(self, ref: Ref[Any]) -> None:
        self.coins += 1
        self.link(ref)
        self.log.append("linked")

    async def wait(self) -> None:
        await asyncio.Event().wait()

    @batched
    def put_all(self, coins: list[int]) -> None:
        self.coins = 0
        if sum(coins) > 10:
            raise OOPS
        self.coins = sum(coins)

    async def handle_info(self, message: object) -> None:
        self.coins = 0
        raise OOPS


@pytest.fixture
def log() -> list[object]:
    return []


# When it runs.


async def test_it_runs_when_the_process_is_stopped(log: list[object]) -> None:
    safe = await Safe.start(log)

    await safe.stop("enough")

    assert log == [("enough", 0)]


async def test_it_runs_before_the_answer_of_the_handler_that_stopped_the_process(log: list[object]) -> None:
    safe = await Safe.start(log)

    answer = await safe.call(Safe.close, "normal")
    log.append(answer)

    assert log == ["closing", ("normal", 1), "closed"]
    assert await safe.down() == "noproc"


async def test_it_runs_after_a_handler_failed(log: list[object], tree: Tree) -> None:
    safe = await tree.start(Safe, log)

    await crash(safe, OOPS)

    assert log == [(OOPS, 0)]


async def test_it_runs_after_a_link_to_what_is_not_there(log: list[object]) -> None:
    safe = await Safe.start(log)

    with pytest.raises(ServerDown) as caught:
        await safe.call(Safe.link_to, Ref(Safe, "nobody"))

    assert caught.value.reason == "noproc"
    assert log == [("noproc", 0)]


async def test_it_runs_after_a_handler_exited(log: list[object]) -> None:
    safe = await Safe.start(log)

    with pytest.raises(ServerDown) as down:
        await safe.call(Safe.leave)

    assert (down.value.reason, log) == ("left", [("left", 0)])


@pytest.mark.parametrize(("trapping", "expected"), [(True, [("shutdown", 0)]), (False, [])])
@pytest.mark.parametrize("kind", [OneForOne, DynamicSupervisor])
async def test_it_runs_at_the_parents_shutdown_if_the_process_traps_exits(
    log: list[object], kind: Any, trapping: bool, expected: list[object]
) -> None:
    sup = await kind.start()
    await sup.call(kind.start_child, child(Safe, log, trapping))

    await sup.stop()

    assert log == expected


@pytest.mark.parametrize(("trapping", "expected"), [(True, [("oops", 0)]), (False, [])])
async def test_it_runs_when_the_process_that_started_it_ends_if_it_traps_exits(
    log: list[object], probe: Probe, trapping: bool, expected: list[object]
) -> None:
    safe = await probe.perform(lambda: Safe.start_link(log, trapping))

    probe.ref.exit("oops")
    await settle()

    assert (log, safe.alive) == (expected, False)


@pytest.mark.parametrize("reason", ["normal", "shutdown", "oops"])
async def test_it_runs_at_a_signal_to_itself_if_nobody_started_the_process(log: list[object], reason: str) -> None:
    safe = await Safe.start(log, trapping=True)

    safe.cast(Safe.exit_itself, reason)
    await settle()

    assert (log, safe.alive) == ([(reason, 0)], False)


@pytest.mark.parametrize("reason", ["shutdown", "oops", Shutdown("enough")])
async def test_it_does_not_run_at_an_exit_signal_that_is_not_trapped(log: list[object], reason: object) -> None:
    safe = await Safe.start(log)

    safe.exit(reason)

    assert (log, safe.alive) == ([], False)


@pytest.mark.parametrize("trapping", [True, False])
async def test_it_does_not_run_at_a_kill(log: list[object], trapping: bool) -> None:
    safe = await Safe.start(log, trapping)

    safe.exit("kill")

    assert (log, safe.alive) == ([], False)


async def test_it_does_not_run_for_a_handler_that_a_signal_cut_short(log: list[object]) -> None:
    safe = await Safe.start(log)
    waiting = asyncio.ensure_future(safe.call(Safe.wait))
    await settle()

    safe.exit("oops")
    await settle()

    error = waiting.exception()
    assert isinstance(error, ServerDown)
    assert (error.reason, log) == ("oops", [])


@pytest.mark.parametrize("init_fails", ["raises", "stops", "declines"])
async def test_it_does_not_run_for_a_process_that_did_not_start(log: list[object], init_fails: str) -> None:
    starting = asyncio.ensure_future(Safe.start(log, init_fails=init_fails))
    await settle()

    assert starting.exception() is not None
    assert log == []


async def test_it_runs_once(log: list[object]) -> None:
    safe = await Safe.start(log)
    safe.cast(Safe.close, "first")
    safe.cast(Safe.close, "second")

    assert await safe.down() == "first"
    assert log == ["closing", ("first", 1)]


async def test_one_that_fails_gives_the_process_its_own_reason(probe: Probe) -> None:
    class Jammed(Safe):
        async def terminate(self, reason: object) -> None:
            exit_with("jammed")

    safe = await Jammed.start([])
    answer = await safe.call(Safe.put, 1)
    safe.cast(Safe.close, "normal")

    assert (answer, await safe.down()) == (1, "jammed")


async def test_messages_behind_it_are_not_handled(log: list[object]) -> None:
    safe = await Safe.start(log)
    safe.cast(Safe.close, "normal")
    safe.cast(Safe.put, 100)

    await settle()

    assert log == ["closing", ("normal", 1)]


# What it sees.


@pytest.mark.parametrize("method", [Safe.break_open, Safe.break_open_slowly, Safe.break_at_once])
@pytest.mark.expected_crash(reason=RuntimeError)
async def test_it_sees_the_state_from_before_the_handler_that_failed(log: list[object], method: Any) -> None:
    safe = await Safe.start(log)
    await safe.call(Safe.put, 7)

    with pytest.raises(ServerDown):
        await safe.call(method)

    assert log == [(OOPS, 7)]


@pytest.mark.parametrize("method", [Safe.break_next, Safe.break_later])
@pytest.mark.expected_crash(reason=RuntimeError)
async def test_a_step_that_follows_a_handler_is_undone_alone(log: list[object], method: Any) -> None:
    safe = await Safe.start(log)
    await safe.call(Safe.put, 7)

    safe.cast(method)

    assert (await safe.down(), log) == (OOPS, [(OOPS, 8)])


@pytest.mark.expected_crash(reason=RuntimeError)
async def test_messages_and_batches_are_undone_as_well(log: list[object]) -> None:
    first, second = await Safe.start(log), await Safe.start(log)
    for coins in (3, 4):
        first.cast(Safe.put_all, coins)
    await settle()

    first.send("knock")
    for coins in (5, 6):
        second.cast(Safe.put_all, coins)
    await settle()

    assert log == [(OOPS, 7), (OOPS, 0)]


@pytest.mark.expected_crash(reason=RuntimeError)
async def test_a_field_that_the_handler_made_is_gone(log: list[object]) -> None:
    class Labelled(Safe):
        async def terminate(self, reason: object) -> None:
            self.log.append(hasattr(self, "label"))

    safe = await Labelled.start(log)
    safe.cast(Safe.break_open)

    await safe.down()
    assert log == [False]


@pytest.mark.expected_crash(reason=RuntimeError)
async def test_a_server_with_slots_is_undone_too(log: list[object]) -> None:
    @dataclass(slots=True)
    class Drawer(GenServer):
        log: list[object]
        coins: int = 0

        async def put(self, coins: int) -> None:
            self.coins += coins
            if coins > 10:
                raise OOPS

        async def terminate(self, reason: object) -> None:
            self.log.append(self.coins)

    drawer = await Drawer.start(log)
    await drawer.call(Drawer.put, 7)
    drawer.cast(Drawer.put, 70)

    await drawer.down()
    assert log == [7]


async def test_a_rejected_request_is_no_failure(tree: Tree, log: list[object]) -> None:
    safe = await tree.start(Safe, log)

    with pytest.raises(Rejected):
        await safe.call(Safe.refuse)

    assert await safe.call(Safe.put, 0) == 1


def test_a_server_without_terminate_has_its_handlers_as_they_are() -> None:
    class Open(GenServer):
        async def put(self) -> None: ...

    class Closed(Open):
        async def terminate(self, reason: object) -> None: ...

    assert Open.__handlers__["put"] is Open.put
    assert Open.__info__ is GenServer.handle_info
    assert Closed.__handlers__["put"] is not Closed.put


def test_supervisors_keep_their_own_order() -> None:
    assert Supervisor.__handlers__["start_child"] is Supervisor.start_child
    assert DynamicSupervisor.__handlers__["start_child"] is DynamicSupervisor.start_child


async def test_a_failed_init_is_told_as_it_was_raised() -> None:
    with pytest.raises(StartFailed) as error:
        await Safe.start([], init_fails="raises")

    assert error.value.reason is OOPS


async def test_the_address_of_a_safe_is_its_own(tree: Tree, log: list[object]) -> None:
    safe: Ref[Safe] = await tree.start(Safe, log)

    assert await safe.call(Safe.put, 2) == 2
