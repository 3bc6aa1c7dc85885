from typing import Any

import pytest

from greenroom import ANY, Match, Ref, Registry, Table, child, current_process, sleep
from greenroom.foundation.match import Guard, Spec
from greenroom.foundation.registry import Keys
from greenroom.testing import Tree, expected_crash
from tests.greenroom.foundation.in_process import in_process
from tests.greenroom.foundation.registrant import Registrant, register

BOTH = pytest.mark.parametrize("keys", ["duplicate", ("duplicate", "key")], ids=str)


async def duplicate(tree: Tree, keys: Keys = "duplicate", partitions: int = 1) -> Table:
    await tree.start_supervised(child(Registry, keys, partitions).named("names"))
    return Registry.table("names")


async def two_values(tree: Tree, keys: Keys = "duplicate") -> Table:
    """A table in which the running process says two things under "hello"."""
    table = await duplicate(tree, keys)
    table.register("hello", (1, "atom", 1))
    table.register("hello", (2, "atom", 2))
    return table


@BOTH
@pytest.mark.conforms("ex.registry.duplicate.002", "ex.registry.duplicate.003")
@in_process
async def test_a_process_may_hold_a_key_twice(tree: Tree, keys: Keys) -> None:
    table = await duplicate(tree, keys)
    me = current_process()
    assert table.count() == 0

    table.register("hello", "one")
    table.register("hello", "two")

    assert table.count() == 2
    assert table.keys(me) == ["hello", "hello"]
    assert table.values("hello", me) == ["one", "two"]


@BOTH
@pytest.mark.conforms("ex.registry.duplicate.004")
@in_process
async def test_processes_share_a_key(tree: Tree, keys: Keys) -> None:
    table = await duplicate(tree, keys)
    other = await tree.start(Registrant)
    await register(table, other, "hello", "his")

    table.register("hello", "mine")

    assert [entry.value for entry in table.lookup("hello")] == ["his", "mine"]
    assert table.keys(other) == table.keys(current_process()) == ["hello"]
    assert table.values("hello", other) == ["his"]
    assert table.values("hello", current_process()) == ["mine"]


@BOTH
@pytest.mark.conforms("ex.registry.duplicate.005")
@in_process
async def test_keys_that_differ_in_type_only_are_different_keys(tree: Tree, keys: Keys) -> None:
    table = await duplicate(tree, keys)

    table.register(1, "int")
    table.register(1.0, "float")

    assert [entry.value for entry in table.lookup(1)] == ["int"]
    assert [entry.value for entry in table.lookup(1.0)] == ["float"]


@BOTH
@pytest.mark.conforms("ex.registry.duplicate.006", "ex.registry.duplicate.007")
@in_process
async def test_dispatch_reaches_those_under_the_key_and_runs_where_it_was_asked_for(tree: Tree, keys: Keys) -> None:
    table = await duplicate(tree, keys, partitions=8)
    for key, value in (("hello", 1), ("hello", 2), ("world", 3)):
        table.register(key, value)
    sent: list[object] = []

    def send(entries: Any) -> None:
        sent.append(([entry.value for entry in entries], current_process()))

    await table.dispatch("absent", send)
    assert sent == []
    await table.dispatch("hello", send)
    assert sent == [([1, 2], current_process())]


@pytest.mark.conforms("ex.registry.duplicate.008")
@pytest.mark.parametrize(
    ("keys", "partitions", "apart"), [("duplicate", 8, True), ("duplicate", 1, False), (("duplicate", "key"), 8, False)]
)
@in_process
async def test_a_parallel_dispatch_leaves_the_caller_for_each_partition_by_process(
    tree: Tree, keys: Keys, partitions: int, apart: bool
) -> None:
    table = await duplicate(tree, keys, partitions)
    others = [await tree.start(Registrant) for _ in range(20)]
    for number, other in enumerate(others):
        await register(table, other, "hello", number)
    sent: list[object] = []
    senders: set[Ref[Any]] = set()

    async def send(entries: Any) -> None:
        await sleep(0)
        sent.extend(entry.value for entry in entries)
        senders.add(current_process())

    await table.dispatch("hello", send, parallel=True)

    assert sorted(map(str, sent)) == sorted(map(str, range(20)))
    assert (current_process() not in senders) is apart
    assert (len(senders) > 1) is apart


@in_process
async def test_a_parallel_dispatch_fails_where_it_was_asked_for(tree: Tree) -> None:
    table = await duplicate(tree, partitions=8)
    table.register("hello")

    with expected_crash(ZeroDivisionError), pytest.raises(ZeroDivisionError):
        await table.dispatch("hello", lambda entries: 1 / 0, parallel=True)


@BOTH
@pytest.mark.conforms("ex.registry.duplicate.009", "ex.registry.duplicate.010", "ex.registry.duplicate.019")
@in_process
async def test_a_key_is_given_up_with_all_values(tree: Tree, keys: Keys) -> None:
    table = await two_values(tree, keys)
    table.register("world")

    table.unregister("absent")
    table.unregister("hello")

    assert table.keys(current_process()) == ["world"]
    assert table.lookup("hello") == []
    table.unregister("world")
    assert (table.keys(current_process()), table.count()) == ([], 0)


