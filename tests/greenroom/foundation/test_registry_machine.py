"""Any sequence of registrations, deaths and restarts leaves in a registry what a list of a few lines says."""

from __future__ import annotations

from collections.abc import Coroutine, Hashable
from typing import Any, TypeVar, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from greenroom import AlreadyRegistered, AlreadyStarted, Ref, Registry, Supervisor, Table, Via, child
from greenroom.foundation.registry import Keys
from greenroom.testing import Stage, settle
from tests.greenroom.foundation.registrant import Registrant

T = TypeVar("T")

KEYS: list[Hashable] = ["a", "b", 1, 1.0, True, ("a", 1), ("a", True)]
VALUES = st.integers(0, 2)
NOBODY = cast("Any", multiple())


class Registrations(RuleBasedStateMachine):
    """One registry, any number of processes, and a plain list of who should be found in it."""

    processes: Bundle[Ref[Registrant]] = Bundle("processes")

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage("registrations")
        self.keys: Keys = "unique"
        self.table: Any = None
        # In the order of registration: the key as it reads, the process, the value.
        self.expected: list[tuple[str, Ref[Registrant], int]] = []
        self.alive: list[Ref[Registrant]] = []

    @initialize(keys=st.sampled_from(["unique", "duplicate", ("duplicate", "key")]))
    def start_registry(self, keys: Keys) -> None:
        self.keys = keys
        self.run(
            self.stage.tree.start_supervised(
                child(Supervisor, [child(Registry, keys).named("names")], max_restarts=1000, strategy="one_for_one")
            )
        )
        self.table = self.run(table())

    @rule(target=processes)
    def start(self) -> Ref[Registrant]:
        process = self.run(Registrant.start())
        self.alive.append(process)
        return process

    @rule(target=processes, key=st.sampled_from(KEYS), value=VALUES)
    def start_with_a_key(self, key: Hashable, value: int) -> Any:
        starting = child(Registrant).named(Via("names", key, value)).start()
        if self.keys != "unique":
            starting.close()
            return NOBODY
        if self.holders(key):
            with pytest.raises(AlreadyStarted):
                self.run(starting)
            return NOBODY
        process = self.run(starting)
        self.alive.append(process)
        self.expected.append((repr(key), process, value))
        return process

    @rule(process=processes, key=st.sampled_from(KEYS), value=VALUES)
    def register(self, process: Ref[Registrant], key: Hashable, value: int) -> None:
        if process not in self.alive:
            return
        answer = self.run(process.call(Registrant.perform, lambda: self.table.register(key, value)))
        if self.keys == "unique" and (holders := self.holders(key)):
            assert answer == AlreadyRegistered(holders[0])
        else:
            assert isinstance(answer, Ref)
            self.expected.append((repr(key), process, value))

    @rule(process=processes, key=st.sampled_from(KEYS))
    def unregister(self, process: Ref[Registrant], key: Hashable) -> None:
        if process in self.alive:
            self.run(process.call(Registrant.perform, lambda: self.table.unregister(key)))
            self.expected = [entry for entry in self.expected if entry[:2] != (repr(key), process)]

    @rule(process=processes, key=st.sampled_from(KEYS), value=VALUES)
    def unregister_match(self, process: Ref[Registrant], key: Hashable, value: int) -> None:
        if process in self.alive:
            self.run(process.call(Registrant.perform, lambda: self.table.unregister_match(key, value)))
            self.expected = [entry for entry in self.expected if entry != (repr(key), process, value)]

    @rule(process=processes, key=st.sampled_from(KEYS))
    def update(self, process: Ref[Registrant], key: Hashable) -> None:
        if process not in self.alive or self.keys != "unique":
            return
        found = self.run(process.call(Registrant.perform, lambda: self.table.update_value(key, one_more)))
        held = next((entry for entry in self.expected if entry[:2] == (repr(key), process)), None)
        if held is None:
            assert found is None
            return
        assert found == (held[2] + 1, held[2])
        self.expected[self.expected.index(held)] = (held[0], process, held[2] + 1)

    @rule(process=consumes(processes), reason=st.sampled_from(["kill", "shutdown", "normal"]))
    def end(self, process: Ref[Registrant], reason: str) -> None:
        if process in self.alive:
            self.run(process.stop("shutdown")) if reason == "normal" else process.exit(reason)
            self.gone(process)

    @rule()
    def crash_the_registry(self) -> None:
        registry = self.run(where())
        registered = {process for _, process, _ in self.expected}
        registry.exit("kill")
        self.run(settled())
        for process in registered:
            assert not process.alive
            self.gone(process)

    @invariant()
    def everyone_is_found_who_should_be(self) -> None:
        if self.table is None:
            return
        for key in KEYS:
            found = [(repr(key), entry.ref, entry.value) for entry in self.table.lookup(key)]
            assert found == [entry for entry in self.expected if entry[0] == repr(key)]
        assert self.table.count() == len(self.expected) == len(self.table.select())
        for process in self.alive:
            assert sorted(map(repr, self.table.keys(process))) == sorted(
                key for key, holder, _ in self.expected if holder is process
            )

    def holders(self, key: Hashable) -> list[Ref[Registrant]]:
        return [process for known, process, _ in self.expected if known == repr(key)]

    def gone(self, process: Ref[Registrant]) -> None:
        self.alive.remove(process)
        self.expected = [entry for entry in self.expected if entry[1] is not process]

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.stage.run(coroutine)

    def teardown(self) -> None:
        for process in list(self.alive):
            process.exit("kill")
        self.stage.close()


def one_more(value: int) -> int:
    return value + 1


async def settled() -> None:
    await settle()


async def table() -> Table:
    return Registry.table("names")


async def where() -> Ref[Registry]:
    found = Ref(Registry, "names").where()
    assert found is not None
    return found


TestRegistrations = Registrations.TestCase
TestRegistrations.settings = settings(max_examples=150, stateful_step_count=30)
