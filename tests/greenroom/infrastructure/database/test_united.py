"""Which transactions go together, and that each of them is answered as if it had been alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, delete, select

from greenroom.infrastructure import (
    Conflict,
    DatabaseError,
    DatabaseSettings,
    DatabaseUrl,
    Delete,
    Execute,
    Insert,
    Invalid,
    Refused,
    Returning,
    Row,
    Stale,
    Step,
    Update,
)
from greenroom.infrastructure.database.bulk import BulkOperations
from greenroom.infrastructure.database.change import Change
from greenroom.infrastructure.database.connector import connector
from greenroom.infrastructure.database.session import Session
from greenroom.infrastructure.database.task import Transaction, Write, Written
from greenroom.infrastructure.database.united import Apart, may_unite, perform_united
from tests.greenroom.infrastructure.database.tables import bookings, create_tables, row, tickets, venues


@pytest.fixture
def session(postgres_url: str) -> Iterator[Session]:
    url = DatabaseUrl.parse(postgres_url)
    create_tables(url)
    with closing(connector(url, DatabaseSettings()).writer()) as session:
        session.begin()
        yield session


def founding(name: str | None, **more: Any) -> Transaction:
    """A venue, and a booking of it."""
    venue = Returning(Insert(venues, {"name": name}))
    values = {"slot": 1, "artist": "Nina", **more}
    return Transaction((venue, lambda _: Insert(bookings, {"id": name, "venue_id": venue.row["id"], **values})))


def test_each_gets_its_own_rows(session: Session) -> None:
    answers = session.carry_out([founding(f"V{n}") for n in range(50)])

    for n, (venue, booking) in enumerate(map(rows, answers)):
        assert (venue["name"], booking["id"], booking["venue_id"]) == (f"V{n}", f"V{n}", venue["id"])


def rows(answer: Written | DatabaseError) -> tuple[Row, ...]:
    assert isinstance(answer, tuple), answer
    return answer


@pytest.mark.parametrize("bad", [{0}, {31}, {1, 2, 17}, set(range(32))])
def test_one_that_is_refused_spares_its_neighbours(session: Session, bad: set[int]) -> None:
    answers = session.carry_out([founding(f"V{n}", slot=None if n in bad else n) for n in range(32)])

    assert {n for n, answer in enumerate(answers) if isinstance(answer, Refused)} == bad
    assert all(isinstance(answer.refusal, Invalid) for answer in answers if isinstance(answer, Refused))
    found = session.read(select(venues))
    assert {row(each)["name"] for each in found} == {f"V{n}" for n in range(32) if n not in bad}


def test_one_that_is_stale_spares_its_neighbours(session: Session) -> None:
    session.carry_out([Insert(venues, {"name": name}) for name in "ABC"])

    answers = session.carry_out(
        [
            Transaction((Update(venues, 1, {"city": "Paris"}, 1), Insert(bookings, booking("a", 1)))),
            Transaction((Update(venues, 2, {"city": "Rome"}, 7), Insert(bookings, booking("b", 2)))),
            Update(venues, 3, {"city": "Oslo"}, 7),
            Transaction((Update(venues, 3, {"city": "Oslo"}, 1), Insert(bookings, booking("c", 3)))),
        ]
    )

    assert [type(answer) for answer in answers] == [tuple, Refused, Stale, tuple]
    assert answers[1] == Refused(0, Stale("venues", 2, 7, 1))
    assert [row(each)["id"] for each in session.read(select(bookings).order_by(bookings.c.id))] == ["a", "c"]


def booking(id: str, venue: int) -> dict[str, object]:
    return {"id": id, "venue_id": venue, "slot": 1, "artist": "Nina"}


def test_two_that_take_the_same_are_carried_out_in_their_order(session: Session) -> None:
    first, second = session.carry_out([founding("Blue Note"), founding("blue note")])

    assert len(rows(first)) == 2
    assert second == Refused(0, Conflict("venues", "idx_venues_name", ("name",)))


def test_together_they_are_a_statement_for_each_round(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    perform_all = BulkOperations.perform_all

    def counted(self: BulkOperations, changes: Sequence[Change]) -> Any:
        sent.append(len(changes))
        return perform_all(self, changes)

    monkeypatch.setattr(BulkOperations, "perform_all", counted)
    session.carry_out([founding(f"V{n}") for n in range(100)])

    assert sent == [100, 100]


# What may not go together: to carry it out in rounds might be something else than one after the other.


reminders = Table("reminders", MetaData(), Column("id", Integer, primary_key=True))


def clear(_: Sequence[Row]) -> Execute:
    """Remove all venues."""
    return Execute(delete(venues))


BLUE = Insert(venues, {"name": "Blue Note"})
BOOKING = Insert(bookings, booking("a", 7))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param((BOOKING, BLUE), (Update(venues, 1, {"name": "Vanguard"}),), id="a name is given up"),
        pytest.param((BLUE, Update(venues, 1, {"city": "Rome"})), (BOOKING,), id="a row is new in the round before"),
        pytest.param((BLUE, Insert(venues, {"name": "B"}), Update(venues, 1, {"city": "Rome"})), (), id="long before"),
        pytest.param((BOOKING, Delete(venues, 1)), (), id="what refers to a row is gone"),
        pytest.param((Insert(tickets, {}), BOOKING), (Insert(venues, {"id": 7, "name": "V"}),), id="a neighbour's row"),
        pytest.param((BOOKING, clear), (), id="who knows what"),
        pytest.param((BLUE, Insert(tickets, {"id": 1}, replace=True)), (Delete(tickets, 1),), id="a row is replaced"),
    ],
)
def test_what_might_be_made_possible_by_a_neighbour_goes_apart(first: Sequence[Step], second: Sequence[Step]) -> None:
    with pytest.raises(Apart):
        perform_united([Transaction(tuple(first)), Transaction(tuple(second))], pretend)


def pretend(changes: Sequence[Change]) -> Sequence[Row]:
    """Carry nothing out, and answer with rows."""
    return [{"id": 1, **change.values} if isinstance(change, Insert) else {} for change in changes]


def test_what_keeps_out_of_the_way_goes_together() -> None:
    writes: list[Write] = [
        Transaction((Update(venues, 1, {"city": "Rome"}), BOOKING, Insert(tickets, {"booking_id": "a"}))),
        Transaction((Update(venues, 1, {"city": "Oslo"}), Insert(tickets, {"booking_id": "b"}))),
        Delete(venues, 2),
        Transaction((Insert(bookings, booking("c", 1)), Insert(tickets, {}), Insert(tickets, {}))),
        Transaction(()),
        Transaction((Insert(bookings, booking("d", 1)), Delete(reminders, 1, optional=True))),
        Transaction((Insert(bookings, booking("e", 1)), Insert(reminders, {"id": 2}, replace=True))),
    ]

    answers = perform_united(writes, pretend)

    assert [len(answer) for answer in answers if isinstance(answer, tuple)] == [3, 2, 3, 0, 2, 2]
    assert answers[2] == {}


@pytest.mark.parametrize("write", [Execute(delete(venues)), Transaction((BLUE, Execute(delete(venues))))], ids=type)
def test_who_knows_what_goes_apart_from_the_beginning(write: Execute | Transaction) -> None:
    assert not may_unite(write)


# Whatever goes together comes out as one after the other.


def named(id: int, name: str) -> Insert:
    return Insert(venues, {"id": id, "name": name})


BEFORE = [
    named(1, "a"),
    named(2, "b"),
    Insert(bookings, booking("a", 1)),
    Insert(tickets, {"id": 1, "booking_id": "a"}),
]

# Each is possible by itself, now or after another: what one gives up another may take.
STEPS: list[Change] = [
    named(3, "a"),
    named(3, "c"),
    named(4, "b"),
    Insert(venues, {"id": 2, "name": "d"}, replace=True),
    Update(venues, 1, {"name": "c"}),
    Update(venues, 2, {"name": "d"}),
    Update(venues, 3, {"name": "e"}),
    Update(venues, 1, {"city": "Rome"}, 1),
    Delete(venues, 1),
    Delete(venues, 2),
    Insert(bookings, booking("b", 2)),
    Insert(bookings, booking("c", 3)),
    Insert(bookings, booking("d", 1)),
    Update(bookings, "a", {"venue_id": 2}),
    Delete(bookings, "a"),
    Delete(bookings, "b", optional=True),
    Insert(tickets, {"id": 2, "booking_id": "b"}),
    Insert(tickets, {"id": 1, "booking_id": "b"}, replace=True),
    Insert(tickets, {"id": 1, "booking_id": "c"}),
    Delete(tickets, 1),
    Delete(tickets, 2, optional=True),
]
STEP = st.sampled_from(STEPS)
WRITE = STEP | st.lists(STEP, max_size=3).map(lambda steps: Transaction(tuple(steps)))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(WRITE, min_size=2, max_size=3))
def test_together_writes_come_out_as_one_after_the_other(session: Session, batch: Sequence[Write]) -> None:
    together = outcomes(session, [batch])
    apart = outcomes(session, [[write] for write in batch])

    assert together == apart


def outcomes(session: Session, batches: Sequence[Sequence[Write]]) -> object:
    session.rollback()
    session.begin()
    session.carry_out(BEFORE)
    found = [essence(answer) for batch in batches for answer in session.carry_out(batch)]
    return found, [session.read(select(table).order_by(table.c.id)) for table in (venues, bookings, tickets)]


def essence(answer: Written | DatabaseError) -> object:
    """What does not depend on how it was found out: PostgreSQL names one of the broken rules, and any may be it."""
    return (answer.at, type(answer.refusal)) if isinstance(answer, Refused) else answer
