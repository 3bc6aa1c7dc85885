"""Applications whose start or stop is given up half way."""

import asyncio
from typing import Any

import pytest

from greenroom import (
    Application,
    CallTimeout,
    ChildSpec,
    GenServer,
    Ref,
    StartFailed,
    application,
    child,
    exit_with,
    list_services,
)
from greenroom.testing import VirtualClock, settle

LOG: list[str] = []


class Singer(GenServer):
    """Takes a minute to leave."""

    async def init(self) -> None:
        self.trap_exit()

    async def terminate(self, reason: object) -> None:
        await asyncio.sleep(60)


class Power(Application):
    name = "power"

    def tree(self) -> ChildSpec[Any]:
        return child(Singer).named("power")


class Show(Application):
    name = "show"
    needs = (Power,)
    phases = ("curtain",)

    def tree(self) -> ChildSpec[Any]:
        if self.get("exits") == "tree":
            exit_with("no show")
        return child(Singer).named("singer")

    async def start_phase(self, phase: str) -> None:
        if self.get("exits") == phase:
            exit_with("no show")

    async def prep_stop(self) -> None:
        if self.get("singer") == "leaves first":
            Ref(Singer, "singer").exit("kill")
        if self.get("slow"):
            await asyncio.sleep(60)

    async def stopped(self) -> None:
        LOG.append("stopped")


def running() -> list[str]:
    return [description.name for description in application.started()]


@pytest.mark.parametrize("where", ["tree", "curtain"])
async def test_an_exit_in_a_start_is_a_failed_start(where: str, clock: VirtualClock) -> None:
    application.put("show", "exits", where)
    starting = asyncio.ensure_future(application.start(Show()))

    await clock.advance(120)

    error = starting.exception()
    assert isinstance(error, StartFailed)
    assert (error.reason, running(), list_services()) == ("no show", [], {})


async def test_a_tree_that_ends_during_a_stop_that_is_cancelled_does_not_run(clock: VirtualClock) -> None:
    LOG.clear()
    application.put("show", "singer", "leaves first")
    application.put("show", "slow", True)
    await application.start(Show())
    stopping = asyncio.ensure_future(application.stop("show"))
    await settle()

    stopping.cancel()
    await settle()

    assert (running(), LOG) == (["power"], ["stopped"])
    ending = asyncio.ensure_future(application.stop_all())
    await clock.advance(60)
    await ending


async def test_a_stop_that_takes_too_long_is_no_end_by_itself(clock: VirtualClock) -> None:
    LOG.clear()
    await application.start(Show(), "permanent")
    stopping = asyncio.ensure_future(application.stop("show", 5.0))

    await clock.advance(5)
    assert isinstance(stopping.exception(), CallTimeout)
    # The rest of its minute, and the one that the others would take if they had to leave with it.
    await clock.advance(55 + 60)

    assert (running(), LOG) == (["power"], ["stopped"])
    ending = asyncio.ensure_future(application.stop_all())
    await clock.advance(60)
    await ending
