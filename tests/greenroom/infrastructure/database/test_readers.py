"""Reads on connections of their own: as many as are needed, and again when one is lost."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import pytest
from sqlalchemy import func, literal, select

from greenroom import Ref
from greenroom.infrastructure import Database, DatabaseBusy, DatabaseError, DatabaseSettings, DatabaseUrl, Healthy
from greenroom.infrastructure.database.delivery import Delivery
from greenroom.infrastructure.database.error import Reason
from greenroom.infrastructure.database.readers import Readers
from greenroom.infrastructure.database.task import Read
from greenroom.testing import Tree
from tests.greenroom.infrastructure.database.tables import create_tables, venues

QUERY = select(venues.c.name)


@dataclass
class Desk:
    """Opens sessions that answer with the name of their thread, when a test lets them."""

    failures: list[DatabaseError] = field(default_factory=list[DatabaseError])
    refusals: list[DatabaseError] = field(default_factory=list[DatabaseError])
    gate: threading.Event = field(default_factory=threading.Event)
    opened: int = 0
    closed: int = 0

    def reader(self) -> "Desk":
        self.opened += 1
        if self.refusals:
            raise self.refusals.pop()
        return self

    def read(self, query: Read) -> Sequence[dict[str, str]]:
        self.gate.wait()
        if self.failures:
            raise self.failures.pop()
        return [{"thread": threading.current_thread().name}]

    def close(self) -> None:
        self.closed += 1


@dataclass
class Suspicions:
    """Stands for the writer, which is told of readers that fail."""

    reasons: list[Reason] = field(default_factory=list[Reason])

    def suspect(self, reason: Reason) -> None:
        self.reasons.append(reason)


@dataclass
class Looks:
    """Stands for the loop's timers: the pool looks again when the test says so."""

    due: list[Callable[[], object]] = field(default_factory=list[Callable[[], object]])

    def note(self, _: float, look: Callable[[], object]) -> None:
        self.due.append(look)


@dataclass
class Pool:
    readers: Readers
    desk: Desk
    suspicions: Suspicions

    def read(self) -> asyncio.Future[object]:
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self.readers.put(QUERY, answer.set_result)
        return answer


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    desk, suspicions, loop = Desk(), Suspicions(), asyncio.get_running_loop()
    desk.gate.set()
    crashes: list[object] = []
    readers = Readers(desk, 3, Delivery(loop, crashes.append), suspicions, loop)  # type: ignore[arg-type]  # they stand for the real ones
    yield Pool(readers, desk, suspicions)
    desk.gate.set()
    await asyncio.to_thread(readers.close)
    assert crashes == []


async def test_no_thread_is_there_before_the_first_read(pool: Pool) -> None:
    assert pool.desk.opened == 0


async def test_quick_reads_share_one_thread(pool: Pool) -> None:
    answers = [await pool.read() for _ in range(50)]

    assert answers == [[{"thread": "greenroom-database-reader-1"}]] * 50
    assert pool.desk.opened == 1


async def test_slow_reads_get_more_threads_up_to_the_limit(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    pool.desk.gate.clear()
    looks = Looks()
    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", looks.note)
    answers = asyncio.gather(*(pool.read() for _ in range(20)))

    while looks.due:
        looks.due.pop()()
    while pool.desk.opened < 3:  # noqa: ASYNC110  # nothing tells of a thread that starts
        await asyncio.sleep(0.001)
    pool.desk.gate.set()

    assert len(await answers) == 20
    assert pool.desk.opened == 3


async def test_a_read_on_a_lost_connection_is_done_again(pool: Pool) -> None:
    await pool.read()
    pool.desk.failures = [DatabaseError("lost", "as the test says")]

    assert await pool.read() == [{"thread": "greenroom-database-reader-1"}]
    assert (pool.desk.opened, pool.desk.closed) == (2, 1)
    assert pool.suspicions.reasons == []


async def test_a_read_that_fails_again_is_an_error_and_a_suspicion(pool: Pool) -> None:
    await pool.read()
    pool.desk.failures = [DatabaseError("io", "as the test says"), DatabaseError("io", "as the test says")]

    answer = await pool.read()

    assert isinstance(answer, DatabaseError)
    assert pool.suspicions.reasons == ["io"]
    assert await pool.read()


async def test_a_wrong_query_keeps_its_connection(pool: Pool) -> None:
    await pool.read()
    pool.desk.failures = [DatabaseError("statement", "as the test says")]

    assert isinstance(await pool.read(), DatabaseError)
    assert pool.desk.opened == 1


async def test_a_server_without_connections_to_spare_leaves_the_pool_smaller(pool: Pool) -> None:
    await pool.read()
    pool.desk.refusals = [DatabaseError("lost", "too many connections")] * 100
    pool.desk.gate.clear()
    answers = asyncio.gather(*(pool.read() for _ in range(5)))
    while pool.desk.opened < 4:  # noqa: ASYNC110  # nothing tells of a thread that ends
        await asyncio.sleep(0.001)
    pool.desk.gate.set()

    assert await answers == [[{"thread": "greenroom-database-reader-1"}]] * 5


async def test_close_finishes_what_was_asked_for(pool: Pool) -> None:
    pool.desk.gate.clear()
    answers = asyncio.gather(*(pool.read() for _ in range(5)))
    closing = asyncio.ensure_future(asyncio.to_thread(pool.readers.close))
    pool.desk.gate.set()

    await closing

    assert len(await answers) == 5
    assert pool.desk.opened == pool.desk.closed


async def test_a_read_too_many_is_refused_at_once(tree: Tree, url: DatabaseUrl) -> None:
    create_tables(url)
    database = await tree.start(Database, url, settings=DatabaseSettings(max_waiting=5))

    answers = await asyncio.gather(*(database.call(Database.select, QUERY) for _ in range(30)), return_exceptions=True)

    busy = [answer for answer in answers if isinstance(answer, DatabaseBusy)]
    assert 0 < len(busy) <= 25
    assert all(answer == [] for answer in answers if not isinstance(answer, DatabaseBusy))


async def test_many_reads_at_once_are_all_answered(database: Ref[Database]) -> None:
    for n in range(10):
        await database.call(Database.insert, venues, {"name": f"V{n}"})

    found = await asyncio.gather(*(database.call(Database.select, QUERY.where(venues.c.id == n)) for n in range(1, 11)))

    assert [rows[0]["name"] for rows in found] == [f"V{n}" for n in range(10)]


async def test_a_query_that_takes_too_long_is_ended_and_its_reader_serves_others(tree: Tree, url: DatabaseUrl) -> None:
    create_tables(url)
    settings = DatabaseSettings(read_timeout=0.05)
    database = await tree.start(Database, url, max_connections=2, settings=settings)
    numbers = select(literal(1).label("number")).cte(recursive=True)
    endless = select(func.count()).select_from(numbers.union_all(select(numbers.c.number + 1)))

    with pytest.raises(DatabaseError) as raised:
        await database.call(Database.select, endless)

    assert raised.value.reason == "slow"
    assert await answered(database) == []
    assert await database.call(Database.health) == Healthy()


async def answered(database: Ref[Database]) -> Sequence[object]:
    """What is there, however often a busy machine takes too long for it."""
    while True:
        try:
            return await database.call(Database.select, QUERY)
        except DatabaseError as error:
            if error.reason != "slow":
                raise
