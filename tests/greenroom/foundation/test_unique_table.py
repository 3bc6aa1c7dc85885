from typing import Any, cast

import pytest

from greenroom import ANY, AlreadyRegistered, Match, Ref, Registry, Table, Via, child, current_process
from greenroom.foundation.match import Guard, Spec
from greenroom.testing import Tree
from tests.greenroom.foundation.in_process import in_process
from tests.greenroom.foundation.registrant import Registrant, register

VALUE = (1, "atom", 1)


async def unique(tree: Tree) -> Table:
    await tree.start_supervised(child(Registry, "unique").named("names"))
    return Registry.table("names")


async def holding(tree: Tree, value: object = VALUE) -> Table:
    """A table in which the running process says something under "hello"."""
    table = await unique(tree)
    table.register("hello", value)
    return table


@pytest.mark.conforms("ex.registry.unique.002", "ex.registry.unique.003")
@in_process
async def test_entries_are_counted(tree: Tree) -> None:
    table = await unique(tree)

    counts = [table.count()]
    for key in ("hello", "world"):
        table.register(key)
        counts.append(table.count())

    assert counts == [0, 1, 2]


@pytest.mark.conforms("ex.registry.unique.004", "ex.registry.unique.041")
@in_process
async def test_a_key_of_mine_is_taken_for_me_too(tree: Tree) -> None:
    table = await unique(tree)
    me = current_process()
    table.register("hello", "first")

    assert table.register("hello", "second") == AlreadyRegistered(me)
    assert table.keys(me) == ["hello"]
    assert table.values("hello", me) == ["first"]
    assert table.count() == 1


@pytest.mark.conforms("ex.registry.unique.005")
@in_process
async def test_a_process_may_hold_several_keys(tree: Tree) -> None:
    table = await unique(tree)
    for key, value in (("hello", 1), ("world", 2), ("again", 3)):
        table.register(key, value)

    assert table.keys(current_process()) == ["hello", "world", "again"]
    assert table.values("world", current_process()) == [2]


@pytest.mark.conforms("ex.registry.unique.006", "ex.registry.unique.042")
@in_process
async def test_a_key_of_another_is_refused_and_leaves_me_as_i_was(tree: Tree) -> None:
    table = await unique(tree)
    owner = await tree.start(Registrant)
    await register(table, owner, "hello")
    me = current_process()

    assert table.register("hello") == AlreadyRegistered(cast("Ref[Any]", owner.where()))
    assert table.keys(me) == []
    assert table.values("hello", me) == []
    assert table.count() == 1


@pytest.mark.conforms("ex.registry.unique.008", "ex.registry.unique.009", "ex.registry.unique.010")
@pytest.mark.conforms("ex.registry.unique.012", "ex.registry.unique.015")
@pytest.mark.parametrize(
    ("value", "pattern", "found"),
    [
        (VALUE, (1, ANY, ANY), 1),
        (VALUE, (1.0, ANY, ANY), 0),
        (VALUE, (True, ANY, ANY), 0),
        (VALUE, (ANY, "atom", ANY), 1),
        (VALUE, ANY, 1),
        (VALUE, (1, "atom"), 0),
        (VALUE, [1, "atom", 1], 0),
        ({"a": "a", "b": "b"}, {"b": "b"}, 1),
        ({"a": "a", "b": "b"}, {"b": ANY}, 1),
        ({"a": "a", "b": "b"}, {"b": "a"}, 0),
        ({"a": 1}, {"a": 1.0}, 0),
        ({"a": 1}, {}, 1),
        (None, {}, 0),
        (1, 1, 1),
        (1, 1.0, 0),
    ],
)
@in_process
async def test_values_are_matched_with_patterns(tree: Tree, value: object, pattern: object, found: int) -> None:
    table = await holding(tree, value)

    assert table.match("hello", pattern) == [("hello", current_process(), value)] * found
    assert table.count_match("hello", pattern) == found


