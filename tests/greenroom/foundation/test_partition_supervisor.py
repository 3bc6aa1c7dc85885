"""Equal children, and which of them a key leads to."""

import os
from dataclasses import dataclass
from typing import Any

import pytest

from greenroom import (
    Counts,
    Done,
    DynamicSupervisor,
    GenServer,
    NoSuchSize,
    NotRunning,
    Partition,
    PartitionSupervisor,
    Ref,
    Refused,
    Rejected,
    StartFailed,
    Supervisor,
    Task,
    change_settings,
    child,
)
from greenroom.testing import Tree, assert_restarted, crash, settle


@dataclass
class Desk(GenServer):
    """Notes what was said to it."""

    name: str = ""
    number: int = -1

    async def which(self) -> int:
        return self.number


def numbered(args: tuple[object, ...], partition: int) -> tuple[object, ...]:
    return (*args, partition)


async def start(tree: Tree, partitions: int | None = 4, **options: Any) -> Ref[PartitionSupervisor]:
    """Desks that know their number."""
    spec = child(PartitionSupervisor, child(Desk, "desk"), partitions=partitions, with_arguments=numbered, **options)
    return await tree.start_supervised(spec.named("desks"))


def desk(key: Any) -> Ref[Desk]:
    return Ref(Desk, Partition("desks", key))


async def test_there_is_a_child_for_each_partition(tree: Tree) -> None:
    desks = await start(tree, 3)

    assert await desks.call(PartitionSupervisor.partitions) == 3
    assert await desks.call(PartitionSupervisor.count_children) == Counts(specs=3, active=3, supervisors=0, workers=3)
    infos = await desks.call(PartitionSupervisor.which_children)
    assert [(info.id, info.type, info.server) for info in infos] == [(number, "worker", Desk) for number in range(3)]


async def test_there_is_a_partition_for_each_core_by_default(tree: Tree) -> None:
    desks = await start(tree, None)

    assert await desks.call(PartitionSupervisor.partitions) == os.cpu_count()


async def test_numbers_lead_to_partitions_in_turn(tree: Tree) -> None:
    await start(tree, 4)

    assert [await desk(key).call(Desk.which) for key in (0, 1, 5, -1, 2**70)] == [0, 1, 1, 1, 0]


@pytest.mark.parametrize("key", ["blue-note", ("venue", 7), None, 3.5])
async def test_any_key_leads_to_the_same_partition_each_time(tree: Tree, key: object) -> None:
    await start(tree, 4)

    numbers = {await desk(key).call(Desk.which) for _ in range(3)}

    assert len(numbers) == 1
    assert numbers < {0, 1, 2, 3}


async def test_many_keys_lead_to_all_partitions(tree: Tree) -> None:
    await start(tree, 4)

    assert {await desk(f"venue {number}").call(Desk.which) for number in range(100)} == {0, 1, 2, 3}


async def test_children_get_the_arguments_of_their_spec_unless_they_are_made(tree: Tree) -> None:
    spec = child(PartitionSupervisor, child(Desk, "all alike", number=7), partitions=2)
    await tree.start_supervised(spec.named("desks"))

    assert [await desk(number).call(Desk.which) for number in (0, 1)] == [7, 7]


async def test_a_partition_comes_back_under_its_number(tree: Tree) -> None:
    await start(tree, 2)
    before = desk(1).where()

    await crash(desk(1))

    assert desk(1).where() is not before
    assert await desk(1).call(Desk.which) == 1


async def test_a_strategy_holds_for_the_partitions(tree: Tree) -> None:
    await start(tree, 2, strategy="one_for_all")
    before = desk(0).where()

    await crash(desk(1))

    assert desk(0).where() is not before


async def test_restarts_are_limited(tree: Tree) -> None:
    desks = await start(tree, 2, max_restarts=0)
    before = desks.where()

    desk(0).exit("kill")

    assert await assert_restarted(desks) is not before


async def test_supervisors_in_partitions_share_their_children_out(tree: Tree) -> None:
    spec = child(PartitionSupervisor, child(DynamicSupervisor), partitions=2)
    supervisors = await tree.start_supervised(spec.named("venues"))

    for number in range(4):
        await Ref(DynamicSupervisor, Partition("venues", number)).call(DynamicSupervisor.start_child, child(Desk))

    counts = [
        await Ref(DynamicSupervisor, Partition("venues", number)).call(DynamicSupervisor.count_children)
        for number in (0, 1)
    ]
    assert [count.active for count in counts] == [2, 2]
    assert await supervisors.call(Supervisor.count_children) == Counts(specs=2, active=2, supervisors=2, workers=0)


async def test_a_partition_of_nobody_is_not_running(tree: Tree) -> None:
    with pytest.raises(NotRunning):
        await desk(1).call(Desk.which)

    await tree.start_supervised(child(Desk).named("desks"))
    assert not desk(1).alive


async def test_a_process_can_not_take_the_name_of_a_partition() -> None:
    with pytest.raises(ValueError, match="a name that a process may take"):
        await child(Desk).named(Partition("desks", 1)).start()


