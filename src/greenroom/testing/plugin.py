"""The pytest plugin: runs `async def` tests and fixtures, each test on a stage of its own."""

from __future__ import annotations

import functools
import inspect
import unittest
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from typing import Any, Final

import pytest

from greenroom.testing.clock import VirtualClock
from greenroom.testing.crashing import claim, claimed
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
        "expected_crash(reason=Exception): processes crash in this test, for the reason or with exceptions of the type",
    )


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Stage:
    """The event loop, the namespace and the record of this test."""
    found: Stage | None = request.node.stash.get(STAGE, None)
    if found is None:
        raise pytest.UsageError(_why_no_stage(request.node))
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
        item.stash[STAGE] = Stage(item.nodeid, virtual_time=_asks_for_clock(item))


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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Let pytest call a plain function that runs the test on its stage, and give the test back: it may run again."""
    stage = pyfuncitem.stash.get(STAGE, None)
    test = pyfuncitem.obj
    if stage is not None:
        pyfuncitem.obj = _on_stage(stage, test, _reasons(pyfuncitem), pyfuncitem.stash)
        try:
            return (yield)
        finally:
            pyfuncitem.obj = test
    if _is_generated(test) and _is_unclaimed(pyfuncitem):
        examples, test = test.hypothesis, test.hypothesis.inner_test
        examples.inner_test = _on_stages(pyfuncitem.nodeid, test, _reasons(pyfuncitem))
        try:
            return (yield)
        finally:
            examples.inner_test = test
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Run an `async def` fixture of a test on the test's stage."""
    function: Any = fixturedef.func
    stage = request.node.stash.get(STAGE, None) if isinstance(request.node, pytest.Item) else None
    is_generator = inspect.isasyncgenfunction(function)
    if not (is_generator or inspect.iscoroutinefunction(function)):
        return (yield)
    if stage is None:
        return (yield from _left_to_others(fixturedef, request))
    definition: Any = fixturedef
    definition.func = (_generated if is_generator else _awaited)(stage, _bound(function, request.instance))
    try:
        return (yield)
    finally:
        definition.func = function


def _left_to_others(
    fixture: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    # Nobody has taken it if pytest itself comes to it, and that knows less of the reason.
    try:
        return (yield)
    except pytest.fail.Exception as error:
        if "requested an async fixture" not in str(error):
            raise
        raise pytest.UsageError(
            f"expected the async fixture {fixture.argname} to be for a function, and asked for by an async def test on "
            f"a stage, got one for a {request.scope} that {request.node.name or 'the session'} asks for; make it plain"
        ) from None


def _bound(function: Any, instance: object) -> Any:
    # The fixture of a test class was bound to another instance of it when it was collected.
    if instance is None or not isinstance(instance, type(getattr(function, "__self__", None))):
        return function
    return function.__func__.__get__(instance)


def _is_ours(item: pytest.Function) -> bool:
    return inspect.iscoroutinefunction(item.obj) and _is_unclaimed(item) and not _is_of_unittest(item)


def _is_of_unittest(item: pytest.Function) -> bool:
    # `IsolatedAsyncioTestCase` has `async def` methods, and a loop of its own for them.
    return item.cls is not None and issubclass(item.cls, unittest.TestCase)


def _is_unclaimed(item: pytest.Function) -> bool:
    return "anyio_backend" not in item.fixturenames and not any(item.get_closest_marker(name) for name in OTHERS)


def _is_generated(test: Any) -> bool:
    """Whether Hypothesis makes the examples of this `async def` test."""
    return inspect.iscoroutinefunction(getattr(getattr(test, "hypothesis", None), "inner_test", None))


def _asks_for_clock(item: pytest.Function) -> bool:
    # A project may have a fixture of this name that is about something else. There is no public way to know so early.
    fixtures = item._fixtureinfo.name2fixturedefs  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return "clock" in fixtures and fixtures["clock"][-1].func.__module__ == __name__


def _why_no_stage(item: pytest.Item) -> str:
    if not isinstance(item, pytest.Function) or _is_of_unittest(item):
        why = "runs in a way of its own; use greenroom.testing.Stage in it"
    elif _is_generated(item.obj):
        why = "Hypothesis runs many times, each time on another stage; start what it needs in the test itself"
    elif not _is_unclaimed(item):
        why = "another plugin runs; take its marker away, and set asyncio_mode or anyio_mode to strict"
    else:
        why = "is plain; make it async def, or use greenroom.testing.Stage in it"
    return f"expected an async def test, which has a stage of its own, got {item.name}, which {why}"


def _reasons(item: pytest.Function) -> list[object]:
    """What the markers expect; one without a reason expects any exception."""
    return [
        marker.kwargs.get("reason", marker.args[0] if marker.args else Exception)
        for marker in item.iter_markers("expected_crash")
    ]


def _on_stage(
    stage: Stage, test: Callable[..., Any], reasons: list[object], stash: pytest.Stash
) -> Callable[..., None]:
    @functools.wraps(test)
    def run(**arguments: object) -> None:
        stash[FAILED] = True
        stage.run(test(**arguments))
        for reason in reasons:
            claimed(stage.record.crashes, reason)
        stash[FAILED] = False

    return run


def _on_stages(name: str, test: Callable[..., Any], reasons: list[object]) -> Callable[..., None]:
    # Hypothesis runs a test many times: each time in a new world. Not every example has to crash.
    @functools.wraps(test)
    def run(*values: object, **arguments: object) -> None:
        with Stage(name) as stage:
            stage.run(test(*values, **arguments))
            for reason in reasons:
                claim(stage.record.crashes, reason)

    return run


def _awaited(stage: Stage, function: Callable[..., Coroutine[Any, Any, object]]) -> Callable[..., object]:
    @functools.wraps(function)
    def make(**arguments: object) -> object:
        return stage.run(function(**arguments))

    return make


def _generated(stage: Stage, function: Callable[..., AsyncGenerator[object, None]]) -> Callable[..., Iterator[object]]:
    @functools.wraps(function)
    def make(**arguments: object) -> Iterator[object]:
        generator = function(**arguments)
        yield stage.run(_first(generator))
        stage.run(_finish(generator))

    return make


async def _first(generator: AsyncGenerator[object, None]) -> object:
    async for value in generator:
        return value
    raise AssertionError("expected an async fixture to yield once, got none that yields")


async def _finish(generator: AsyncGenerator[object, None]) -> None:
    async for _ in generator:
        raise AssertionError("expected an async fixture to yield once, got a second value")
