import gc
from dataclasses import dataclass, field
from typing import Any
from weakref import ref

import pytest

from greenroom import (
    AlreadyRegistered,
    AlreadyStarted,
    Down,
    DynamicSupervisor,
    Entry,
    Exit,
    GenServer,
    NoRegistry,
    NotRunning,
    Ref,
    Registered,
    Registry,
    StartFailed,
    Table,
    Unregistered,
    Via,
    child,
    current_process,
    get_state,
    spawn,
    suspend,
)
from greenroom.foundation.registry import Keys
from greenroom.testing import Probe, Tree, crash, settle
from tests.greenroom.foundation.in_process import in_process
from tests.greenroom.foundation.registrant import Registrant, register

MODES: list[Keys] = ["unique", ("duplicate", "pid"), ("duplicate", "key")]
PARTITIONS = [1, 8]
CONTAINERS = (dict, list, tuple, set, Entry)


@dataclass
class Counter(GenServer, restart="temporary"):
    count: int = field(default=0, init=False)

    async def add(self, amount: int) -> int:
        self.count += amount
        return self.count


async def names(tree: Tree, keys: Keys = "unique", **options: Any) -> Table:
    await tree.start_supervised(child(Registry, keys, **options).named("names"))
    return Registry.table("names")


@pytest.mark.conforms("ex.registry.001")
@pytest.mark.parametrize("keys", MODES, ids=str)
@pytest.mark.parametrize("partitions", PARTITIONS)
async def test_killed_registrants_leave_nothing_behind(tree: Tree, keys: Keys, partitions: int) -> None:
    table = await names(tree, keys, partitions=partitions)
    processes = [await Registrant.start() for _ in range(2)]
    for key, process in zip(("one", "two"), processes, strict=True):
        await register(table, process, key)
        await register(table, process, (key, 2))

    for process in processes:
        process.exit("kill")

    assert table.count() == 0
    assert table.select() == []
    assert [table.lookup(key) for key in ("one", "two")] == [[], []]
    assert not remembered_by(table, processes)


def remembered_by(table: Table, processes: list[Ref[Registrant]]) -> bool:
    """Whether anything in the table, however deep, still refers to one of the processes."""
    seen: set[int] = set()
    waiting: list[Any] = [getattr(table, slot) for cls in type(table).__mro__ for slot in slots(cls)]
    while waiting:
        found: Any = waiting.pop()
        if any(found is process for process in processes):
            return True
        if type(found) in CONTAINERS and id(found) not in seen:
            seen.add(id(found))
            waiting.extend(gc.get_referents(found))
    return False


def slots(cls: type) -> list[str]:
    return [slot for slot in vars(cls).get("__slots__", ()) if slot != "owner"]


@pytest.mark.conforms("ex.registry.unique.001", "ex.registry.duplicate.001")
@pytest.mark.parametrize("keys", MODES, ids=str)
@pytest.mark.parametrize("partitions", PARTITIONS)
async def test_a_registry_has_as_many_partitions_as_asked_for(tree: Tree, keys: Keys, partitions: int) -> None:
    table = await names(tree, keys, partitions=partitions)

    assert table.partitions == partitions


@pytest.mark.parametrize("partitions", [0, -1, 1.5, "8"])
async def test_partitions_are_counted_from_one(partitions: Any) -> None:
    with pytest.raises(StartFailed, match="expected partitions to be an integer of at least 1"):
        await Registry.start("unique", partitions)


async def test_one_listener_is_not_mistaken_for_the_letters_of_its_name() -> None:
    with pytest.raises(StartFailed, match="expected listeners to be a list of names, got 'listener'"):
        await Registry.start("unique", listeners="listener")


@pytest.mark.conforms("ex.registry.duplicate.025")
@pytest.mark.parametrize("keys", [("duplicate", "invalid"), "bag", None])
async def test_an_unknown_kind_of_keys_is_refused_with_the_kinds_there_are(keys: Any) -> None:
    accepted = r"'unique', 'duplicate', \('duplicate', 'pid'\) or \('duplicate', 'key'\)"

    with pytest.raises(StartFailed, match=accepted):
        await Registry.start(keys)


@pytest.mark.conforms("ex.registry.unique.028", "ex.registry.duplicate.020")
@in_process
async def test_a_registry_that_never_ran_is_named_in_the_error() -> None:
    with pytest.raises(NoRegistry, match="expected a registry named 'nowhere' to be running"):
        Registry.table("nowhere").register("hello")


async def test_a_table_says_so_while_its_registry_is_down_and_goes_on_with_the_next_one(tree: Tree) -> None:
    registry = await child(Registry, "unique").named("names").start()
    table = Registry.table("names")
    registrant = await child(Registrant).named(Via("names", "hello")).start()

    await registry.stop("shutdown")

    assert not registrant.alive
    for ask in (lambda: table.lookup("hello"), lambda: table.holder("hello"), table.count, table.select):
        with pytest.raises(NoRegistry):
            ask()
    assert await names(tree) is table
    assert table.select() == []