async def test_fewer_partitions_share_the_keys(tree: Tree) -> None:
    desks = await start(tree, 4)

    assert await desks.call(PartitionSupervisor.resize, 2) is None

    assert await desks.call(PartitionSupervisor.partitions) == 2
    assert [await desk(number).call(Desk.which) for number in range(4)] == [0, 1, 0, 1]
    assert await desks.call(PartitionSupervisor.count_children) == Counts(specs=4, active=2, supervisors=0, workers=4)


async def test_partitions_that_were_stopped_can_be_started_again(tree: Tree) -> None:
    desks = await start(tree, 4)
    await desks.call(PartitionSupervisor.resize, 1)

    assert await desks.call(PartitionSupervisor.resize, 3) is None

    assert [await desk(number).call(Desk.which) for number in range(4)] == [0, 1, 2, 0]


async def test_temporary_partitions_that_were_stopped_can_be_started_again(tree: Tree) -> None:
    spec = child(PartitionSupervisor, child(Desk, "desk").restart("temporary"), partitions=2, with_arguments=numbered)
    desks = await tree.start_supervised(spec.named("desks"))
    await desks.call(PartitionSupervisor.resize, 1)

    assert await desks.call(PartitionSupervisor.resize, 2) is None

    assert [await desk(number).call(Desk.which) for number in range(2)] == [0, 1]


async def test_without_partitions_no_key_leads_anywhere(tree: Tree) -> None:
    desks = await start(tree, 2)

    await desks.call(PartitionSupervisor.resize, 0)

    assert not desk("blue-note").alive


@pytest.mark.parametrize("size", [-1, 5])
async def test_there_are_never_more_partitions_than_at_the_start(tree: Tree, size: int) -> None:
    desks = await start(tree, 4)

    assert await desks.call(PartitionSupervisor.resize, size) == NoSuchSize(size, most=4)
    assert await desks.call(PartitionSupervisor.partitions) == 4


async def test_a_partition_that_does_not_start_again_leaves_the_others(tree: Tree) -> None:
    broken: list[int] = []

    def arguments(args: tuple[object, ...], partition: int) -> tuple[object, ...]:
        return (broken, partition)

    spec = child(PartitionSupervisor, child(Moody, [], 0), partitions=2, with_arguments=arguments)
    moods = await tree.start_supervised(spec.named("desks"))
    await moods.call(PartitionSupervisor.resize, 1)
    broken.append(1)

    assert isinstance(await moods.call(PartitionSupervisor.resize, 2), StartFailed)

    assert await moods.call(PartitionSupervisor.partitions) == 1
    assert desk(1).where() is desk(0).where()


@dataclass
class Moody(GenServer):
    broken: list[int]
    number: int

    async def init(self) -> None:
        if self.number in self.broken:
            raise ValueError("not today")


async def test_tasks_may_be_partitions(tree: Tree) -> None:
    seen: list[tuple[str, int]] = []

    async def work(word: str, number: int = -1) -> None:
        seen.append((word, number))

    spec = child(PartitionSupervisor, Task.child_spec(work, "poll"), partitions=2, with_arguments=numbered)
    await tree.start_supervised(spec.named("desks"))
    await settle()

    assert seen == [("poll", 0), ("poll", 1)]


@pytest.mark.parametrize("settings", [{"max_restarts": 1}, {"partitions": 3}])
async def test_its_settings_do_not_change_while_it_runs(tree: Tree, settings: Any) -> None:
    desks = await start(tree)

    with pytest.raises(Refused, match="expected a server that is made of its fields, got PartitionSupervisor"):
        await change_settings(desks, **settings)

    assert (await desks.call(PartitionSupervisor.count_children)).active == 4


@pytest.mark.parametrize("partitions", [0, -1, 1.5, True])
def test_a_number_of_partitions_that_makes_no_sense_is_refused(partitions: Any) -> None:
    with pytest.raises(ValueError, match="expected partitions to be an integer above 0"):
        PartitionSupervisor(child(Desk), partitions=partitions)


def test_a_child_with_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a child without a name"):
        PartitionSupervisor(child(Desk).named("desk"))


async def test_stopping_it_stops_all_partitions(tree: Tree) -> None:
    desks = await child(PartitionSupervisor, child(Desk), partitions=2).named("others").start()
    task = Task.run(Ref(Desk, Partition("others", 0)).down)
    await settle()

    await desks.stop()

    assert await task.yield_() == Done("shutdown")
    assert not Ref(Desk, Partition("others", 1)).alive


@pytest.mark.parametrize("nonsense", ["2", None, 1.5])
async def test_partitions_are_counted_in_integers_also_later(tree: Tree, nonsense: Any) -> None:
    desks = await tree.start(PartitionSupervisor, child(Desk), partitions=2)

    with pytest.raises(Rejected, match="expected partitions to be an integer, got"):
        await desks.call(PartitionSupervisor.resize, nonsense)

    assert await desks.call(PartitionSupervisor.partitions) == 2
