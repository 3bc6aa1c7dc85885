"""What an entity tells after a change reaches processes and iterators, and is told of what is stored only."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from greenroom import GenServer, Ref, Topic, child
from greenroom.infrastructure import Columns, Conflict, Entity, Invalid, NotSaved, entities
from greenroom.testing import Tree, VirtualClock, settle
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase
from tests.greenroom.infrastructure.entity.venues import Diary, venues


@dataclass(frozen=True)
class Renamed:
    """A venue has another name."""

    name: str


def topic_of(key: int) -> Topic[Renamed]:
    return Topic(f"venue:{key}")


@dataclass
class Loud(Entity[int, Diary], kind="loud"):
    """Tells of its name, after it is stored."""

    def initial(self) -> Diary:
        return Diary(f"venue {self.key}")

    async def rename(self, name: str) -> Conflict | Invalid | None:
        refusal = await self.save(replace(self.state, name=name))
        if refusal is None:
            topic_of(self.key).publish(Renamed(name))
        return refusal


@dataclass
class Sign(GenServer):
    """Shows the name of a venue."""

    shown: list[object] = field(default_factory=list[object], init=False)

    async def init(self) -> None:
        topic_of(7).subscribe()

    async def handle_info(self, message: object) -> None:
        self.shown.append(message)

    async def show(self) -> list[object]:
        return [*self.shown]


@pytest.fixture
async def sign(tree: Tree, moody: Ref[MoodyDatabase]) -> Ref[Sign]:
    await tree.start_supervised(entities(Loud, Columns(venues, Diary)))
    return await tree.start_supervised(child(Sign).named("sign"))


async def test_a_change_is_told_to_processes_and_iterators(sign: Ref[Sign]) -> None:
    async with topic_of(7).listen() as heard:
        await Loud.at(7).call(Loud.rename, "Blue Note")

        assert await anext(heard) == Renamed("Blue Note")
    assert await sign.call(Sign.show) == [Renamed("Blue Note")]


async def test_nothing_is_told_of_what_is_refused_or_can_not_be_stored(
    sign: Ref[Sign], moody: Ref[MoodyDatabase]
) -> None:
    await Loud.at(8).call(Loud.rename, "Blue Note")
    await moody.call(MoodyDatabase.be, "well", "refuses")

    assert isinstance(await Loud.at(7).call(Loud.rename, "Blue Note"), Conflict)
    with pytest.raises(NotSaved):
        await Loud.at(7).call(Loud.rename, "Birdland")

    assert await sign.call(Sign.show) == []


async def test_a_change_whose_outcome_is_not_known_yet_is_told_when_it_is(
    sign: Ref[Sign], moody: Ref[MoodyDatabase], clock: VirtualClock
) -> None:
    await Loud.at(7).call(Loud.rename, "Birdland")
    await moody.call(MoodyDatabase.be, "stores it and loses the answer")
    renaming = asyncio.ensure_future(Loud.at(7).call(Loud.rename, "Blue Note"))
    await settle()
    await moody.call(MoodyDatabase.fall)
    await clock.advance(1)
    before = await sign.call(Sign.show)

    await moody.call(MoodyDatabase.rise)
    await clock.advance(5)

    assert before == [Renamed("Birdland")]
    assert await renaming is None
    assert await sign.call(Sign.show) == [Renamed("Birdland"), Renamed("Blue Note")]
