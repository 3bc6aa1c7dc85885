"""A namespace belongs to one event loop, whatever thread or context asks for it."""

import asyncio
from dataclasses import dataclass

import pytest

from greenroom import GenServer, NotRunning, Ref, child, get_state, health_check
from greenroom.testing import Tree


@dataclass
class Keeper(GenServer):
    word: str

    async def say(self) -> str:
        return self.word


async def said_in_a_loop_of_its_own() -> str:
    nobody = Ref(Keeper, "keeper").where()
    await child(Keeper, "there").named("keeper").start()
    return f"{nobody}, then {await Ref(Keeper, 'keeper').call(Keeper.say)}"


async def test_a_loop_in_another_thread_has_names_of_its_own(tree: Tree) -> None:
    await tree.start_supervised(child(Keeper, "here").named("keeper"))

    said = await asyncio.to_thread(asyncio.run, said_in_a_loop_of_its_own())

    assert said == "None, then there"
    assert await Ref(Keeper, "keeper").call(Keeper.say) == "here"


def test_a_second_loop_in_a_thread_has_names_of_its_own() -> None:
    assert asyncio.run(said_in_a_loop_of_its_own()) == "None, then there"
    assert asyncio.run(said_in_a_loop_of_its_own()) == "None, then there"


async def started() -> Ref[Keeper]:
    keeper = await Keeper.start("here")
    await keeper.call(Keeper.say)
    return keeper


@pytest.mark.parametrize("seconds", [5.0, 1.0])
def test_a_call_from_another_loop_is_refused_and_does_no_harm(seconds: float) -> None:
    async def ask() -> str:
        return await keeper.within(seconds).call(Keeper.say)

    with asyncio.Runner() as runner:
        keeper = runner.run(started())

        with pytest.raises(RuntimeError, match=r"in its own event loop; asyncio\.run_coroutine_threadsafe asks there"):
            asyncio.run(ask())

        assert runner.run(ask()) == "here"


def test_a_process_is_gone_with_its_loop() -> None:
    loop = asyncio.new_event_loop()
    keeper = loop.run_until_complete(started())
    loop.close()

    async def ask() -> None:
        for answer in (keeper.call(Keeper.say), keeper.within(1).call(Keeper.say), keeper.stop(), get_state(keeper)):
            with pytest.raises(NotRunning):
                await answer
        assert await keeper.down() == "noproc"
        assert await health_check(keeper) == "service_unavailable"

    asyncio.run(ask())
