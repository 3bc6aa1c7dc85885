"""What a slow subscriber gets, and in which order."""

import asyncio
from dataclasses import dataclass, field

from greenroom import GenServer, Missed, Topic, child
from greenroom.testing import Tree, settle, state

NUMBERS: Topic[int] = Topic("numbers")


@dataclass
class Thorough(GenServer):
    """Takes one number whenever it is let, with room for four."""

    heard: list[object] = field(default_factory=list[object], init=False)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0), init=False)

    async def init(self) -> None:
        NUMBERS.subscribe(limit=4)

    async def handle_info(self, message: object) -> None:
        await self.turns.acquire()
        self.heard.append(message)


async def test_what_a_process_missed_stands_where_it_was_missed_also_when_a_notice_before_still_waits(
    tree: Tree,
) -> None:
    reader = state(await tree.start_supervised(child(Thorough)))
    published = 0

    for _ in range(20):
        for burst in (3, 1, 2):
            for _ in range(burst):
                NUMBERS.publish(published)
                published += 1
            reader.turns.release()
            await settle()
    for _ in range(published):
        reader.turns.release()
    await settle()

    expected = 0
    for message in reader.heard:
        if isinstance(message, Missed):
            expected += message.count
        else:
            assert message == expected
            expected += 1
    assert expected == published
