"""A namespace belongs to one event loop, whatever thread or context asks for it."""

import asyncio
from dataclasses import dataclass

from greenroom import GenServer, Ref, child
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
