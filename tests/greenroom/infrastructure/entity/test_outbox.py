"""Writes that begin in one turn of the loop go to the database together, and each is answered for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from greenroom import GenServer, NotAHandler, NotRunning, Ref, Reply, ServerDown, child
from greenroom.infrastructure import Database, Insert, Row
from greenroom.infrastructure.database.task import Write
from greenroom.infrastructure.entity.outbox import WAVE, Outbox
from greenroom.testing import Tree
from tests.greenroom.infrastructure.entity.venues import notes


@dataclass
class Clerk(GenServer):
    """Stands in for the database: notes what it is asked for, and answers with where each write was."""

    requests: list[int] = field(default_factory=list[int])

    async def write(self, writes: Sequence[Write]) -> Sequence[Row]:
        self.requests.append(len(writes))
        return [{"at": at} for at in range(len(writes))]

    async def asked(self) -> list[int]:
        return self.requests


class Leaver(GenServer):
    """Stands in for the database: leaves instead of answering."""

    def write(self, writes: Sequence[Write]) -> Reply[object]:
        self.stop()
        return Reply()


class Stranger(GenServer):
    """Has the name of the database, and is none."""


def note(id: str) -> Insert:
    return Insert(notes, {"id": id, "text": ""})


async def test_what_begins_in_one_turn_is_one_request(tree: Tree) -> None:
    clerk = await tree.start_supervised(child(Clerk).named("database"))
    outbox = Outbox(Ref(Database, "database"))

    answers = await asyncio.gather(*(outbox.put(note(id)) for id in "abc"))
    later = await outbox.put(note("d"))

    assert [*answers, later] == [{"at": 0}, {"at": 1}, {"at": 2}, {"at": 0}]
    assert await clerk.call(Clerk.asked) == [3, 1]


async def test_many_are_answered_in_waves(tree: Tree) -> None:
    await tree.start_supervised(child(Clerk).named("database"))
    outbox = Outbox(Ref(Database, "database"))
    answers = [outbox.put(note(str(n))) for n in range(2 * WAVE + 1)]
    told: list[int] = []
    answers[-1].add_done_callback(lambda _: told.append(sum(answer.done() for answer in answers)))
    answers[0].add_done_callback(lambda _: told.append(sum(answer.done() for answer in answers)))

    await asyncio.gather(*answers)
    await asyncio.sleep(0)

    assert told == [WAVE, 2 * WAVE + 1]


async def test_that_the_database_is_not_there_is_the_answer(tree: Tree) -> None:
    assert isinstance(await Outbox(Ref(Database, "database")).put(note("a")), NotRunning)


async def test_that_the_database_went_away_is_the_answer(tree: Tree) -> None:
    await tree.start_supervised(child(Leaver).named("database"))

    assert isinstance(await Outbox(Ref(Database, "database")).put(note("a")), ServerDown)


async def test_that_somebody_else_has_the_name_of_the_database_fails_whoever_asks(tree: Tree) -> None:
    await tree.start_supervised(child(Stranger).named("database"))
    outbox = Outbox(Ref(Database, "database"))

    outcomes = await asyncio.gather(outbox.put(note("a")), outbox.put(note("b")), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [NotAHandler, NotAHandler]


async def test_who_waits_no_more_is_in_nobodys_way(tree: Tree) -> None:
    await tree.start_supervised(child(Clerk).named("database"))
    outbox = Outbox(Ref(Database, "database"))
    first, second = outbox.put(note("a")), outbox.put(note("b"))

    first.cancel()

    assert await second == {"at": 1}
