from dataclasses import dataclass
from typing import Any

import pytest

from greenroom import AlreadyStarted, GenServer, Ref, StartFailed, Supervisor, child, list_services
from greenroom.testing import Stage, Tree, VirtualClock, state
from tests.greenroom.foundation.part import Plan, part


@dataclass
class Piano(GenServer):
    """Has keys."""

    keys: int = 88

    async def count(self) -> int:
        return self.keys


async def test_many_servers_of_one_class_stand_side_by_side(tree: Tree) -> None:
    pianos = [await tree.start(Piano, keys) for keys in (88, 61, 49)]

    assert [await piano.call(Piano.count) for piano in pianos] == [88, 61, 49]


async def test_what_has_no_name_takes_none(tree: Tree) -> None:
    await tree.start(Piano)

    assert list_services() == {}


async def test_a_name_is_the_childs_own(tree: Tree) -> None:
    piano = await tree.start_supervised(child(Piano).named("piano"))

    assert piano == Ref(Piano, "piano")
    with pytest.raises(AlreadyStarted):
        await tree.start_supervised(child(Piano).named("piano"))


async def test_a_start_that_fails_fails_the_test(tree: Tree) -> None:
    wrong: Any = Piano

    with pytest.raises(StartFailed):
        await tree.start(wrong, colour="black")


async def test_a_child_may_be_started_by_a_function(tree: Tree) -> None:
    spec: Any = child(Piano, 61)
    piano: Ref[Piano] = await tree.start_supervised(spec)

    assert state(piano).keys == 61


async def test_a_child_may_be_stopped_before_the_end(tree: Tree) -> None:
    piano = await tree.start(Piano)

    await tree.stop(piano)

    assert not piano.alive
    assert tree.supervisor is not None
    assert await tree.supervisor.call(Supervisor.which_children) == []


def test_the_last_one_to_start_is_the_first_to_stop() -> None:
    plan = Plan()

    async def start(tree: Tree) -> None:
        for spec in plan.parts("abc"):
            await tree.start_supervised(spec)

    with Stage() as stage:
        stage.run(start(stage.tree))

    assert plan.log == ["+a", "+b", "+c", "-c", "-b", "-a"]


def test_a_child_that_does_not_stop_costs_no_real_time_on_a_clock_of_the_test() -> None:
    plan = Plan(stubborn={"a"})

    async def start(tree: Tree) -> None:
        await tree.start_supervised(plan.part("a"))

    with Stage(virtual_time=True) as stage:
        stage.run(start(stage.tree))

    assert stage.clock is not None
    assert stage.clock.monotonic() == 5.0


async def test_a_crash_through_the_tree_is_one_by_hand(tree: Tree, clock: VirtualClock) -> None:
    plan = Plan()
    await tree.start_supervised(plan.part("a"))

    await tree.crash(part("a"))

    assert plan.log == ["+a", "+a"]
    assert clock.monotonic() == 0.0