@pytest.mark.conforms("ex.registry.unique.010", "ex.registry.unique.013", "ex.registry.unique.016")
@in_process
async def test_values_are_matched_with_guards(tree: Tree) -> None:
    table = await holding(tree, (1, "atom", 2))

    def counts(*guards: Guard) -> int:
        assert len(table.match("hello", (ANY, ANY, ANY), *guards)) == table.count_match("hello", ANY, *guards)
        return table.count_match("hello", ANY, *guards)

    assert counts(lambda value: value[2] > 1) == 1
    assert counts(lambda value: value[2] > 2) == 0
    assert counts(lambda value: isinstance(value[1], str)) == 1
    assert counts(lambda value: value[2] > 1, lambda value: value[0] == value[2]) == 0


@pytest.mark.conforms("ex.registry.unique.011", "ex.registry.unique.014")
@in_process
async def test_a_key_is_never_a_pattern(tree: Tree) -> None:
    table = await holding(tree)
    literal = ("key", ANY)

    assert table.match(ANY, ANY) == []
    table.register(ANY, "any")
    table.register(literal, "pair")
    table.register(("key", "other"), "other")
    assert [entry.value for entry in table.match(ANY, ANY)] == ["any"]
    assert [entry.value for entry in table.lookup(literal)] == ["pair"]
    assert table.count_match(literal, ANY) == 1

    table.unregister_match(literal, "other")
    assert table.count_match(literal, ANY) == 1
    table.unregister_match(literal, "pair")
    table.unregister(ANY)
    assert table.keys(current_process()) == ["hello", ("key", "other")]


@pytest.mark.conforms("ex.registry.unique.017", "ex.registry.unique.018")
@in_process
async def test_a_key_is_given_up_if_its_value_matches(tree: Tree) -> None:
    table = await holding(tree)

    table.unregister_match("hello", (2, ANY, ANY))
    assert table.keys(current_process()) == ["hello"]
    table.unregister_match("hello", ANY, lambda value: value[0] > 1)
    assert table.keys(current_process()) == ["hello"]
    table.unregister_match("hello", (1, ANY, ANY), lambda value: value[0] < 2)
    assert table.keys(current_process()) == []


@pytest.mark.conforms("ex.registry.unique.019")
@in_process
async def test_keys_that_differ_in_type_only_are_different_keys(tree: Tree) -> None:
    table = await unique(tree)

    for key in (1, 1.0, True):
        table.register(key, type(key).__name__)

    assert [table.lookup(key)[0].value for key in (1, 1.0, True)] == ["int", "float", "bool"]
    assert list(map(repr, table.keys(current_process()))) == ["1", "1.0", "True"]


@pytest.mark.conforms("ex.registry.unique.020")
@in_process
async def test_only_the_holder_changes_its_value(tree: Tree) -> None:
    table = await unique(tree)
    await register(table, await tree.start(Registrant), "his", 1)
    ran: list[object] = []

    assert table.update_value("absent", ran.append) is None
    assert table.update_value("his", ran.append) is None
    assert ran == []


@pytest.mark.conforms("ex.registry.unique.021")
@in_process
async def test_a_changed_value_is_what_others_see(tree: Tree) -> None:
    table = await holding(tree, 1)
    table.register("other")

    assert table.update_value("hello", lambda value: value + 1) == (2, 1)
    assert table.lookup("hello") == [("hello", current_process(), 2)]
    assert table.keys(current_process()) == ["hello", "other"]
    table.unregister("hello")
    assert table.keys(current_process()) == ["other"]


@pytest.mark.conforms("ex.registry.unique.022", "ex.registry.unique.023")
@in_process
async def test_dispatch_runs_where_it_was_asked_for(tree: Tree) -> None:
    table = await holding(tree, "value")
    calls: list[object] = []

    async def send(entries: object) -> None:
        calls.append((entries, current_process()))

    await table.dispatch("absent", send)
    assert calls == []
    await table.dispatch("hello", send, parallel=True)
    assert calls == [([("hello", current_process(), "value")], current_process())]


@pytest.mark.conforms("ex.registry.unique.024")
@in_process
async def test_keys_are_given_up_one_by_one(tree: Tree) -> None:
    table = await unique(tree)
    me = current_process()
    table.register("hello")
    table.register("world")

    table.unregister("hello")
    assert table.keys(me) == ["world"]
    table.unregister("hello")
    assert table.keys(me) == ["world"]
    table.unregister("world")
    assert (table.keys(me), table.count()) == ([], 0)


