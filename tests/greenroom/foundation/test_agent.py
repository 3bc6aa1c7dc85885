from collections.abc import Callable
from typing import Any, cast

import pytest

from greenroom import (
    Agent,
    NotRunning,
    Ref,
    Registry,
    Rejected,
    ServerDown,
    StartFailed,
    Via,
    child,
    current_process,
    get_state,
)
from greenroom.testing import Tree, expected_crash

Counter = Agent[int]


async def test_an_agent_holds_a_value(tree: Tree) -> None:
    counter = await tree.start(Counter, lambda: 1)

    await counter.call(Counter.update, lambda count: count + 1)

    assert await counter.call(Counter.get, lambda count: count) == 2
    assert await counter.call(Counter.get_and_update, lambda count: (str(count), count * 10)) == "2"
    assert (await get_state(counter)).value == 20


async def test_an_update_may_be_cast(tree: Tree) -> None:
    counter = await tree.start(Counter, lambda: 0)

    counter.cast(Counter.update, lambda count: count + 1)

    assert await counter.call(Counter.get, lambda count: count) == 1


async def test_functions_run_in_the_agent(tree: Tree) -> None:
    agent = await tree.start(Agent[Ref[Any]], current_process)

    where = await agent.call(Agent[Ref[Any]].get, lambda started: (started, current_process()))

    assert where == (agent.where(), agent.where())


async def test_an_agent_whose_value_can_not_be_made_does_not_start() -> None:
    def fail() -> int:
        raise KeyError("nothing to begin with")

    with pytest.raises(StartFailed) as caught:
        await Counter.start(fail)

    assert isinstance(caught.value.reason, KeyError)


CLUMSY: list[Callable[[Ref[Agent[int]]], Any]] = [
    lambda counter: counter.call(Counter.get, lambda count: 1 // count),
    lambda counter: counter.call(Counter.update, lambda count: 1 // count),
    lambda counter: counter.call(Counter.get_and_update, lambda count: (1 // count, count)),
]


@pytest.mark.parametrize("ask", CLUMSY)
async def test_a_function_that_fails_is_a_crash_of_the_agent(ask: Callable[[Ref[Agent[int]]], Any]) -> None:
    counter = await Counter.start(lambda: 0)

    with expected_crash(ZeroDivisionError), pytest.raises(ServerDown) as caught:
        await ask(counter)

    assert isinstance(caught.value.reason, ZeroDivisionError)
    assert not counter.alive


@pytest.mark.parametrize("no_pair", [1, [1, 2], "ab", (1,), (1, 2, 3), {1: 2, 3: 4}])
async def test_an_answer_without_a_next_value_is_a_crash_of_the_agent(no_pair: Any) -> None:
    counter = await Counter.start(lambda: 0)

    with expected_crash(TypeError), pytest.raises(ServerDown, match="expected a pair of the answer and the next value"):
        await counter.call(Counter.get_and_update, lambda count: no_pair)


async def test_a_new_agent_begins_with_a_new_value(tree: Tree) -> None:
    counter = await tree.start_supervised(child(Counter, lambda: 0).named("counter"))
    await counter.call(Counter.update, lambda count: count + 1)

    await tree.crash(counter)

    assert await counter.call(Counter.get, lambda count: count) == 0


@pytest.mark.conforms("ex.registry.unique.029")
async def test_an_agent_has_a_name(tree: Tree) -> None:
    await tree.start_supervised(child(Registry, "unique").named("names"))
    await tree.start_supervised(child(Agent[str], lambda: "hello").named(Via("names", "agent")))
    agent = Ref(Agent[str], Via("names", "agent"))

    await agent.call(Agent[str].update, str.upper)

    assert await agent.call(Agent[str].get, len) == 5
    assert await agent.call(Agent[str].get, str.title) == "Hello"


async def test_an_agent_stops() -> None:
    counter = await Counter.start(lambda: 0)

    await counter.stop()

    with pytest.raises(NotRunning):
        await counter.call(Counter.get, lambda count: count)


async def later(count: int) -> int:
    return count + 1


@pytest.mark.parametrize("method", [Counter.get, Counter.update, Counter.get_and_update])
async def test_the_functions_of_an_agent_are_plain_ones(tree: Tree, method: Any) -> None:
    counter = await tree.start(Counter, lambda: 1)

    with pytest.raises(Rejected, match="expected a plain function for an agent, got one that is async"):
        await counter.call(method, later)

    assert await counter.call(Counter.get, lambda count: count) == 1


async def test_the_first_value_of_an_agent_comes_from_a_plain_function() -> None:
    with pytest.raises(StartFailed, match="expected a plain function for an agent"):
        await Counter.start(cast(Any, lambda: later(1)))
