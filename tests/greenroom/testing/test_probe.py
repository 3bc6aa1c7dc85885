from dataclasses import dataclass

import pytest

from greenroom import Down, Exit, GenServer, Ref, ServerDown
from greenroom.testing import Probe, Tree, VirtualClock, crash


@dataclass(frozen=True)
class Ordered:
    drink: str


@dataclass
class Bar(GenServer):
    waiter: Ref[GenServer] | None = None

    async def order(self, drink: str) -> None:
        assert self.waiter is not None
        self.waiter.send(Ordered(drink))

    async def who_asks(self) -> bool:
        return True


async def test_a_message_is_found_by_its_type_by_a_predicate_or_by_its_value(tree: Tree, probe: Probe) -> None:
    bar = await tree.start(Bar, probe.ref)
    for drink in ("gin", "rum", "rye"):
        bar.cast(Bar.order, drink)

    assert await probe.expect_message(Ordered("rye")) == Ordered("rye")
    assert await probe.expect_message(lambda message: message.drink == "rum") == Ordered("rum")
    assert (await probe.expect_message(Ordered)).drink == "gin"
    await probe.expect_no_message()


async def test_a_message_that_does_not_come_is_a_failure_that_shows_what_came(
    probe: Probe, clock: VirtualClock
) -> None:
    probe.ref.send("good evening")

    with pytest.raises(
        AssertionError, match=r"expected a message like Ordered, got \['good evening'\]; nothing is left"
    ):
        await probe.expect_message(Ordered)
    with pytest.raises(AssertionError, match=r"expected a message like 'good night', got \['good evening'\]"):
        await probe.expect_message("good night")


async def test_a_message_that_should_not_come_is_a_failure(probe: Probe) -> None:
    probe.ref.send("good evening")

    await probe.expect_no_message(Ordered)
    with pytest.raises(AssertionError, match=r"expected no message like str, got \['good evening'\]"):
        await probe.expect_no_message(str)


async def test_a_probe_monitors(tree: Tree, probe: Probe) -> None:
    bar = await tree.start(Bar)
    monitor = probe.monitor(bar)
    probe.demonitor(probe.monitor(bar))

    await crash(bar)

    assert await probe.expect_message(Down) == Down(monitor, bar, "killed")
    await probe.expect_no_message()


async def test_a_probe_dies_with_what_it_is_linked_to(tree: Tree, probe: Probe) -> None:
    bar = await tree.start(Bar)
    probe.link(bar)

    await crash(bar)

    assert not probe.ref.alive


async def test_a_probe_that_traps_exits_lives_on(tree: Tree, probe: Probe) -> None:
    bar = await tree.start(Bar)
    process = bar.where()
    probe.trap_exit()
    probe.link(bar)

    await crash(bar)

    assert await probe.expect_message(Exit) == Exit(process, "killed")


async def test_a_probe_works_as_the_process_that_it_is(tree: Tree, probe: Probe) -> None:
    bar = await tree.start(Bar)

    async def ask() -> bool:
        return await bar.call(Bar.who_asks)

    assert await probe.perform(ask)


async def test_a_probe_that_fails_in_its_work_crashes_as_any_process(probe: Probe) -> None:
    async def leave() -> None:
        probe.ref.exit("kill")

    with pytest.raises(ServerDown) as down:
        await probe.perform(leave)

    assert down.value.reason == "killed"
