from dataclasses import dataclass, field

import pytest

from greenroom import (
    Down,
    DynamicSupervisor,
    GenServer,
    NotRunning,
    Ref,
    ServerDown,
    Supervisor,
    child,
    receive,
    spawn,
    trap_exit,
)
from greenroom.testing import Probe, Tree, VirtualClock, assert_restarted, crash, expected_crash, settle, state


@dataclass
class Till(GenServer):
    sum: int = 0
    closing: list[object] = field(default_factory=list[object])

    async def sell(self, price: int) -> int:
        self.sum += price
        return self.sum

    async def divide(self, guests: int) -> float:
        return self.sum / guests

    async def terminate(self, reason: object) -> None:
        self.closing.append(reason)


async def test_an_address_of_the_tree_finds_the_process_that_came_after_a_crash(tree: Tree) -> None:
    till = await tree.start(Till, 100)
    await till.call(Till.sell, 5)

    await tree.crash(till)

    assert await till.call(Till.sell, 5) == 105


async def test_a_crash_returns_when_the_supervisor_has_acted(tree: Tree) -> None:
    sup = await tree.start(DynamicSupervisor)
    till = await sup.call(DynamicSupervisor.start_child, child(Till).named("till"))
    assert isinstance(till, Ref)

    await crash(till)

    assert (await sup.call(DynamicSupervisor.count_children)).active == 1
    assert Ref(Till, "till").alive
    assert not till.alive


async def test_a_crash_that_ends_the_supervisor_returns_as_well(tree: Tree) -> None:
    till = child(Till).named("till")
    sup = await tree.start_supervised(
        child(Supervisor, [till], max_restarts=0, strategy="one_for_one").restart("temporary")
    )

    await crash(Ref(Till, "till"))

    assert not sup.alive


async def test_a_crash_with_an_error_runs_terminate(tree: Tree) -> None:
    closing: list[object] = []
    till = await tree.start(Till, 1, closing)
    error = ValueError("out of change")

    await crash(till, error)

    assert closing == [error]


@pytest.mark.parametrize("traps", [False, True])
async def test_a_process_that_runs_a_function_crashes_where_it_waits(traps: bool, probe: Probe) -> None:
    async def count_the_guests() -> None:
        trap_exit(traps)
        await receive()

    counting = spawn(count_the_guests)
    await settle()
    monitor = probe.monitor(counting)
    error = ValueError("too many")

    await crash(counting, error)

    assert await probe.expect_message(Down) == Down(monitor, counting, error)


async def test_a_crash_needs_a_process(tree: Tree) -> None:
    with pytest.raises(NotRunning):
        await crash(Ref(Till, "till"))


async def test_an_expected_crash_is_shown_with_its_report(tree: Tree) -> None:
    till = await tree.start(Till)

    with expected_crash(ZeroDivisionError) as crashes, pytest.raises(ServerDown):
        await till.call(Till.divide, 0)

    assert [type(found.reason) for found in crashes] == [ZeroDivisionError]
    assert "in divide" in str(crashes[0])


async def test_an_expected_crash_that_does_not_come_is_a_failure(tree: Tree) -> None:
    till = await tree.start(Till)

    async def expect_another() -> None:
        with expected_crash(KeyError):
            till.cast(Till.divide, 0)
            await settle()

    with (
        expected_crash(ZeroDivisionError),
        pytest.raises(
            AssertionError,
            match=r"expected a crash for KeyError, got <Till seat 1 .*>: ZeroDivisionError: division by zero",
        ),
    ):
        await expect_another()


async def test_a_reason_that_is_no_exception_may_be_expected_too(tree: Tree) -> None:
    till = await tree.start(Till)

    with expected_crash("burgled"):
        till.exit("burgled")
        await settle()


async def test_restarted_means_that_another_process_stands_in(tree: Tree) -> None:
    till = await tree.start(Till)
    first = till.where()
    assert first is not None

    await crash(till)

    assert await assert_restarted(first) is till.where()
    assert await assert_restarted(till) is till.where()


async def test_a_process_without_a_name_is_found_among_its_siblings(tree: Tree, clock: VirtualClock) -> None:
    sup = await tree.start(DynamicSupervisor)
    tills = [await sup.call(DynamicSupervisor.start_child, child(Till, cash)) for cash in (1, 2)]
    first, second = (ref for ref in tills if isinstance(ref, Ref))

    await crash(first)

    assert state(await assert_restarted(first)).sum == 1
    with pytest.raises(AssertionError):
        await assert_restarted(second)


async def test_a_process_that_was_not_restarted_is_a_failure(tree: Tree, clock: VirtualClock) -> None:
    await tree.start_supervised(child(Till).named("till"))

    with pytest.raises(
        AssertionError, match=r"expected till to have been restarted, got <Till 'till' .*>, which has not"
    ):
        await assert_restarted("till")


async def test_the_failure_says_what_there_is_in_place_of_a_restarted_process(tree: Tree) -> None:
    till = await tree.start_supervised(child(Till).restart("temporary"))
    process = till.where()
    assert process is not None

    await crash(till)

    for ref in (till, process):
        with pytest.raises(AssertionError, match=r"got <Till seat 1 .*>, which ended for good; nothing is left to do"):
            await assert_restarted(ref)
    with pytest.raises(AssertionError, match="expected nobody to have been restarted, got none that was ever started"):
        await assert_restarted("nobody")


async def test_the_state_is_the_server_itself(tree: Tree) -> None:
    till = await tree.start(Till, 7)

    assert state(till).sum == 7


async def test_the_state_of_nobody_is_an_error(tree: Tree) -> None:
    till = await tree.start(Till)
    await tree.stop(till)

    with pytest.raises(NotRunning):
        state(till)
