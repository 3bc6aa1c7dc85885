"""A caller whose stack is full gets a RecursionError, wherever in the runtime it is met, and nobody else is stuck."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from greenroom import GenServer, Ref, ServerDown, StartFailed, Supervisor, child
from greenroom.testing import Stage, settle

DEEP = 80
"""How many calls below the limit to begin: then there is room for all of it."""


@dataclass
class Echo(GenServer):
    """Answers at once, later, or not."""

    async def echo(self, word: str) -> str:
        return word

    async def later(self, word: str) -> str:
        self.next(Echo.echo, word)
        return word

    async def crash(self) -> None:
        raise ValueError("oops")

    async def relay(self, word: str) -> str:
        return await Ref(Echo, "far").call(Echo.echo, word)


@dataclass
class Careful(Echo):
    """Says goodbye."""

    async def init(self) -> None:
        self.trap_exit()

    async def terminate(self, reason: object) -> None:
        pass


Ask = Callable[[Ref[Echo]], Awaitable[object]]


async def cast(near: Ref[Echo]) -> None:
    near.cast(Echo.echo, "word")


async def start(near: Ref[Echo]) -> None:
    await (await Careful.start()).stop()


ASKS: dict[str, Ask] = {
    "call": lambda near: near.call(Echo.echo, "word"),
    "call with a deadline": lambda near: near.within(1.0).call(Echo.echo, "word"),
    "call that is followed by something": lambda near: near.call(Echo.later, "word"),
    "call that crashes": lambda near: near.call(Echo.crash),
    "call that calls another": lambda near: near.call(Echo.relay, "word"),
    "cast": cast,
    "stop": lambda near: near.stop(),
    "start": start,
}


@pytest.mark.parametrize("kind", [Echo, Careful])
@pytest.mark.parametrize("ask", ASKS)
def test_nobody_is_stuck_when_a_callers_stack_is_full(kind: type[Echo], ask: str) -> None:
    limit = sys.getrecursionlimit()
    stage = Stage("full", virtual_time=True)
    try:
        found = stage.run(asked_at_each_depth(kind, ASKS[ask]))
    finally:
        stage.close(check=False)

    assert found == {"answered", "full"}
    assert sys.getrecursionlimit() == limit


async def asked_at_each_depth(kind: type[Echo], ask: Ask) -> set[str]:
    children = [child(kind).named(name) for name in ("near", "far")]
    await Supervisor.start(children, strategy="one_for_one", max_restarts=10 * DEEP)
    free = sys.getrecursionlimit() - len(inspect.stack(0))
    found: set[str] = set()
    for depth in range(free - DEEP, free):
        found.add(await outcome(depth, ask))
        await settle()
        for name in ("near", "far"):
            assert await Ref(Echo, name).call(Echo.echo, str(depth)) == str(depth)
    return found


async def outcome(depth: int, ask: Ask) -> str:
    try:
        await below(depth, ask)
    except RecursionError:
        return "full"
    except (ServerDown, StartFailed) as failure:
        return "full" if isinstance(failure.reason, RecursionError) else "answered"
    return "answered"


async def below(depth: int, ask: Ask) -> object:
    return await (below(depth - 1, ask) if depth else ask(Ref(Echo, "near")))
