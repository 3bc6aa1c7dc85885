"""The schema that the migrations make, which is the one that Gigbook's tables describe."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text

from gigbook.business.bookings.table import bookings, diaries
from gigbook.business.customers.table import customers
from gigbook.business.once import keys
from gigbook.business.payments.ledger import ledger
from gigbook.business.payments.table import payments
from gigbook.business.users.table import users
from gigbook.business.venues.table import venues
from greenroom.infrastructure import DatabaseSettings, DatabaseUrl, migrate, migrations_of
from greenroom.infrastructure.database.connector import connector
from greenroom.infrastructure.migration import revisions

LOCATION = migrations_of("gigbook")

ADD = text("INSERT INTO customers (name, email) VALUES (:name, :email) RETURNING id, version, created_at, updated_at")


@pytest.fixture(params=["file", "postgresql"])
def schema(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a migrated database."""
    text = request.getfixturevalue("postgres_url") if request.param == "postgresql" else str(tmp_path / "test.db")
    url = DatabaseUrl.parse(text)
    migrate(url, LOCATION)
    with closing(connector(url, DatabaseSettings()).writer()) as session, session.schema_change() as connection:
        yield connection


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_tables_of_the_program_are_those_of_the_migrations(schema: Connection) -> None:
    metadata = MetaData()
    for table in (customers, keys, users, venues, diaries, bookings, payments, ledger):
        table.to_metadata(metadata)

    differences = compare_metadata(MigrationContext.configure(schema, opts={"compare_type": True}), metadata)

    # What only the database needs to know (indexes, references, triggers, other tables) is not repeated in the program.
    assert [it for it in flat(differences) if it[0] not in {"remove_table", "remove_index", "remove_fk"}] == []


def flat(differences: Any) -> Iterator[tuple[Any, ...]]:
    for difference in differences:
        yield from difference if isinstance(difference, list) else [difference]


def test_the_names_of_the_migrations_are_their_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(LOCATION))

    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]

    assert found[::-1] == list(revisions(LOCATION))


def test_a_customer_that_is_added_by_hand_is_complete(schema: Connection) -> None:
    added = schema.execute(ADD, {"name": "Ada", "email": "ada@example.com"}).one()

    assert (added.id, added.version) == (1, 1)
    assert added.created_at == added.updated_at


def test_addresses_that_differ_by_case_alone_are_one(schema: Connection) -> None:
    schema.execute(ADD, {"name": "Ada", "email": "ada@example.com"})

    with pytest.raises(Exception, match="idx_customers_email"):
        schema.execute(ADD, {"name": "Ada", "email": "Ada@Example.com"})


def test_a_change_by_hand_touches_the_row(schema: Connection) -> None:
    added = schema.execute(ADD, {"name": "Ada", "email": "ada@example.com"}).one()
    time.sleep(0.002)  # the clock of the database is real

    schema.execute(text("UPDATE customers SET name = 'Ada Lovelace'"))

    changed = schema.execute(text("SELECT version, created_at, updated_at FROM customers")).one()
    assert changed.version == 2
    assert changed.created_at == added.created_at
    assert changed.updated_at > added.updated_at


def test_a_change_by_the_program_is_left_as_it_is(schema: Connection) -> None:
    schema.execute(ADD, {"name": "Ada", "email": "ada@example.com"})

    schema.execute(text("UPDATE customers SET updated_at = '2030-01-01T00:00:00.000Z', version = 7"))

    changed = schema.execute(text("SELECT version, updated_at FROM customers")).one()
    assert changed.version == 7
    assert str(changed.updated_at).startswith("2030-01-01")


def test_customers_are_found_by_their_address_through_the_index(schema: Connection) -> None:
    schema.execute(ADD, {"name": "Ada", "email": "ada@example.com"})
    explain = "EXPLAIN QUERY PLAN" if schema.dialect.name == "sqlite" else "EXPLAIN"
    if schema.dialect.name != "sqlite":
        schema.execute(text("SET enable_seqscan = off"))

    plan = schema.execute(
        text(f"{explain} SELECT id FROM customers WHERE lower(email) = lower('ADA@example.com')")
    ).all()

    assert "idx_customers_email" in str(plan)
