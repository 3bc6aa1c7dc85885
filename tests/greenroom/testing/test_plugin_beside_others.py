"""What the plugin says to those who have no stage, and how it goes together with others."""

import pytest

from tests.greenroom.testing.plugged import outcomes

pytest_plugins = ["pytester"]


def test_a_plain_test_that_asks_for_a_stage_is_told_why_it_has_none(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
def test_is_plain(tree: Tree) -> None:
    pass
""",
    )

    assert found == {"errors": 1}
    assert "expected an async def test" in printed
    assert "which is plain; make it async def, or use greenroom.testing.Stage in it" in printed


def test_what_hypothesis_runs_is_told_why_it_has_no_stage(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
from hypothesis import given, strategies as st

@given(drinks=st.integers())
async def test_is_generated(clock: VirtualClock, drinks: int) -> None:
    pass
""",
    )

    assert found == {"errors": 1}
    assert "which Hypothesis runs many times, each time on another stage" in printed


def test_a_test_of_another_plugin_is_told_why_it_has_no_stage(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"

@pytest.mark.anyio
async def test_of_anyio(tree: Tree) -> None:
    pass
""",
    )

    assert found == {"errors": 1}
    assert "which another plugin runs; take its marker away, and set asyncio_mode or anyio_mode to strict" in printed


def test_a_test_that_another_plugin_has_made_plain_is_told_why_it_has_no_stage(pytester: pytest.Pytester) -> None:
    # As pytest-asyncio does in its automatic mode.
    pytester.makeconftest("""
def pytest_configure(config):
    config.addinivalue_line("markers", "asyncio: as of pytest-asyncio")

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker("asyncio")
        item.obj = lambda: None
""")

    found, printed = outcomes(
        pytester,
        """
async def test_is_taken(tree: Tree) -> None:
    pass
""",
    )

    assert found == {"errors": 1}
    assert "which another plugin runs; take its marker away" in printed


def test_a_test_case_of_unittest_has_no_stage(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
import unittest

class TestBar(unittest.IsolatedAsyncioTestCase):
    async def test_has_its_own_loop(self) -> None:
        assert type(asyncio.get_running_loop()).__name__ != "StageLoop"

class TestTree(unittest.IsolatedAsyncioTestCase):
    @pytest.fixture(autouse=True)
    def take(self, tree: Tree) -> None:
        pass

    async def test_asks_for_a_tree(self) -> None:
        pass
""",
    )

    assert found == {"passed": 1, "errors": 1}
    assert "got test_asks_for_a_tree, which runs in a way of its own; use greenroom.testing.Stage in it" in printed


def test_an_async_fixture_that_never_yields_is_told_so(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
@pytest.fixture
async def drinks():
    if False:
        yield 3

async def test_asks(drinks: int) -> None:
    pass
""",
    )

    assert found == {"errors": 1}
    assert "expected an async fixture to yield once, got none that yields" in printed


def test_an_async_fixture_that_is_asked_for_within_a_test_is_told_so(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
@pytest.fixture
async def drinks() -> int:
    return 3

async def test_asks_late(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("drinks")
""",
    )

    assert found == {"failed": 1}
    assert "name async fixtures as arguments of the test" in printed
    assert "never awaited" not in printed


def test_an_async_fixture_without_a_stage_is_told_so(pytester: pytest.Pytester) -> None:
    found, printed = outcomes(
        pytester,
        """
@pytest.fixture(scope="module")
async def cellar():
    return 3

@pytest.fixture
async def drinks() -> int:
    return 3

async def test_asks_for_more_than_its_own(cellar: int) -> None:
    pass

def test_is_plain(drinks: int) -> None:
    pass
""",
    )

    assert found == {"errors": 2}
    assert "expected the async fixture cellar to be for a function" in printed
    assert "got one for a module that test_an_async_fixture_without_a_stage_is_told_so.py asks for" in printed
    assert "got one for a function that test_is_plain asks for; make it plain" in printed


def test_a_clock_of_the_project_s_own_does_not_stop_the_time(pytester: pytest.Pytester) -> None:
    found, _ = outcomes(
        pytester,
        """
@pytest.fixture
def clock() -> str:
    return "ten past nine"

async def test_sleeps(clock: str) -> None:
    await asyncio.sleep(0.001)
""",
    )

    assert found == {"passed": 1}


def test_tests_of_other_plugins_are_left_to_them(pytester: pytest.Pytester) -> None:
    found, _ = outcomes(
        pytester,
        """
@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"

@pytest.mark.anyio
async def test_of_anyio() -> None:
    assert type(asyncio.get_running_loop()).__name__ != "StageLoop"
""",
    )

    assert found == {"passed": 1}