@in_process
async def test_nobody_gives_up_the_key_of_another(tree: Tree) -> None:
    table = await unique(tree)
    await register(table, await tree.start(Registrant), "his")

    table.unregister("his")
    table.unregister_match("his", ANY)

    assert table.count() == 1


@pytest.mark.conforms("ex.registry.unique.032")
async def test_an_empty_table_has_nothing_to_select(tree: Tree) -> None:
    table = await unique(tree)

    assert table.select() == table.select(Match()) == []


@pytest.mark.conforms("ex.registry.unique.033")
@in_process
async def test_everything_is_selected_without_a_spec(tree: Tree) -> None:
    table = await holding(tree, "value")
    named = await tree.start_supervised(child(Registrant).named(Via("names", "via")))

    everything = [("hello", current_process(), "value"), ("via", named.where(), None)]
    assert table.select() == table.select(Match()) == everything


@pytest.mark.conforms("ex.registry.unique.034", "ex.registry.unique.038")
@in_process
async def test_a_match_fixes_the_key_the_process_or_the_value(tree: Tree) -> None:
    table = await holding(tree)
    table.register("world", (1, "other", 2))
    other = await tree.start(Registrant)

    def keys(spec: Match) -> list[str]:
        assert table.count_select(spec) == len(table.select(spec))
        return [key for key, _, _ in table.select(spec)]

    assert keys(Match(key="hello")) == ["hello"]
    assert keys(Match(key="absent")) == []
    assert keys(Match(ref=current_process())) == ["hello", "world"]
    assert keys(Match(ref=other)) == []
    assert keys(Match(value=VALUE)) == ["hello"]
    assert keys(Match(value=(1.0, "atom", 1))) == []
    assert keys(Match(value=(1, ANY, ANY))) == ["hello", "world"]
    assert keys(Match(where=lambda entry: entry.value[0] == entry.value[2])) == ["hello"]


@pytest.mark.conforms("ex.registry.unique.035", "ex.registry.unique.039")
@in_process
async def test_a_match_may_have_a_predicate_over_the_entry(tree: Tree) -> None:
    table = await holding(tree, (1, "atom", 2))

    def shaped(spec: Spec) -> list[object]:
        return [(entry.key, entry.value[1]) for entry in table.select(spec)]

    assert shaped(Match(value=(1, ANY, ANY), where=lambda entry: entry.value[2] > 1)) == [("hello", "atom")]
    assert shaped(lambda entry: entry.value[2] > 1) == [("hello", "atom")]
    assert shaped(lambda entry: entry.value[2] > 2) == []
    assert table.count_select(lambda entry: isinstance(entry.value[1], str)) == 1


@pytest.mark.conforms("ex.registry.unique.036", "ex.registry.unique.040")
@in_process
async def test_several_specs_select_what_any_of_them_accepts(tree: Tree) -> None:
    table = await holding(tree, 1)
    table.register("world", 2)

    specs = (Match(key="hello"), Match(value=2), Match(value=1))

    assert [entry.key for entry in table.select(*specs)] == ["hello", "world"]
    assert table.count_select(*specs) == 2


@pytest.mark.conforms("ex.registry.unique.037", "ex.registry.unique.040")
async def test_what_is_no_spec_is_refused(tree: Tree) -> None:
    table = await unique(tree)
    wrong: Any = ("hello", ANY)

    for refuse in (lambda: table.select(wrong), lambda: table.count_select(Match(), wrong), lambda: Match(where=wrong)):
        with pytest.raises(TypeError, match=r"expected .* predicate over an entry, got"):
            refuse()


@pytest.mark.conforms("ex.registry.doc.003")
@in_process
async def test_anyone_sees_who_holds_a_key_and_values_only_those_of_the_holder(tree: Tree) -> None:
    table = await unique(tree)
    owner = await tree.start(Registrant)
    await register(table, owner, "hello", "world")

    assert table.lookup("hello") == [("hello", owner.where(), "world")]
    assert table.holder("hello") is owner.where()
    assert table.values("hello", owner) == ["world"]
    assert table.values("hello", current_process()) == []
