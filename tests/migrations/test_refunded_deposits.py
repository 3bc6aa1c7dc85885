"""Databases of the releases before 0005, in which no deposit knew that it had been given back."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from greenroom.infrastructure import DatabaseSettings, DatabaseUrl, migrate, migrations_of
from greenroom.infrastructure.database.connector import connector

BEFORE = """
INSERT INTO users (name, email, role) VALUES ('Nina', 'nina@example.test', 'artist');
INSERT INTO venues (name, city, capacity, time_zone, opening) VALUES ('Blue Note', 'Paris', 9, 'UTC', '[]');
INSERT INTO bookings (venue_id, artist_id, title, starts_at, ends_at, time_zone, status)
VALUES (1, 1, 'Bach', '2100-01-01T20:00:00.000Z', '2100-01-01T22:00:00.000Z', 'UTC', 'confirmed');
INSERT INTO bookings (venue_id, artist_id, title, starts_at, ends_at, time_zone, status)
VALUES (1, 1, 'Bach', '2100-01-02T20:00:00.000Z', '2100-01-02T22:00:00.000Z', 'UTC', 'confirmed');
INSERT INTO payments (booking_id, kind, amount, currency, status) VALUES (1, 'deposit', 5000, 'EUR', 'succeeded');
INSERT INTO payments (booking_id, kind, amount, currency, status) VALUES (2, 'deposit', 5000, 'EUR', 'succeeded');
INSERT INTO payments (booking_id, kind, refunds, amount, currency, status)
VALUES (1, 'refund', 1, 5000, 'EUR', 'succeeded');
INSERT INTO payments (booking_id, kind, refunds, amount, currency, status)
VALUES (2, 'refund', 2, 5000, 'EUR', 'declined')
"""
MARKED = """
SELECT deposit.id, deposit.refunded_at, refund.updated_at FROM payments AS deposit
JOIN payments AS refund ON refund.refunds = deposit.id WHERE deposit.refunded_at IS NOT NULL
"""
DEPOSIT = (
    "INSERT INTO payments (booking_id, kind, amount, currency, status) VALUES (:id, 'deposit', 1, 'EUR', 'pending')"
)


@pytest.fixture(params=["file", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseUrl:
    """A database at 0004, with one deposit that was refunded, and one whose refund was declined."""
    address = request.getfixturevalue("postgres_url") if request.param == "postgresql" else str(tmp_path / "test.db")
    found = DatabaseUrl.parse(address)
    older = tmp_path / "migrations"
    shutil.copytree(migrations_of("gigbook"), older, ignore=shutil.ignore_patterns("0005_*", "__pycache__"))
    migrate(found, older)
    with closing(connector(found, DatabaseSettings()).writer()) as session, session.schema_change() as connection:
        for statement in BEFORE.split(";"):
            connection.execute(text(statement))
    return found


def test_the_booking_of_a_refunded_deposit_may_be_paid_for_again_and_no_other(url: DatabaseUrl) -> None:
    migrate(url, migrations_of("gigbook"))

    with closing(connector(url, DatabaseSettings()).writer()) as session, session.schema_change() as connection:
        marked = connection.execute(text(MARKED)).all()
        assert [(id, at == refunded_at) for id, refunded_at, at in marked] == [(1, True)]
        connection.execute(text(DEPOSIT), {"id": 1})
        with pytest.raises(IntegrityError):
            connection.execute(text(DEPOSIT), {"id": 2})
