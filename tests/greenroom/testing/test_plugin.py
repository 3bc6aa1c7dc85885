"""The plugin, on tests that are written to a file and run."""

import re

import pytest

from tests.greenroom.testing.plugged import outcomes

pytest_plugins = ["pytester"]


def test_an_async_test_runs_without_a_marker(pytester: pytest.Pytester) -> None:
    found, _ = outcomes(
        pytester,
        """
async def test_passes() -> None:
    await asyncio.sleep(0)

async def test_fails() -> None:
    assert False
""",
    )

    assert found == {"passed": 1, "failed": 1}


def test_each_test_has_a_namespace_of_its_own(pytester: pytest.Pytester) -> None:
    found, _ = outcomes(
        pytester,
        """
@pytest.mark.parametrize("evening", [1, 2])
async def test_takes_the_name(tree: Tree, evening: int) -> None:
    assert list_services() == {}
    await tree.start_supervised(child(Bar).named("bar"))
    assert await Ref(Bar, "bar").call(Bar.serve, 1) == 1
    assert list(list_services()) == ["bar"]
""",
    )

    assert found == {"passed": 2}


def test_async_fixtures_run_on_the_stage_of_the_test(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
@pytest.fixture
async def bar(tree: Tree):
    ref = await tree.start(Bar)
    yield ref
    print("sold", await ref.call(Bar.serve, 0))

@pytest.fixture
async def drinks() -> int:
    return 3

async def test_serves(bar: Ref[Bar], drinks: int) -> None:
    await bar.call(Bar.serve, drinks)

class TestMethods:
    price = 7

    @pytest.fixture
    async def bill(self) -> int:
        return self.price

    async def test_method(self, bill: int) -> None:
        assert bill == 7
""",
        "-s",
    )

    assert found == {"passed": 2}
    assert "sold 3" in printed


def test_a_process_that_outlives_its_test_is_an_error(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
async def test_forgets() -> None:
    await Bar.start()
""",
    )

    assert found == {"passed": 1, "errors": 1}
    assert "process: <Bar" in printed


def test_a_task_that_outlives_its_test_is_an_error(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
async def test_forgets() -> None:
    asyncio.create_task(asyncio.sleep(1000), name="a long nap")
""",
    )

    assert found == {"passed": 1, "errors": 1}
    assert "task: a long nap" in printed


def test_a_timer_that_outlives_its_test_is_an_error(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
async def test_forgets(stage: Stage) -> None:
    stage.scheduler.timers.schedule(60.0, print, "never")
""",
    )

    assert found == {"passed": 1, "errors": 1}
    assert "timers: 1" in printed


def test_a_crash_that_nobody_expected_is_an_error(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
async def test_does_not_look(tree: Tree) -> None:
    bar = await tree.start(Bar)
    bar.cast(Bar.spill)
    await settle()
""",
    )

    assert found == {"passed": 1, "errors": 1}
    assert "ValueError: spilt" in printed


def test_a_crash_of_a_process_that_the_test_killed_is_none(pytester: pytest.Pytester) -> None:
    found, _ = outcomes(
        pytester,
        """
async def test_kills(tree: Tree) -> None:
    bar = await tree.start(Bar)
    bar.exit("kill")
    await tree.crash(bar)
    await tree.crash(bar, RuntimeError("on purpose"))
""",
    )

    assert found == {"passed": 1}


def test_the_marker_expects_a_crash_anywhere_in_the_test(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
@pytest.mark.expected_crash(reason=ValueError)
async def test_spills(tree: Tree) -> None:
    bar = await tree.start(Bar)
    bar.cast(Bar.spill)
    await settle()

@pytest.mark.expected_crash(reason=ValueError)
async def test_does_not_spill(tree: Tree) -> None:
    await tree.start(Bar)
""",
    )

    assert found == {"passed": 1, "failed": 1}
    assert "expected a crash for ValueError, got none" in printed


