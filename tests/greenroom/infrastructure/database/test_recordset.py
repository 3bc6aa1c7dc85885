"""Rows that are sent as JSON are stored, answered and refused like rows that are sent one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
)

from greenroom.infrastructure import DatabaseSettings, DatabaseUrl, Insert, Update, UtcTimestamp, Values
from greenroom.infrastructure.database.bulk import shape
from greenroom.infrastructure.database.connector import connector
from greenroom.infrastructure.database.session import Session

things = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("small", SmallInteger),
    Column("number", Integer),
    Column("big", BigInteger),
    Column("yes", Boolean),
    Column("text", Text),
    Column("short", String(3)),
    Column("data", LargeBinary),
    Column("day", Date),
    Column("at", UtcTimestamp),
    Column("version", Integer, nullable=False, server_default="1"),
)

prices = Table("prices", MetaData(), Column("id", Integer, primary_key=True), Column("price", Numeric))

VALUES = st.fixed_dictionaries(
    {
        "small": st.none() | st.integers(-(2**15) - 1, 2**15),
        "number": st.none() | st.integers(-(2**31) - 1, 2**31),
        "big": st.none() | st.integers(-(2**63) - 1, 2**64 + 1),
        "yes": st.none() | st.booleans(),
        "text": st.none() | st.text(st.characters()),
        "short": st.none() | st.text(max_size=4),
        "data": st.none() | st.binary(),
        "day": st.none() | st.dates(),
        "at": st.none()
        | st.datetimes(timezones=st.just(UTC))
        | st.datetimes(timezones=st.just(timezone(timedelta(hours=9)))),
    }
)


@pytest.fixture
def session(postgres_url: str) -> Iterator[Session]:
    with closing(connector(DatabaseUrl.parse(postgres_url), DatabaseSettings()).writer()) as session:
        with session.schema_change() as connection:
            things.metadata.create_all(connection)
        yield session


def outcomes(session: Session, rows: Sequence[Values], *, together: bool) -> list[object]:
    """What becomes of the rows when they are added, and added again by updates of one row each."""
    found: list[object] = []
    session.begin()
    session.carry_out([Insert(things, {"id": at}) for at in range(len(rows))])
    inserts = [Insert(things, {**row, "id": at + len(rows)}) for at, row in enumerate(rows)]
    updates = [Update(things, at, row, 1) for at, row in enumerate(rows)]
    for changes in (inserts, updates):
        found += session.carry_out(changes) if together else [session.carry_out([change])[0] for change in changes]
    session.rollback()
    return found


# Each example is rolled back, so that all of them can have the one database.
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(VALUES, min_size=2, max_size=6))
def test_together_the_rows_are_what_they_are_alone(session: Session, rows: Sequence[Values]) -> None:
    assert outcomes(session, rows, together=True) == outcomes(session, rows, together=False)


def test_the_rows_are_sent_together(session: Session) -> None:
    moment = datetime(2026, 11, 21, 20, 0, 0, 123456, tzinfo=UTC)
    values = {
        "big": 2**62,
        "yes": True,
        "text": 'Zo\u00eb \\ "x"',
        "data": b"\\x00",
        "day": date(1, 1, 1),
        "at": moment,
    }

    assert shape(Insert(things, values)) == shape(Insert(things, dict.fromkeys(values)))
    assert shape(Insert(things, values)) is not None


@pytest.mark.parametrize(
    "change",
    [
        Insert(things, {"number": "7"}),
        Insert(things, {"text": 7}),
        Insert(things, {"yes": 1}),
        Insert(things, {"day": datetime(2026, 11, 21, tzinfo=UTC)}),
        Insert(things, {"name": "Blue Note"}),
        Insert(prices, {"price": Decimal(7)}),
        Update(things, "7", {"number": 7}),
    ],
    ids=lambda change: str(change.values),
)
def test_what_json_may_not_keep_as_it_is_goes_alone(change: Insert | Update) -> None:
    assert shape(change) is None