async def test_a_registry_without_a_name_is_found_by_its_address(tree: Tree) -> None:
    registry = await Registry.start("unique")
    process = await tree.start(Registrant)

    await register(Registry.table(registry), process, "hello")

    assert Registry.table(registry).holder("hello") is process.where()
    await registry.stop()


async def test_a_name_that_changes_its_kind_of_keys_gets_another_table(tree: Tree) -> None:
    first = await child(Registry, "unique").named("names").start()
    table = Registry.table("names")
    await first.stop()

    other = await names(tree, "duplicate")

    assert other is not table
    with pytest.raises(NoRegistry):
        table.count()


@pytest.mark.conforms("ex.registry.unique.027", "ex.registry.duplicate.019")
@pytest.mark.parametrize("keys", MODES, ids=str)
async def test_the_crash_of_a_registry_takes_its_registrants_down(tree: Tree, keys: Keys, probe: Probe) -> None:
    table = await names(tree, keys)
    trapping, gone, other = probe, await Registrant.start(), await tree.start(Registrant)
    trapping.trap_exit()
    registered = await trapping.perform(_registration(table, "mine"))
    await register(table, gone, "his")
    await register(table, gone, "hers")
    await gone.call(Registrant.perform, lambda: table.unregister("hers"))
    await register(table, other, "once")
    await other.call(Registrant.perform, lambda: table.unregister("once"))

    registry = Ref(Registry, "names").where()
    assert registry is not None
    registry.exit("kill")

    assert registered is registry
    assert not gone.alive
    assert other.alive
    assert await trapping.expect_message(Exit) == Exit(registry, "killed")


def _registration(table: Table, key: str) -> Any:
    async def registration() -> object:
        return table.register(key)

    return registration


@pytest.mark.conforms("ex.registry.unique.029")
async def test_a_process_is_called_by_a_key(tree: Tree) -> None:
    await names(tree)
    await tree.start_supervised(child(Counter).named(Via("names", "hello")))
    counter = Ref(Counter, Via("names", "hello"))

    await counter.call(Counter.add, 2)

    assert await counter.call(Counter.add, 3) == 5


@pytest.mark.conforms("ex.registry.unique.030")
async def test_a_key_that_is_taken_refuses_a_start_and_names_the_holder(tree: Tree) -> None:
    await names(tree)
    holder = await tree.start_supervised(child(Counter).named(Via("names", "hello")))

    with pytest.raises(AlreadyStarted) as caught:
        await child(Counter).named(Via("names", "hello")).start()

    assert caught.value.ref is holder.where()


@pytest.mark.conforms("ex.registry.unique.031")
async def test_a_key_may_come_with_a_value(tree: Tree) -> None:
    table = await names(tree)
    counter = await tree.start_supervised(child(Counter).named(Via("names", "hello", {"city": "Paris"})))

    assert table.lookup("hello") == [("hello", counter.where(), {"city": "Paris"})]


@pytest.mark.conforms("ex.registry.duplicate.021")
async def test_a_key_is_no_name_where_several_may_hold_it(tree: Tree) -> None:
    await names(tree, "duplicate")

    with pytest.raises(ValueError, match="expected Via to name a registry with unique keys"):
        await Ref(Counter, Via("names", "hello")).call(Counter.add, 1)
    with pytest.raises(ValueError, match="expected Via to name a registry with unique keys"):
        await child(Counter).named(Via("names", "hello")).start()


async def test_a_name_in_a_registry_that_does_not_run_is_not_running_and_can_not_be_taken() -> None:
    with pytest.raises(NotRunning):
        await Ref(Counter, Via("nowhere", "hello")).call(Counter.add, 1)
    with pytest.raises(NoRegistry):
        await child(Counter).named(Via("nowhere", "hello")).start()


async def test_a_supervisor_answers_for_a_child_whose_registry_does_not_run(tree: Tree) -> None:
    venues = await tree.start(DynamicSupervisor)

    started = await venues.call(DynamicSupervisor.start_child, child(Counter).named(Via("nowhere", "hello")))

    assert isinstance(started, StartFailed)
    assert isinstance(started.reason, NoRegistry)
    assert venues.alive


@pytest.mark.conforms("ex.registry.unique.007")
@in_process
async def test_a_dead_owner_never_blocks_a_key(tree: Tree) -> None:
    table = await names(tree)
    owner = await Registrant.start()
    await register(table, owner, "hello")
    await suspend(Ref(Registry, "names"))

    owner.exit("kill")

    assert table.register("hello", "mine") is Ref(Registry, "names").where()
    assert table.lookup("hello") == [("hello", current_process(), "mine")]