def test_the_marker_may_be_bare_and_may_give_its_reason_by_position(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
@pytest.mark.expected_crash
async def test_spills(tree: Tree) -> None:
    bar = await tree.start(Bar)
    bar.cast(Bar.spill)
    await settle()

@pytest.mark.expected_crash("closed")
async def test_ends_for_another_reason(tree: Tree) -> None:
    bar = await tree.start(Bar)
    await crash(bar)
""",
    )

    assert found == {"passed": 1, "failed": 1}
    assert "expected a crash for closed, got <Bar seat 1" in printed


def test_a_marker_holds_for_each_example_of_hypothesis(pytester: pytest.Pytester) -> None:
    found, _ = outcomes(
        pytester,
        """
from hypothesis import given, settings, strategies as st

@pytest.mark.expected_crash(reason=ValueError)
@settings(max_examples=5, database=None)
@given(st.booleans())
async def test_spills_now_and_then(clumsy: bool) -> None:
    bar = await Bar.start()
    if clumsy:
        bar.cast(Bar.spill)
        await settle()
    else:
        await bar.stop()
""",
    )

    assert found == {"passed": 1}


def test_a_test_may_run_again(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
import pytest
from _pytest.runner import runtestprotocol

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    for _ in range(2):
        item._initrequest()
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
    )
    found, _ = outcomes(
        pytester,
        """
from hypothesis import given, settings, strategies as st

async def test_serves(tree: Tree) -> None:
    assert await (await tree.start(Bar)).call(Bar.serve, 1) == 1

@settings(max_examples=2, database=None)
@given(st.integers(1, 9))
async def test_serves_any(drinks: int) -> None:
    assert list_services() == {}
""",
    )

    assert found == {"passed": 4}


def test_what_a_failed_test_leaves_behind_is_not_reported_as_well(pytester: pytest.Pytester) -> None:
    found, _ = outcomes(
        pytester,
        """
async def test_fails() -> None:
    await Bar.start()
    assert False
""",
    )

    assert found == {"failed": 1}


def test_an_error_in_a_callback_of_the_loop_is_an_error_of_the_test(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
async def test_calls_back() -> None:
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await settle()
""",
    )

    assert found == {"passed": 1, "errors": 1}
    assert "ZeroDivisionError" in printed


def test_a_test_that_waits_for_nothing_fails_at_once(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
async def test_waits() -> None:
    await asyncio.get_running_loop().create_future()

async def test_forgets_to_move_the_clock(clock: VirtualClock) -> None:
    await asyncio.sleep(3)

async def test_waits_for_a_process(tree: Tree) -> None:
    first, second = await tree.start(Bar), await tree.start(Bar)
    asyncio.create_task(asyncio.Event().wait(), name="by itself")
    await first.within(None).call(Bar.ask, second)
""",
    )

    assert found == {"failed": 3}
    assert re.search(r"- the test waits in test_waits, test_a_test_that_waits.*\.py:\d+\n", printed)
    assert re.search(r"- the test waits in test_waits_for_a_process, .* for <Bar seat 1 .*> to answer ask\n", printed)
    assert re.search(r"- <Bar seat 1 .*> waits in Bar\.ask, .*\.py:\d+, for <Bar seat 2 .*> to answer think\n", printed)
    assert re.search(r"- <Bar seat 2 .*> waits in Bar\.think, .*\.py:\d+\n", printed)
    assert "- task by itself waits in Event.wait, locks.py:" in printed
    assert "nothing is left to do, and no timer is set" in printed
    assert "nothing is left to do, and the next timer is due in 3 s of the test's clock" in printed


def test_hypothesis_gives_each_example_a_stage_of_its_own(pytester: pytest.Pytester) -> None:
    found, _ = outcomes(
        pytester,
        """
from hypothesis import given, settings, strategies as st

@settings(max_examples=5, database=None)
@given(st.integers(1, 9))
async def test_serves(drinks: int) -> None:
    assert list_services() == {}
    bar = await child(Bar).named("bar").start()
    assert await bar.call(Bar.serve, drinks) == drinks
    await bar.stop()

@settings(max_examples=5, database=None)
@given(st.integers(1, 9))
async def test_leaks(drinks: int) -> None:
    await Bar.start()
""",
    )

    assert found == {"passed": 1, "failed": 1}
