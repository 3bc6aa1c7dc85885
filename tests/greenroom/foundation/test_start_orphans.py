"""What becomes of a process when whoever starts it ends before its `init` is through."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from greenroom import Down, DynamicSupervisor, GenServer, Ref, Supervisor, child, list_services, spawn
from greenroom.testing import Probe, Stage, Tree, settle
from tests.greenroom.foundation.one_for_one import OneForOne


@dataclass
class Chef(GenServer):
    """Takes its time to get ready, and says so, and why it leaves."""

    listener: Ref[Any] | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: str = "well"
    traps: bool = False

    async def init(self) -> None:
        self.trap_exit(self.traps)
        try:
            await self.gate.wait()
        finally:
            if self.outcome == "cleans up":
                for _ in range(20):
                    await asyncio.sleep(0)
        if self.outcome == "fails":
            raise RuntimeError("no knives")
        if self.outcome == "declines":
            self.ignore()
        self.say("ready")

    async def terminate(self, reason: object) -> None:
        self.say(reason)

    def say(self, word: object) -> None:
        if self.listener is not None:
            self.listener.send(word)


@pytest.mark.parametrize("kind", [OneForOne, DynamicSupervisor])
async def test_a_child_whose_supervisor_is_killed_during_its_init_is_killed(kind: Any, probe: Probe) -> None:
    sup = await kind.start()
    sup.cast(kind.start_child, child(Chef, probe.ref).named("chef"))
    await settle()
    probe.monitor(Ref(Chef, "chef"))

    sup.exit("kill")

    assert (await probe.expect_message(Down)).reason == "killed"
    await probe.expect_no_message()
    assert list_services() == {}


@pytest.mark.parametrize("kind", [OneForOne, DynamicSupervisor])
async def test_a_child_that_traps_exits_and_loses_its_supervisor_during_its_init_ends_after_it(
    kind: Any, probe: Probe
) -> None:
    gate = asyncio.Event()
    sup = await kind.start()
    sup.cast(kind.start_child, child(Chef, probe.ref, gate, traps=True).named("chef"))
    await settle()
    probe.monitor(Ref(Chef, "chef"))

    sup.exit("kill")
    await probe.expect_no_message()
    gate.set()
    await settle()

    assert [getattr(message, "reason", message) for message in probe.messages] == ["ready", "killed", "killed"]
    assert list_services() == {}


@pytest.mark.parametrize("outcome", ["declines", "fails"])
async def test_nothing_is_left_of_an_init_that_ends_badly_after_its_supervisor(outcome: str, stage: Stage) -> None:
    gate = asyncio.Event()
    sup = await DynamicSupervisor.start()
    sup.cast(DynamicSupervisor.start_child, child(Chef, None, gate, outcome, traps=True).named("chef"))
    await settle()

    sup.exit("kill")
    gate.set()
    await settle()

    assert (list_services(), stage.errors) == ({}, [])


@pytest.mark.parametrize("house", [OneForOne, DynamicSupervisor])
async def test_a_supervisor_that_is_killed_is_replaced_when_the_child_that_it_was_starting_is_gone(
    tree: Tree, house: Any
) -> None:
    gate = asyncio.Event()
    gate.set()
    chef = child(Chef, None, gate, "cleans up").named("chef")
    above = await tree.start(house, max_restarts=1)
    await above.call(house.start_child, child(OneForOne, [chef]).named("kitchen"))
    gate.clear()
    Ref(Chef, "chef").exit("kill")
    await settle()
    first = Ref(Chef, "chef").where()

    Ref(Supervisor, "kitchen").exit("kill")
    gate.set()
    await settle()

    assert Ref(Chef, "chef").where() not in {None, first}
    assert above.alive


@pytest.mark.parametrize("reason", ["kill", "oops"])
@pytest.mark.parametrize("traps", [False, True])
async def test_a_linked_start_hears_of_the_end_of_its_starter(reason: str, traps: bool, probe: Probe) -> None:
    gate = asyncio.Event()

    async def hire() -> None:
        await child(Chef, probe.ref, gate, traps=traps).named("chef").start_link()

    starter = spawn(hire)
    await settle()
    probe.monitor(Ref(Chef, "chef"))

    starter.exit(reason)
    await settle()
    gate.set()
    await settle()

    why = "killed" if reason == "kill" else reason
    assert [getattr(message, "reason", message) for message in probe.messages] == (
        ["ready", why, why] if traps else [why]
    )