@pytest.mark.conforms("ex.registry.unique.025", "ex.registry.unique.026", "ex.registry.duplicate.018")
@pytest.mark.parametrize("keys", MODES, ids=str)
async def test_listeners_hear_of_who_comes_and_who_goes(tree: Tree, keys: Keys, probe: Probe) -> None:
    table = await names(tree, keys, listeners=["listener", "nobody"])
    listener = await child(Listener, probe.ref).named("listener").start()
    process = await tree.start(Registrant)
    ref: Any = process.where()

    await register(table, process, "hello", "world")
    await process.call(Registrant.perform, lambda: table.unregister("hello"))
    await process.call(Registrant.perform, lambda: table.unregister("absent"))

    await settle()
    assert probe.messages == [Registered("names", "hello", ref, "world"), Unregistered("names", "hello", ref)]
    await listener.stop()


@dataclass
class Listener(GenServer):
    to: Ref[Any]

    async def handle_info(self, message: object) -> None:
        self.to.send(message)


@pytest.mark.conforms("ex.registry.doc.001")
@pytest.mark.parametrize("keys", MODES, ids=str)
async def test_meta_is_given_at_the_start(tree: Tree, keys: Keys) -> None:
    table = await names(tree, keys, meta={"custom": "value"})

    assert table.meta("custom") == "value"
    assert table.meta("other", None) is None
    with pytest.raises(KeyError):
        table.meta("other")


@pytest.mark.conforms("ex.registry.doc.002")
async def test_meta_is_put_and_deleted(tree: Tree) -> None:
    table = await names(tree)

    for key in ("plain", ("a", "pair")):
        table.put_meta(key, "value")
        assert table.meta(key) == "value"
        table.delete_meta(key)
        with pytest.raises(KeyError):
            table.meta(key)
    table.delete_meta("absent")


@in_process
async def test_one_registration_does_not_hide_what_the_process_is_in_another_registry(tree: Tree) -> None:
    table = await names(tree)
    await tree.start_supervised(child(Registry, "duplicate").named("others"))
    others = Registry.table("others")
    table.register("hello")
    others.register("hello")

    table.unregister("hello")

    assert table.keys(current_process()) == []
    assert others.keys(current_process()) == ["hello"]


async def test_a_key_is_free_before_the_death_of_its_holder_is_seen(tree: Tree, probe: Probe) -> None:
    table = await names(tree)
    holder = await child(Registrant).named(Via("names", "hello")).start()
    seen: list[object] = []

    async def look() -> None:
        await holder.down()
        seen.append(table.holder("hello"))

    watcher = spawn(look)
    await settle()
    await crash(holder)

    await watcher.down()
    assert seen == [None]


@in_process
async def test_who_is_told_that_a_key_is_taken_can_wait_for_its_holder(tree: Tree) -> None:
    table = await names(tree)
    holder = await child(Registrant).named(Via("names", "hello")).start()

    match table.register("hello"):
        case AlreadyRegistered(ref):
            ref.exit("shutdown")
            assert await ref.down() in ("shutdown", "noproc")
        case other:
            pytest.fail(f"expected the key to be taken, got {other}")

    assert not holder.alive
    assert table.register("hello") is Ref(Registry, "names").where()


async def test_who_registered_ends_with_shutdown_when_the_registry_stops_in_order(tree: Tree, probe: Probe) -> None:
    registry = await child(Registry).named("names").start()
    table = Registry.table("names")
    registrant = await Registrant.start()
    await register(table, registrant, "one")
    trapping = await Trapping.start()
    await trapping.call(Trapping.register, table)
    watch = probe.monitor(registrant)

    await registry.stop()

    assert await probe.expect_message(Down) == Down(watch, registrant, "shutdown")
    assert (await get_state(trapping)).told == [Exit(registry, "shutdown")]
    await trapping.stop()


class Said:
    """A value that can be missed."""


@pytest.mark.parametrize("keys", MODES, ids=str)
async def test_the_table_of_a_registry_that_has_ended_keeps_nothing(keys: Keys) -> None:
    registry = await child(Registry, keys, meta={"said": Said()}).named("names").start()
    table = Registry.table("names")
    said = [ref(table.meta("said"))]
    registrant = await Registrant.start()
    value = Said()
    said.append(ref(value))
    await register(table, registrant, "one", value)
    del value

    await registry.stop()
    gc.collect()

    assert [value() for value in said] == [None, None]


@dataclass
class Trapping(GenServer):
    told: list[object] = field(default_factory=list[object], init=False)

    async def init(self) -> None:
        self.trap_exit()

    async def register(self, table: Table) -> None:
        table.register("two")

    async def handle_info(self, message: object) -> None:
        self.told.append(message)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"partitions": True}, "expected partitions to be an integer of at least 1, got True"),
        ({"listeners": [5]}, "expected a name: .*, got 5"),
        ({"meta": [1]}, "expected meta to be a mapping, got .1."),
    ],
)
async def test_options_of_a_registry_that_make_no_sense_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(StartFailed, match=words):
        await Registry.start("unique", **options)


async def test_what_a_registry_knows_of_a_process_is_asked_by_its_address(tree: Tree) -> None:
    table = await names(tree)
    nonsense: Any = "one"

    with pytest.raises(TypeError, match="expected a Ref"):
        table.keys(nonsense)
    with pytest.raises(TypeError, match="expected a Ref"):
        table.values("one", nonsense)
