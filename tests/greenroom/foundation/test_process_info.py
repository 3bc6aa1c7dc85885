import asyncio
from typing import Any

import pytest

from greenroom import (
    GenServer,
    Ref,
    child,
    current_process,
    link,
    monitor,
    process_dictionary,
    process_info,
    receive,
    register_name,
    send_after,
    set_label,
    spawn,
    suspend,
    trap_exit,
)
from greenroom.testing import Tree, settle
from tests.greenroom.foundation.in_process import in_process


class Idle(GenServer):
    gate: asyncio.Event

    async def init(self) -> None:
        self.gate = asyncio.Event()

    async def wait(self) -> None:
        await self.gate.wait()

    async def own_activity(self) -> str:
        return activity(self.ref)


def activity(ref: Ref[Any]) -> str:
    info = process_info(ref)
    assert info is not None
    return info.activity


@pytest.mark.conforms("ex.process.008")
async def test_nothing_is_known_of_a_process_that_ended() -> None:
    idle = await Idle.start()
    assert process_info(idle) is not None

    await idle.stop()

    assert process_info(idle) is None
    assert process_info(Ref(Idle, "nobody")) is None


@pytest.mark.conforms("ex.process.009")
@in_process
async def test_a_name_is_known_from_its_registration_on() -> None:
    process = spawn(receive)
    info = process_info(process)
    assert info is not None
    assert info.name is None

    register_name("waiter", process)

    info = process_info(Ref(object, "waiter"))
    assert info is not None
    assert info.name == "waiter"
    await process.stop("shutdown")
    assert process_info(process) is None


@in_process
async def test_ties_are_known_from_both_sides() -> None:
    me = current_process()
    other = spawn(receive)
    trap_exit()
    link(other)
    monitor(other)
    set_label("test")
    process_dictionary()["key"] = "value"
    timer = send_after(me, "hello", 60)

    mine, its = process_info(me), process_info(other)

    assert mine is not None
    assert its is not None
    assert (mine.links, mine.monitors, mine.monitored_by) == ((other,), (other,), ())
    assert (its.links, its.monitors, its.monitored_by) == ((me,), (), (me,))
    assert (mine.trapping_exits, its.trapping_exits) == (True, False)
    assert (mine.label, dict(mine.dictionary), mine.timers) == ("test", {"key": "value"}, 1)
    timer.cancel()
    await other.stop("shutdown")


async def test_a_child_knows_its_supervisor(tree: Tree) -> None:
    idle = await tree.start_supervised(child(Idle).named("idle"))

    info = process_info(idle)

    assert info is not None
    assert tree.supervisor is not None
    assert info.parent is tree.supervisor.where()
    assert info.namespace.startswith("test:")
    assert info.server is Idle


async def test_it_is_seen_what_a_process_does(tree: Tree) -> None:
    idle = await tree.start(Idle)

    assert activity(idle) == "idle"
    assert await idle.call(Idle.own_activity) == "running"
    idle.cast(Idle.wait)
    assert activity(idle) == "ready"
    await settle()
    idle.cast(Idle.own_activity)
    assert activity(idle) == "waiting"
    info = process_info(idle)
    assert info is not None
    assert info.messages == 1
    idle.find().server.gate.set()
    await settle()
    await suspend(idle)
    assert activity(idle) == "suspended"
