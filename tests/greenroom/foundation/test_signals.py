"""Links, monitors and exit signals."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from greenroom import (
    CallTimeout,
    Down,
    Exit,
    GenServer,
    Monitor,
    Ref,
    ServerDown,
    Shutdown,
    child,
    list_services,
    process_info,
)
from greenroom.testing import Probe, Stage, Tree, VirtualClock, crash, settle, state


@dataclass
class Clerk(GenServer):
    """Sets timers."""

    called: int = 0

    def call_back(self) -> None:
        self.called += 1

    async def wait_for(self, gate: asyncio.Event) -> None:
        await gate.wait()

    async def set_and_cancel(self, times: int) -> None:
        for _ in range(times):
            self.after(60.0, Clerk.call_back).cancel()

    async def set_for(self, seconds: float) -> None:
        self.after(seconds, Clerk.call_back)

    async def calls(self) -> int:
        return self.called


MANY = 3_000
DARK = RuntimeError("dark")


@dataclass
class Light(GenServer):
    """Can be tied to others, and keeps what it is told."""

    told: list[object] = field(default_factory=list[object])
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    monitors: list[Monitor] = field(default_factory=list[Monitor])

    async def handle_info(self, message: object) -> None:
        self.told.append(message)

    async def trap(self, trapping: bool = True) -> None:
        self.trap_exit(trapping)

    async def tie_to(self, *others: Ref[Any]) -> None:
        for other in others:
            self.link(other)

    async def untie_from(self, other: Ref[Any]) -> None:
        self.unlink(other)

    async def watch(self, other: Ref[Any]) -> Monitor:
        self.monitors.append(self.monitor(other))
        return self.monitors[-1]

    async def stop_watching(self, monitor: Monitor) -> None:
        self.demonitor(monitor)

    async def shine(self) -> str:
        return "on"

    async def wait(self) -> str:
        await self.gate.wait()
        return "waited"

    async def kill_itself(self, how: str) -> str:
        self.ref.exit(how)
        return "still here"

    async def tell(self, other: Ref[Any], *messages: object) -> None:
        for message in messages:
            other.send(message)

    async def tell_and_stop(self, other: Ref[Any], *messages: object) -> None:
        await self.tell(other, *messages)
        self.stop("told")

    async def tell_and_crash(self, other: Ref[Any], *messages: object) -> None:
        await self.tell(other, *messages)
        raise DARK


# Links.


async def test_linked_processes_end_together() -> None:
    first, second, third = [await Light.start() for _ in range(3)]
    await first.call(Light.tie_to, second)
    await second.call(Light.tie_to, third)

    third.exit("dark")

    assert [light.alive for light in (first, second, third)] == [False] * 3


async def test_who_watches_linked_processes_hears_of_the_first_end_first(probe: Probe) -> None:
    first, second = await Light.start(), await Light.start()
    await first.call(Light.tie_to, second)
    for light in (second, first):
        probe.monitor(light)

    first.exit("dark")

    assert [(await probe.expect_message(Down)).ref for _ in range(2)] == [first, second]


async def test_a_normal_end_leaves_linked_processes_alone(tree: Tree) -> None:
    first, second = await tree.start(Light), await Light.start()
    await first.call(Light.tie_to, second)

    await second.stop()

    assert first.alive


async def test_a_link_is_undone_from_either_side(tree: Tree) -> None:
    first, second = await tree.start(Light), await Light.start()
    await first.call(Light.tie_to, second)
    await second.call(Light.untie_from, first)

    second.exit("dark")

    assert first.alive


async def test_one_who_traps_exits_gets_a_message(tree: Tree) -> None:
    first, second = await tree.start(Light), await Light.start()
    await first.call(Light.trap)
    await first.call(Light.tie_to, second)

    second.exit(Shutdown("enough"))
    await settle()

    assert state(first).told == [Exit(second, Shutdown("enough"))]


async def test_one_who_traps_exits_hears_of_a_normal_end_too(tree: Tree) -> None:
    first, second = await tree.start(Light), await Light.start()
    await first.call(Light.trap)
    await first.call(Light.tie_to, second)

    await second.stop()
    await settle()

    assert state(first).told == [Exit(second, "normal")]


@pytest.mark.parametrize("trapping", [True, False])
async def test_a_link_to_what_has_ended_brings_its_signal_at_once(trapping: bool) -> None:
    first, second = await Light.start(), await Light.start()
    await second.stop()
    await first.call(Light.trap, trapping)

    if trapping:
        await first.call(Light.tie_to, second)
        await settle()
        assert [message.reason for message in state(first).told if isinstance(message, Exit)] == ["noproc"]
        await first.stop()
    else:
        with pytest.raises(ServerDown) as down:
            await first.call(Light.tie_to, second)
        assert down.value.reason == "noproc"


async def test_a_link_to_oneself_is_none(tree: Tree) -> None:
    light = await tree.start(Light)
    process = light.where()

    await light.call(Light.tie_to, light)

    assert await light.call(Light.shine) == "on"
    assert light.where() is process


async def test_a_long_chain_of_links_falls_at_once() -> None:
    lights = [await Light.start() for _ in range(MANY)]
    for first, second in pairwise(lights):
        await first.call(Light.tie_to, second)

    lights[0].exit("dark")
    await settle()

    assert not any(light.alive for light in lights)


async def test_a_process_with_many_links_takes_all_along() -> None:
    middle, *others = [await Light.start() for _ in range(MANY)]
    await middle.call(Light.tie_to, *others)

    middle.exit("dark")

    assert not any(light.alive for light in others)


# Monitors.


async def test_a_monitor_tells_of_the_end_once(tree: Tree) -> None:
    watcher, light = await tree.start(Light), await Light.start()
    monitor = await watcher.call(Light.watch, light)

    light.exit("dark")
    await settle()

    assert state(watcher).told == [Down(monitor, light, "dark")]


async def test_each_monitor_tells_for_itself(tree: Tree) -> None:
    watcher, light = await tree.start(Light), await Light.start()
    monitors = [await watcher.call(Light.watch, light) for _ in range(3)]

    light.exit("dark")
    await settle()

    assert state(watcher).told == [Down(monitor, light, "dark") for monitor in monitors]


async def test_a_monitor_of_what_has_ended_tells_at_once(tree: Tree) -> None:
    watcher, light = await tree.start(Light), await Light.start()
    await light.stop()

    monitor = await watcher.call(Light.watch, light)
    await settle()

    assert state(watcher).told == [Down(monitor, light, "noproc")]


async def test_a_monitor_by_name_tells_the_name(tree: Tree) -> None:
    watcher, light = await tree.start(Light), await child(Light).named("light").start()
    name = Ref(Light, "light")
    monitor = await watcher.call(Light.watch, name)

    light.exit("dark")
    await settle()

    assert state(watcher).told == [Down(monitor, name, "dark")]


async def test_a_monitor_that_was_given_up_tells_nothing_even_if_its_message_waits(tree: Tree) -> None:
    watcher, light = await tree.start(Light), await Light.start()
    monitor = await watcher.call(Light.watch, light)
    watcher.cast(Light.wait)
    watcher.cast(Light.stop_watching, monitor)
    watcher.send("after")
    await settle()

    light.exit("dark")
    state(watcher).gate.set()
    await settle()

    assert state(watcher).told == ["after"]


async def test_a_monitor_that_was_given_up_takes_back_what_waits_in_the_same_slice(tree: Tree) -> None:
    watcher, light = await tree.start(Light), await Light.start()
    monitor = await watcher.call(Light.watch, light)
    watcher.cast(Light.wait)
    await settle()
    watcher.cast(Light.stop_watching, monitor)
    light.exit("dark")
    watcher.send("after")

    state(watcher).gate.set()
    await settle()

    assert state(watcher).told == ["after"]


async def test_a_watcher_that_ends_leaves_nothing_with_the_watched(tree: Tree) -> None:
    watcher, light = await Light.start(), await tree.start(Light)
    await watcher.call(Light.watch, light)

    await watcher.stop()
    await crash(light)


async def test_a_name_is_free_before_its_end_is_seen(tree: Tree) -> None:
    @dataclass
    class Heir(GenServer):
        seen: list[object] = field(default_factory=list[object])

        async def init(self) -> None:
            self.monitor(Ref(Light, "light"))

        async def handle_info(self, message: object) -> None:
            self.seen.append(Ref(Light, "light").where())
            await child(Light).named("light").start()

    await child(Light).named("light").start()
    heir = await tree.start(Heir)

    Ref(Light, "light").exit("dark")
    await settle()

    assert state(heir).seen == [None]
    assert list(list_services()) == ["light"]
    await Ref(Light, "light").stop()


@pytest.mark.parametrize("method", [Light.tell_and_stop, Light.tell_and_crash])
async def test_the_end_of_a_process_is_told_after_all_that_it_sent(tree: Tree, stage: Stage, method: Any) -> None:
    watcher, light = await tree.start(Light), await Light.start()
    monitor = await watcher.call(Light.watch, light)
    stage.record.expect(DARK)

    light.cast(method, watcher, "one", "two", "three")
    reason = await light.down()
    await settle()

    assert reason in {"told", DARK}
    assert state(watcher).told == ["one", "two", "three", Down(monitor, light, reason)]


# Exit signals.


@pytest.mark.parametrize(
    ("reason", "trapping", "alive", "told"),
    [
        ("normal", False, True, []),
        ("normal", True, True, [Exit(None, "normal")]),
        ("shutdown", False, False, None),
        ("shutdown", True, True, [Exit(None, "shutdown")]),
        ("dark", True, True, [Exit(None, "dark")]),
        ("killed", True, True, [Exit(None, "killed")]),
        ("kill", True, False, None),
    ],
)
async def test_a_signal_does_what_its_reason_says(
    reason: str, trapping: bool, alive: bool, told: list[object] | None
) -> None:
    light = await Light.start()
    await light.call(Light.trap, trapping)

    light.exit(reason)
    await settle()

    assert light.alive is alive
    if told is not None:
        assert state(light).told == told
        light.exit("kill")


async def test_a_kill_is_seen_as_killed_and_does_not_kill_on(probe: Probe) -> None:
    first, second = await Light.start(), await Light.start()
    await second.call(Light.trap)
    await first.call(Light.tie_to, second)
    monitor = probe.monitor(first)

    first.exit("kill")

    assert await probe.expect_message(Down) == Down(monitor, first, "killed")
    assert state(second).told == [Exit(first, "killed")]
    await second.stop()


async def test_an_end_for_the_reason_kill_is_no_kill_for_those_linked() -> None:
    first, second = await Light.start(), await Light.start()
    await second.call(Light.trap)
    await first.call(Light.tie_to, second)

    await first.stop("kill")
    await settle()

    assert state(second).told == [Exit(first, "kill")]
    await second.stop()


@pytest.mark.parametrize("how", ["normal", "shutdown", "kill"])
async def test_a_process_may_send_a_signal_to_itself(how: str) -> None:
    light = await Light.start()

    with pytest.raises(ServerDown) as down:
        await light.call(Light.kill_itself, how)

    assert down.value.reason == ("killed" if how == "kill" else how)


async def test_a_signal_to_itself_is_a_message_for_one_that_traps_exits_and_has_a_parent(probe: Probe) -> None:
    probe.trap_exit()
    light = await probe.perform(Light.start_link)
    await light.call(Light.trap)

    await light.call(Light.kill_itself, "dark")
    await settle()

    assert state(light).told == [Exit(light, "dark")]
    await light.stop()


async def test_a_signal_cuts_a_handler_short_that_waits() -> None:
    light = await Light.start()
    waiting = asyncio.ensure_future(light.call(Light.wait))
    await settle()

    light.exit("shutdown")
    await settle()

    error = waiting.exception()
    assert isinstance(error, ServerDown)
    assert error.reason == "shutdown"


async def test_a_signal_to_nobody_is_lost_without_a_word() -> None:
    light = await Light.start()
    await light.stop()

    light.exit("kill")
    Ref(Light, "nobody").exit("kill")


async def test_all_that_a_process_was_tied_to_is_gone_with_it(tree: Tree, stage: Stage) -> None:
    light = await Light.start()
    others = [await tree.start(Light) for _ in range(3)]
    await light.call(Light.trap)
    await light.call(Light.tie_to, *others)
    for other in others:
        await light.call(Light.watch, other)

    await light.stop()

    for other in others:
        process: Any = other.find()
        assert not process.ties.links
        assert not process.ties.watchers


async def test_whoever_no_longer_waits_for_the_end_is_forgotten(tree: Tree, clock: VirtualClock) -> None:
    clerk = await tree.start(Clerk)
    process = clerk.find()
    waiting = [asyncio.ensure_future(clerk.down()) for _ in range(3)]
    gate = asyncio.Event()
    clerk.cast(Clerk.wait_for, gate)
    waiting.append(asyncio.ensure_future(clerk.stop(timeout=1.0)))
    await settle()
    before = set(process.ties.watchers)

    for waiter in waiting[:3]:
        waiter.cancel()
    await clock.advance(1.0)

    assert isinstance(waiting[3].exception(), CallTimeout)
    assert len(before - set(process.ties.watchers)) == 4
    gate.set()


async def test_a_timer_that_is_over_is_not_held_by_its_process(tree: Tree, clock: VirtualClock) -> None:
    clerk = await tree.start(Clerk)

    await clerk.call(Clerk.set_and_cancel, 100)
    await clerk.call(Clerk.set_for, 1.0)
    await clock.advance(2.0)

    info = process_info(clerk)
    assert info is not None
    assert info.timers == 0
    assert await clerk.call(Clerk.calls) == 1
