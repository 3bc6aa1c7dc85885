"""Group commit, and what becomes of it when the database fails."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import func, select

from greenroom import Ref, telemetry
from greenroom.infrastructure import (
    Conflict,
    Database,
    DatabaseBusy,
    DatabaseError,
    DatabaseSettings,
    DatabaseUrl,
    Degraded,
    Healthy,
    Insert,
    Invalid,
    Stale,
    Update,
)
from greenroom.infrastructure.database.connector import Connector, connector
from greenroom.infrastructure.database.delivery import Delivery
from greenroom.infrastructure.database.error import Reason
from greenroom.infrastructure.database.session import Session
from greenroom.infrastructure.database.writer import Writer
from greenroom.testing import Tree, settle_until
from tests.greenroom.infrastructure.database.commits import commits
from tests.greenroom.infrastructure.database.tables import create_tables, row, venues


async def test_changes_of_one_turn_share_a_commit(database: Ref[Database]) -> None:
    with commits() as found:
        added = await asyncio.gather(*(database.call(Database.insert, venues, {"name": f"V{n}"}) for n in range(100)))

    assert found == [100]
    assert [row(answer)["name"] for answer in added] == [f"V{n}" for n in range(100)]
    assert len({row(answer)["id"] for answer in added}) == 100


async def test_a_refused_change_leaves_its_neighbours_in_the_commit_alone(database: Ref[Database]) -> None:
    names = [f"V{n % 10}" for n in range(100)]
    with commits() as found:
        answers = await asyncio.gather(*(database.call(Database.insert, venues, {"name": name}) for name in names))

    assert found == [100]
    assert [isinstance(answer, Conflict) for answer in answers] == [False] * 10 + [True] * 90
    assert await database.call(Database.select, select(func.count().label("n")).select_from(venues)) == [{"n": 10}]


async def test_changes_of_the_same_row_in_one_commit_follow_each_other(database: Ref[Database]) -> None:
    await database.call(Database.insert, venues, {"name": "Blue Note"})

    with commits() as found:
        answers = await asyncio.gather(
            *(database.call(Database.update, venues, 1, {"seats": n}, version=n) for n in range(1, 40))
        )

    assert found == [39]
    assert [row(answer)["version"] for answer in answers] == list(range(2, 41))


@pytest.mark.parametrize(
    ("name", "seats", "version", "refused"),
    [
        ("V3", 3, 7, Stale("venues", 3, 7, 1)),
        ("v9", 3, 1, Conflict),
        ("V3", -1, 1, Invalid),
        (None, 3, 1, Invalid),
        ("\ud800", 3, 1, Invalid),
        ("V3", 1 << 80, 1, Invalid),
    ],
)
async def test_one_of_many_updates_of_whole_rows_that_is_refused_leaves_the_others_alone(
    database: Ref[Database], name: str | None, seats: int, version: int, refused: object
) -> None:
    for n in range(1, 10):
        await database.call(Database.insert, venues, {"name": f"V{n}"})
    values = {n: {"name": f"V{n}", "city": "Paris", "seats": n, "opened_at": None} for n in range(1, 10)}
    values[3] |= {"name": name, "seats": seats}

    with commits() as found:
        answers = await database.call(
            Database.write, [Update(venues, n, values[n], version if n == 3 else 1) for n in range(1, 10)]
        )

    assert found == [9]
    assert isinstance(answers[2], refused) if isinstance(refused, type) else answers[2] == refused
    assert [row(answers[n - 1]) for n in values if n != 3] == [
        {"id": n, **values[n], "version": 2} for n in values if n != 3
    ]
    kept = await database.call(Database.select, select(venues.c.id, venues.c.version).order_by(venues.c.id))
    assert [each["version"] for each in kept] == [1 if n == 3 else 2 for n in values]


async def test_a_batch_is_no_larger_than_the_settings_allow(tree: Tree, url: DatabaseUrl) -> None:
    create_tables(url)
    database = await tree.start(Database, url, settings=DatabaseSettings(max_batch=30))

    with commits() as found:
        await asyncio.gather(*(database.call(Database.insert, venues, {"name": f"V{n}"}) for n in range(100)))

    assert found == [30, 30, 30, 10]


async def test_a_change_too_many_is_refused_at_once(tree: Tree, url: DatabaseUrl) -> None:
    create_tables(url)
    database = await tree.start(Database, url, settings=DatabaseSettings(max_waiting=20))

    answers = await asyncio.gather(
        *(database.call(Database.insert, venues, {"name": f"V{n}"}) for n in range(30)), return_exceptions=True
    )

    assert [isinstance(answer, DatabaseBusy) for answer in answers] == [False] * 20 + [True] * 10
    assert all(answer.retry_is_safe for answer in answers if isinstance(answer, DatabaseBusy))
    assert row(await database.call(Database.insert, venues, {"name": "later"}))


async def test_of_many_writes_in_one_request_those_too_many_are_refused(tree: Tree, url: DatabaseUrl) -> None:
    create_tables(url)
    database = await tree.start(Database, url, settings=DatabaseSettings(max_waiting=20))

    answers = await database.call(Database.write, [Insert(venues, {"name": f"V{n}"}) for n in range(30)])

    assert [isinstance(answer, DatabaseBusy) for answer in answers] == [False] * 20 + [True] * 10
    assert await database.call(Database.select, select(func.count().label("n")).select_from(venues)) == [{"n": 20}]


# A database that fails when a test says so.


@dataclass
class Broken:
    """Opens real sessions, whose steps fail as often as `failures` says."""

    real: Connector
    url: DatabaseUrl
    failures: dict[str, list[Exception]] = field(default_factory=dict[str, list[Exception]])
    opened: int = 0
    gate: Event = field(default_factory=Event)
    reached: Event = field(default_factory=Event)

    def writer(self) -> Session:
        self.opened += 1
        self.fail("open")
        session = self.real.writer()
        begin, commit, probe = session.begin, session.commit, session.probe

        def begin_or_fail() -> None:
            self.fail("begin")
            begin()

        def commit_or_fail() -> None:
            self.reached.set()
            self.gate.wait()
            self.fail("commit")
            commit()

        def probe_or_fail(after: object) -> None:
            self.fail("probe")
            probe("io")

        vars(session).update(begin=begin_or_fail, commit=commit_or_fail, probe=probe_or_fail)
        return session

    def reader(self) -> Session:
        return self.real.reader()

    def fail(self, step: str) -> None:
        if waiting := self.failures.get(step):
            raise waiting.pop(0)


@dataclass
class Scene:
    """A writer on a database that may fail."""

    writer: Writer
    broken: Broken
    crashes: list[object]

    def insert(self, *names: str) -> asyncio.Future[list[object]]:
        """Put one insert for each name, together."""
        answers = [asyncio.get_running_loop().create_future() for _ in names]
        self.writer.put(
            [(Insert(venues, {"name": name}), answer.set_result) for name, answer in zip(names, answers, strict=True)]
        )
        return asyncio.gather(*answers)

    async def names(self) -> Sequence[str]:
        """The names that are in the database."""
        found = self.broken.real.reader()
        names = [
            row["name"] for row in found.read(select(venues.c.name).order_by(venues.c.id)) if isinstance(row, dict)
        ]
        found.close()
        return names

    async def healthy(self) -> None:
        """Wait until a probe has found the database in order."""
        await settle_until(lambda: isinstance(self.writer.health, Healthy), lambda: "expected the database to recover")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    url = DatabaseUrl.parse(str(tmp_path / "test.db"))
    create_tables(url)
    settings = DatabaseSettings(probe_interval=0.05)
    broken = Broken(connector(url, settings), url)
    broken.gate.set()
    crashes: list[object] = []
    writer = Writer(broken, settings, Delivery(asyncio.get_running_loop(), crashes.append))
    opened: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    writer.start(opened.set_result)
    await opened
    # Whoever listens is told in the loop, which then looks if what it waits for has become true.
    telemetry.attach(str(tmp_path), ("greenroom", "database", "recovery"), lambda event, measurements, metadata: None)
    yield Scene(writer, broken, crashes)
    telemetry.detach(str(tmp_path))
    broken.gate.set()
    await asyncio.to_thread(writer.close)


async def test_what_arrives_during_a_commit_shares_the_next_one(scene: Scene) -> None:
    scene.broken.gate.clear()
    with commits() as found:
        first = scene.insert("A")
        await asyncio.to_thread(scene.broken.reached.wait)
        rest = [scene.insert(name) for name in "BCDE"]
        scene.broken.gate.set()
        await asyncio.gather(first, *rest)

    assert found == [1, 4]


async def test_nothing_is_answered_before_the_commit(scene: Scene) -> None:
    scene.broken.gate.clear()
    answer = scene.insert("A")
    await asyncio.to_thread(scene.broken.reached.wait)

    assert not answer.done()
    assert await scene.names() == []

    scene.broken.gate.set()
    await answer
    assert await scene.names() == ["A"]


@pytest.mark.parametrize("reason", ["full", "io", "locked", "corrupt", "read_only"])
async def test_a_failed_commit_is_an_error_for_everyone_in_it(scene: Scene, reason: Reason) -> None:
    scene.broken.failures["commit"] = [DatabaseError(reason, "as the test says", maybe_applied=reason == "io")]

    answers = await scene.insert("A", "B", "C")

    assert [(answer.reason, answer.maybe_applied) for answer in answers if isinstance(answer, DatabaseError)] == [
        (reason, reason == "io")
    ] * 3
    assert await scene.names() == []


async def test_each_caller_gets_an_error_of_its_own(scene: Scene) -> None:
    scene.broken.failures["commit"] = [DatabaseError("full", "as the test says")]

    one, other = await scene.insert("A", "B")

    assert one is not other


async def test_the_writer_recovers_by_itself(scene: Scene) -> None:
    scene.broken.failures["commit"] = [DatabaseError("io", "as the test says")]
    await scene.insert("A")

    await scene.healthy()

    assert row((await scene.insert("B"))[0])["name"] == "B"
    assert await scene.names() == ["B"]
    assert scene.broken.opened == 2


async def test_while_the_database_is_out_of_order_changes_are_refused_at_once(scene: Scene) -> None:
    failure = DatabaseError("full", "as the test says")
    scene.broken.failures["commit"] = [failure]
    scene.broken.failures["probe"] = [failure] * 5
    await scene.insert("A")

    assert isinstance(scene.writer.health, Degraded)
    assert (scene.writer.health.reason, scene.writer.health.detail) == ("full", "as the test says")
    (refused,) = await scene.insert("B")
    assert isinstance(refused, DatabaseError)
    assert refused.retry_is_safe

    await scene.healthy()
    assert scene.broken.failures["probe"] == []


async def test_a_connection_that_is_lost_before_the_commit_costs_nobody_anything(scene: Scene) -> None:
    scene.broken.failures["begin"] = [DatabaseError("lost", "the server went away")]

    answers = await scene.insert("A", "B")

    assert [row(answer)["name"] for answer in answers] == ["A", "B"]
    assert scene.broken.opened == 2


async def test_a_server_that_stays_away_is_an_error_and_nothing_was_applied(scene: Scene) -> None:
    lost = DatabaseError("lost", "the server went away")
    scene.broken.failures["begin"] = [lost]
    scene.broken.failures["open"] = [lost] * 3

    (answer,) = await scene.insert("A")

    assert isinstance(answer, DatabaseError)
    assert answer.reason == "lost"
    assert not answer.maybe_applied
    await scene.healthy()
    assert await scene.names() == []


async def test_a_connection_that_is_lost_during_the_commit_is_not_tried_again(scene: Scene) -> None:
    scene.broken.failures["commit"] = [DatabaseError("lost", "the server went away", maybe_applied=True)]

    (answer,) = await scene.insert("A")

    assert isinstance(answer, DatabaseError)
    assert answer.maybe_applied
    assert not answer.retry_is_safe
    assert await scene.names() == []


async def test_close_finishes_what_was_put(scene: Scene) -> None:
    scene.broken.gate.clear()
    answers = [scene.insert(name) for name in "ABC"]
    closing = asyncio.ensure_future(asyncio.to_thread(scene.writer.close))
    scene.broken.gate.set()

    await closing

    assert [row((await answer)[0])["name"] for answer in answers] == ["A", "B", "C"]


async def test_an_abandoned_writer_finishes_its_transaction_and_drops_the_rest(scene: Scene) -> None:
    scene.broken.gate.clear()
    first = scene.insert("A")
    await asyncio.to_thread(scene.broken.reached.wait)
    second = scene.insert("B")

    scene.writer.abandon()
    scene.broken.gate.set()
    await asyncio.to_thread(scene.writer.close)

    assert row((await first)[0])["name"] == "A"
    assert not second.done()
    assert await scene.names() == ["A"]
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second


async def test_a_suspicion_that_is_unfounded_changes_nothing(scene: Scene) -> None:
    scene.writer.suspect("io")

    assert row((await scene.insert("A"))[0])["name"] == "A"
    assert scene.writer.health == Healthy()


async def test_a_suspicion_that_is_founded_is_noticed_without_a_change(scene: Scene) -> None:
    scene.broken.failures["probe"] = [DatabaseError("io", "as the test says")]

    scene.writer.suspect("io")

    await settle_until(lambda: not scene.broken.failures["probe"], lambda: "expected a probe")
    await scene.healthy()


async def test_a_thread_that_ends_by_a_fault_of_its_own_is_told(scene: Scene) -> None:
    fault = LookupError("as the test says")
    scene.broken.failures["probe"] = [fault]

    scene.writer.suspect("io")

    await settle_until(lambda: scene.crashes == [fault], lambda: "expected to be told of the crash")
