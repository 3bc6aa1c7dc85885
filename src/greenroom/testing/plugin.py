"""The pytest plugin: runs `async def` tests and fixtures, each test on a stage of its own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from typing import Any, Final

import pytest

from greenroom.testing.clock import VirtualClock
from greenroom.testing.crashing import claim
from greenroom.testing.probe import Probe
from greenroom.testing.stage import Stage
from greenroom.testing.tree import Tree

STAGE: Final = pytest.StashKey[Stage]()
FAILED: Final = pytest.StashKey[bool]()
OTHERS: Final = ("anyio", "asyncio", "trio", "twisted")
"""Markers by which other plugins claim a test."""


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marker."""
    config.addinivalue_line(
        "markers",
        "expected_crash(reason): processes crash in this test, for this reason or with exceptions of this type",
    )


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Stage:
    """The event loop, the namespace and the record of this test."""
    found: Stage | None = request.node.stash.get(STAGE, None)
    if found is None:
        raise pytest.UsageError(f"expected an async def test, which has a stage of its own, got {request.node.name}")
    return found


@pytest.fixture
def tree(stage: Stage) -> Iterator[Tree]:
    """Starts servers under a supervisor that ends with the test."""
    yield stage.tree
    stage.run(stage.tree.close())


@pytest.fixture
def probe(stage: Stage) -> Probe:
    """A process that records what it is sent."""
    return stage.run(stage.tree.probe())


@pytest.fixture
def clock(stage: Stage) -> VirtualClock:
    """The test's own clock: time stands still until the test moves it."""
    assert stage.clock is not None, "a test that names the fixture gets a stage with a clock of its own"
    return stage.clock


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Set the stage for an `async def` test, before its fixtures."""
    if isinstance(item, pytest.Function) and _is_ours(item):
        item.stash[STAGE] = Stage(item.nodeid, virtual_time="clock" in item.fixturenames)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Strike the stage after the fixtures; what a passed test leaves behind is an error."""
    try:
        return (yield)
    finally:
        stage = item.stash.get(STAGE, None)
        if stage is not None:
            del item.stash[STAGE]
            stage.close(check=not item.stash.get(FAILED, True))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Let pytest call a plain function that runs the test on its stage."""
    stage = pyfuncitem.stash.get(STAGE, None)
    generated = getattr(pyfuncitem.obj, "hypothesis", None)
    if stage is not None:
        reasons = [marker.kwargs["reason"] for marker in pyfuncitem.iter_markers("expected_crash")]
        pyfuncitem.obj = _on_stage(stage, pyfuncitem.obj, reasons, pyfuncitem.stash)
    elif generated is not None and inspect.iscoroutinefunction(generated.inner_test):
        generated.inner_test = _on_stages(pyfuncitem.nodeid, generated.inner_test)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Run an `async def` fixture of a test on the test's stage."""
    function: Any = fixturedef.func
    stage = request.node.stash.get(STAGE, None) if isinstance(request.node, pytest.Item) else None
    is_generator = inspect.isasyncgenfunction(function)
    if stage is None or not (is_generator or inspect.iscoroutinefunction(function)):
        return (yield)
    definition: Any = fixturedef
    definition.func = (_generated if is_generator else _awaited)(stage, _bound(function, request.instance))
    try:
        return (yield)
    finally:
        definition.func = function


def _bound(function: Any, instance: object) -> Any:
    # The fixture of a test class was bound to another instance of it when it was collected.
    if instance is None or not isinstance(instance, type(getattr(function, "__self__", None))):
        return function
    return function.__func__.__get__(instance)


def _is_ours(item: pytest.Function) -> bool:
    claimed = any(item.get_closest_marker(name) for name in OTHERS) or "anyio_backend" in item.fixturenames
    return inspect.iscoroutinefunction(item.obj) and not claimed


def _on_stage(
    stage: Stage, test: Callable[..., Any], reasons: list[object], stash: pytest.Stash
) -> Callable[..., None]:
    @functools.wraps(test)
    def run(**arguments: object) -> None:
        stash[FAILED] = True
        stage.run(test(**arguments))
        missing = [reason for reason in reasons if not claim(stage.record.crashes, reason)]
        assert not missing, f"expected crashes for {missing}, got {stage.record.crashes}"
        stash[FAILED] = False

    return run


def _on_stages(name: str, test: Callable[..., Any]) -> Callable[..., None]:
    # Hypothesis runs a test many times: each time in a new world.
    @functools.wraps(test)
    def run(*values: object, **arguments: object) -> None:
        with Stage(name) as stage:
            stage.run(test(*values, **arguments))

    return run


def _awaited(stage: Stage, function: Callable[..., Awaitable[object]]) -> Callable[..., object]:
    @functools.wraps(function)
    def make(**arguments: object) -> object:
        return stage.run(_await(function(**arguments)))

    return make


def _generated(stage: Stage, function: Callable[..., AsyncGenerator[object, None]]) -> Callable[..., Iterator[object]]:
    @functools.wraps(function)
    def make(**arguments: object) -> Iterator[object]:
        generator = function(**arguments)
        yield stage.run(_await(anext(generator)))
        stage.run(_finish(generator))

    return make


async def _await(awaitable: Awaitable[object]) -> object:
    return await awaitable


async def _finish(generator: AsyncGenerator[object, None]) -> None:
    async for _ in generator:
        raise AssertionError("expected an async fixture to yield once, got a second value")
