"""Whatever a handler does: what it published is told if and only if it holds, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom import Ref, Rejected, ServerDown, Topic, child
from greenroom.infrastructure import Columns, DatabaseUrl, Entity, NotSaved, StaleState, entities
from greenroom.testing import Stage, settle
from greenroom.testing.record import current_record
from tests.greenroom.infrastructure.entity.moody_database import MoodyDatabase
from tests.greenroom.infrastructure.entity.venues import Diary, tables, venues

Deed = Literal["tell", "save", "clash", "outage", "overtaken", "later", "wait", "catch", "reject", "crash", "stop"]

Script = Sequence[tuple[int, Deed]]

DEEDS: st.SearchStrategy[Deed] = st.sampled_from(
    [
        "tell",
        "tell",
        "tell",
        "save",
        "clash",
        "outage",
        "overtaken",
        "later",
        "wait",
        "catch",
        "reject",
        "crash",
        "stop",
    ]
)
TOPIC = Topic[int]("deeds")
TAKEN = "the name of another"
DATABASE = Ref(MoodyDatabase, "database")


class Unwelcome(Rejected):
    """A request that is not taken."""


@dataclass
class Actor(Entity[int, Diary], kind="actor"):
    """Does what it is told, one deed after the other."""

    def initial(self) -> Diary:
        return Diary(TAKEN if self.key == 0 else f"actor {self.key}")

    async def act(self, numbered: Script) -> None:
        for number, deed in numbered:
            await self.do(number, deed)

    async def act_and_go_on(self, numbered: Script, then: Script) -> None:
        self.next(Actor.act, then)
        await self.act(numbered)

    async def do(self, number: int, deed: Deed) -> None:
        match deed:
            case "tell":
                self.publish(TOPIC, number)
            case "save":
                await self.save(replace(self.state, plays=self.state.plays + 1))
            case "clash":
                assert await self.save(replace(self.state, name=TAKEN))
            case "outage":
                await DATABASE.call(MoodyDatabase.be, "refuses")
                await self.save(self.state)
            case "overtaken":
                await DATABASE.call(MoodyDatabase.update, venues, self.key, {"plays": 0}, version=self.version)
                await self.save(self.state)
            case "later":
                self.save_later(replace(self.state, plays=self.state.plays + 1))
            case "wait":
                await asyncio.sleep(0)
            case "catch":
                await DATABASE.call(MoodyDatabase.be, "refuses")
                try:
                    await self.save(self.state)
                except NotSaved:
                    pass
            case _:
                self._end(deed)

    def _end(self, deed: Deed) -> None:
        if deed == "reject":
            raise Unwelcome
        if deed == "crash":
            raise ValueError
        self.stop()


def expected(first: Script, then: Script) -> list[int]:
    """What is told of a handler, and of the one that it goes on with."""
    told, ending = of_one(first)
    return told if ending in ("overtaken", "crash", "stop") else told + of_one(then)[0]


def of_one(script: Script) -> tuple[list[int], Deed | None]:
    """What is told of one handler, and what ended it, or is to end its process."""
    certain: list[int] = []
    pending: list[int] = []
    ending: Deed | None = None
    for number, deed in script:
        match deed:
            case "tell":
                pending.append(number)
            case "save":
                certain += pending
                pending = []
            case "clash" | "catch":
                pending = []
            case "outage" | "overtaken" | "reject" | "crash":
                return certain, ending or deed
            case "stop":
                ending = deed
            case "later" | "wait":
                pass
    return certain + pending, ending


def test_what_is_told_is_what_holds(tmp_path: Path) -> None:
    url = DatabaseUrl.parse(str(tmp_path / "test.db"))
    tables(url)
    keys = count(1)

    async def start() -> None:
        await stage.tree.start_supervised(child(MoodyDatabase, url).named("database"))
        await stage.tree.start_supervised(entities(Actor, Columns(venues, Diary)))
        await Actor.at(0).call(Actor.act, [(0, "save")])

    async def play(first: Script, then: Script, *, is_busy: bool) -> list[int]:
        actor = Actor.at(next(keys))
        await actor.call(Actor.act, [(0, "save")])
        async with TOPIC.listen() as heard:
            if is_busy:
                # Then the call has to go through the mailbox.
                actor.cast(Actor.act, [(0, "wait")])
            try:
                await actor.call(Actor.act_and_go_on, first, then)
            except (Unwelcome, NotSaved, StaleState, ServerDown):
                pass
            await settle()
            TOPIC.publish(-1)
            told = [await anext(heard)]
            while told[-1] != -1:
                told.append(await anext(heard))
        for crash in current_record().crashes:
            crash.expected = True
        return [it for it in told[:-1] if isinstance(it, int)]

    @settings(max_examples=200, deadline=None)
    @given(st.lists(DEEDS, max_size=8), st.lists(DEEDS, max_size=4), st.booleans())
    def tells(first: list[Deed], then: list[Deed], is_busy: bool) -> None:
        numbered = list(enumerate((*first, *then), start=1))
        one, other = numbered[: len(first)], numbered[len(first) :]

        assert stage.run(play(one, other, is_busy=is_busy)) == expected(one, other)

    with Stage("publishing", virtual_time=True) as stage:
        stage.run(start())
        tells()
