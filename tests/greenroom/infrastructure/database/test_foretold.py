"""Rows that are known without being read back."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Column, Float, Integer, MetaData, Table, Text, create_engine, text

from greenroom.infrastructure import DatabaseSettings, DatabaseUrl, Insert, Update, UtcTimestamp
from greenroom.infrastructure.database.connector import connector
from greenroom.infrastructure.database.statement import Statements
from tests.greenroom.infrastructure.database.tables import create_tables, row, venues

STATEMENTS = Statements(create_engine("sqlite://").dialect)

songs = Table(
    "songs",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("title", Text),
    Column("plays", Integer, server_default="7"),
    Column("added_at", UtcTimestamp, server_default=text("now()")),
)


def test_an_insert_that_leaves_a_value_to_the_database_has_to_read_it() -> None:
    assert STATEMENTS.insert(songs, ("title", "plays")).foretold is None


def test_an_insert_of_everything_but_key_and_plain_numbers_is_foretold() -> None:
    assert STATEMENTS.insert(songs, ("title", "added_at")).foretold is not None


def test_what_stays_of_a_row_that_is_replaced_has_to_be_read() -> None:
    assert STATEMENTS.insert(songs, ("id", "title", "added_at"), True).foretold is None
    assert STATEMENTS.insert(songs, ("id", "title", "plays", "added_at"), True).foretold is not None


def test_a_default_number_is_written_out() -> None:
    foretold = STATEMENTS.insert(songs, ("title", "added_at")).foretold

    assert foretold is not None
    assert foretold.plan.sql == "INSERT INTO songs (title, plays, added_at) VALUES (?, 7, ?)"


def test_a_default_in_python_is_refused() -> None:
    posters = Table("posters", MetaData(), Column("id", Integer, primary_key=True), Column("size", Integer, default=3))

    with pytest.raises(ValueError, match=r"expected values or server defaults .* got none for \['size'\]"):
        STATEMENTS.insert(posters, ())


def test_a_type_that_may_round_has_to_be_read() -> None:
    prices = Table("prices", MetaData(), Column("id", Integer, primary_key=True), Column("price", Float))

    assert STATEMENTS.insert(prices, ("price",)).foretold is None


@pytest.mark.parametrize(
    ("values", "accepted"),
    [
        ({"title": "Feeling Good", "added_at": datetime.now(UTC)}, True),
        ({"title": None, "added_at": None}, True),
        ({"title": 5, "added_at": None}, False),
        ({"title": "Feeling Good", "added_at": "yesterday"}, False),
    ],
)
def test_only_values_of_a_columns_own_type_are_foretold(values: dict[str, object], accepted: bool) -> None:
    foretold = STATEMENTS.insert(songs, tuple(values)).foretold

    assert foretold is not None
    assert foretold.accepts(values) == accepted
    assert foretold.accepts(values) == accepted


def test_an_update_is_foretold_when_every_column_and_the_version_are_given() -> None:
    given = ("name", "city", "seats", "opened_at")

    assert STATEMENTS.update(venues, given, True).foretold is not None
    assert STATEMENTS.update(venues, given, False).foretold is None
    assert STATEMENTS.update(venues, given[:-1], True).foretold is None


def test_what_is_foretold_is_what_is_stored(tmp_path: Path) -> None:
    url = DatabaseUrl.parse(str(tmp_path / "test.db"))
    create_tables(url)
    values = {"name": "Blue Note", "city": None, "seats": 3, "opened_at": datetime.now(UTC)}
    with closing(connector(url, DatabaseSettings()).writer()) as session:
        session.begin()

        (added,) = session.carry_out([Insert(venues, values)])
        (read,) = session.carry_out([Update(venues, 1, {"seats": 3})])
        (changed,) = session.carry_out([Update(venues, 1, values, 2)])

        assert {**row(added), "version": 2} == read
        assert {**row(read), "version": 3} == changed
        session.rollback()
