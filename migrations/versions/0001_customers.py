"""Customers, and the keys that make a repeated request safe."""

import sqlalchemy as sa
from alembic import op

from greenroom.infrastructure import UtcTimestamp

revision = "0001"
down_revision = None

# SQLite numbers rows by itself only where the type is INTEGER, which has 64 bits there.
ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "customers",
        sa.Column("id", ID, sa.Identity(), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("phone", sa.Text),
        sa.Column("address", sa.Text),
        sa.Column("created_at", UtcTimestamp, nullable=False, server_default=now()),
        sa.Column("updated_at", UtcTimestamp, nullable=False, server_default=now()),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    # Addresses that differ by case alone are the same.
    op.create_index("idx_customers_email", "customers", [sa.text("lower(email)")], unique=True)
    touch_at_update("customers")
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("created_at", UtcTimestamp, nullable=False, server_default=now()),
        sqlite_strict=True,
    )
    op.create_index("idx_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def now() -> sa.TextClause:
    return sa.text("(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))" if on_sqlite() else "now()")


def touch_at_update(table: str) -> None:
    """Keep `updated_at` and `version` right when a row is changed by hand.

    The program sets both itself, and then the trigger leaves the row alone: SQLite's RETURNING would not
    show what it does. The version goes up so that a process which holds the row notices.
    """
    if on_sqlite():
        op.execute(SQLITE_TRIGGER.replace("TABLE", table))
    else:
        op.execute(POSTGRESQL_FUNCTION)
        op.execute(POSTGRESQL_TRIGGER.replace("TABLE", table))


SQLITE_TRIGGER = """
CREATE TRIGGER TABLE_touch AFTER UPDATE ON TABLE FOR EACH ROW WHEN NEW.updated_at = OLD.updated_at
BEGIN
    UPDATE TABLE SET
        updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
        version = CASE NEW.version WHEN OLD.version THEN OLD.version + 1 ELSE NEW.version END
    WHERE id = NEW.id;
END
"""

POSTGRESQL_FUNCTION = """
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    NEW.version := CASE NEW.version WHEN OLD.version THEN OLD.version + 1 ELSE NEW.version END;
    RETURN NEW;
END
$$
"""

POSTGRESQL_TRIGGER = """
CREATE TRIGGER TABLE_touch BEFORE UPDATE ON TABLE FOR EACH ROW
WHEN (NEW.updated_at = OLD.updated_at) EXECUTE FUNCTION touch()
"""


def on_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"