@BOTH
@pytest.mark.conforms("ex.registry.duplicate.011", "ex.registry.duplicate.014")
@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ((1, ANY, ANY), [1]),
        ((1.0, ANY, ANY), []),
        ((ANY, "atom", ANY), [1, 2]),
        (ANY, [1, 2]),
        ((2, ANY, ANY), [2]),
        ((2.0, ANY, ANY), []),
    ],
)
@in_process
async def test_values_are_matched_with_patterns(tree: Tree, keys: Keys, pattern: object, found: list[int]) -> None:
    table = await two_values(tree, keys)

    assert [entry.value[0] for entry in table.match("hello", pattern)] == found
    assert table.count_match("hello", pattern) == len(found)
    assert table.match("world", pattern) == []


@BOTH
@pytest.mark.conforms("ex.registry.duplicate.011", "ex.registry.duplicate.012", "ex.registry.duplicate.015")
@in_process
async def test_values_are_matched_with_guards(tree: Tree, keys: Keys) -> None:
    table = await two_values(tree, keys)

    def firsts(guard: Guard) -> list[int]:
        found = [entry.value[0] for entry in table.match("hello", ANY, guard)]
        assert table.count_match("hello", ANY, guard) == len(found)
        return found

    assert firsts(lambda value: value[0] < 2) == [1]
    assert firsts(lambda value: value[0] > 3) == []
    assert firsts(lambda value: value[0] < 3) == [1, 2]
    assert firsts(lambda value: isinstance(value[1], str)) == [1, 2]
    assert firsts(lambda value: value[0] == value[2]) == [1, 2]


@BOTH
@pytest.mark.conforms("ex.registry.duplicate.013", "ex.registry.duplicate.027")
@in_process
async def test_a_key_is_never_a_pattern(tree: Tree, keys: Keys) -> None:
    table = await duplicate(tree, keys)
    for key, value in ((("a", ANY), 1), (("a", ANY), 2), (("a", "b"), 3), (ANY, 4)):
        table.register(key, value)

    assert [entry.value for entry in table.lookup(("a", ANY))] == [1, 2]
    assert [entry.value for entry in table.match(ANY, ANY)] == [4]
    assert table.count_match(("a", "b"), ANY) == 1
    table.unregister_match(("a", ANY), 1)
    assert [entry.value for entry in table.lookup(("a", ANY))] == [2]
    table.unregister(("a", ANY))
    assert table.keys(current_process()) == [("a", "b"), ANY]


@BOTH
@pytest.mark.conforms("ex.registry.duplicate.016", "ex.registry.duplicate.017", "ex.registry.doc.005")
@in_process
async def test_some_values_of_a_key_are_given_up(tree: Tree, keys: Keys) -> None:
    table = await duplicate(tree, keys)
    me = current_process()
    for value in ("a", "b", "c", 1, 2):
        table.register("hello", value)

    table.unregister_match("hello", "a")
    assert table.keys(me) == ["hello"] * 4
    assert [entry.value for entry in table.lookup("hello")] == ["b", "c", 1, 2]
    table.unregister_match("hello", 1.0)
    assert table.values("hello", me) == ["b", "c", 1, 2]
    table.unregister_match("hello", ANY, lambda value: value in (1, 2), lambda value: value < 2)
    assert table.values("hello", me) == ["b", "c", 2]
    table.unregister_match("hello", ANY)
    assert table.keys(me) == []


@BOTH
@pytest.mark.conforms("ex.registry.duplicate.022")
@in_process
async def test_an_entry_made_twice_is_selected_twice(tree: Tree, keys: Keys) -> None:
    table = await duplicate(tree, keys)
    assert table.select() == []

    table.register("hello", "value")
    table.register("hello", "value")

    assert table.select() == [("hello", current_process(), "value")] * 2


@BOTH
@pytest.mark.conforms("ex.registry.duplicate.023", "ex.registry.duplicate.024")
@in_process
async def test_entries_are_selected_by_the_same_rules_as_in_a_unique_registry(tree: Tree, keys: Keys) -> None:
    table = await two_values(tree, keys)
    table.register("world", "value")
    other = await tree.start(Registrant)

    def counts(*specs: Spec) -> int:
        assert len(table.select(*specs)) == table.count_select(*specs)
        return table.count_select(*specs)

    assert counts(Match(key="hello")) == 2
    assert counts(Match(ref=current_process())) == 3
    assert counts(Match(ref=other)) == 0
    assert counts(Match(value=(1, ANY, ANY))) == 1
    assert counts(Match(value=(1.0, ANY, ANY))) == 0
    assert counts(Match(key="hello", where=lambda entry: entry.value[0] > 1)) == 1
    assert counts(Match(key="hello", value=(1, ANY, ANY)), Match(key="world")) == 2


@pytest.mark.conforms("ex.registry.duplicate.026")
async def test_there_is_no_one_value_to_update(tree: Tree) -> None:
    table = await duplicate(tree)

    with pytest.raises(ValueError, match="expected update_value on a registry with unique keys"):
        table.update_value("hello", lambda value: value)


@pytest.mark.conforms("ex.registry.duplicate.028")
@in_process
async def test_a_key_that_looks_like_a_pattern_is_found_by_a_predicate(tree: Tree) -> None:
    table = await duplicate(tree)
    for key in (ANY, "hello", ("a", ANY), ("a", "b")):
        table.register(key)

    def keys(spec: Spec) -> list[object]:
        return [entry.key for entry in table.select(spec)]

    assert keys(lambda entry: entry.key is ANY) == [ANY]
    assert keys(lambda entry: entry.key == ("a", ANY)) == [("a", ANY)]
    assert keys(Match(key="hello")) == ["hello"]
    assert keys(Match(key=("a", ANY))) == [("a", ANY), ("a", "b")]
    assert table.count_select(lambda entry: entry.key is ANY) == 1
