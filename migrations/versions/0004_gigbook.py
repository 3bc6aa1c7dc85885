"""Users, venues and their diaries, bookings, payments, and the ledger of the local payment gateway."""

import sqlalchemy as sa
from alembic import op

from greenroom.infrastructure import UtcTimestamp, append_in_turn

revision = "0004"
down_revision = "0003"

# SQLite numbers rows by itself only where the type is INTEGER, which has 64 bits there.
ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

LIVE = "('held', 'confirmed')"
OPEN = "('pending', 'succeeded')"


def upgrade() -> None:
    create_users()
    create_venues()
    create_bookings()
    create_payments()


def create_users() -> None:
    create(
        "users",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("phone", sa.Text),
        sa.Column("bio", sa.Text),
        sa.CheckConstraint("role IN ('artist', 'booker', 'venue_manager', 'admin')", name="users_role"),
    )
    # Addresses that differ by case alone are the same.
    op.create_index("idx_users_email", "users", [sa.text("lower(email)")], unique=True)
    op.create_index("idx_users_role", "users", ["role"])


def create_venues() -> None:
    create(
        "venues",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("city", sa.Text, nullable=False),
        sa.Column("capacity", sa.Integer, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("opening", sa.Text, nullable=False),
        sa.Column("manager_id", ID, sa.ForeignKey("users.id")),
        sa.Column("description", sa.Text),
        sa.CheckConstraint("capacity > 0", name="venues_capacity"),
    )
    op.create_index("idx_venues_city", "venues", [sa.text("lower(city)")])
    op.create_index("idx_venues_manager", "venues", ["manager_id"])


def create_bookings() -> None:
    # One row for each venue whose calendar ever changed; its version says who may change it.
    op.create_table(
        "diaries",
        sa.Column("id", ID, sa.ForeignKey("venues.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
        # What tells the last change from any other that was made from the same version.
        sa.Column("mark", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sqlite_strict=True,
    )
    # Two servers may want the diary of one venue, or claim one reminder, and both append what they decide.
    for table in ("diaries", "entity_reminders"):
        append_in_turn(op.get_bind(), table)
    create(
        "bookings",
        sa.Column("venue_id", ID, sa.ForeignKey("venues.id"), nullable=False),
        sa.Column("artist_id", ID, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("starts_at", UtcTimestamp, nullable=False),
        sa.Column("ends_at", UtcTimestamp, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("held_until", UtcTimestamp),
        sa.CheckConstraint("ends_at > starts_at", name="bookings_span"),
        sa.CheckConstraint(
            "status IN ('requested', 'held', 'confirmed', 'cancelled', 'expired')", name="bookings_status"
        ),
        sa.CheckConstraint("(status = 'held') = (held_until IS NOT NULL)", name="bookings_held_until"),
    )
    op.create_index("idx_bookings_venue", "bookings", ["venue_id", "starts_at"])
    op.create_index("idx_bookings_artist", "bookings", ["artist_id"])
    op.create_index("idx_bookings_status", "bookings", ["status"])
    never_book_twice()


def never_book_twice() -> None:
    """Let no two live bookings of one venue overlap, whoever writes them; those that touch do not."""
    if on_sqlite():
        for event in ("INSERT", "UPDATE OF venue_id, starts_at, ends_at, status"):
            name = event.split()[0].lower()
            op.execute(SQLITE_OVERLAP.replace("EVENT", event).replace("NAME", name).replace("LIVE", LIVE))
    else:
        # As ranges, ids need no extension of the server's to stand in such an index.
        op.execute(
            "ALTER TABLE bookings ADD CONSTRAINT bookings_overlap EXCLUDE USING gist "
            "(int8range(venue_id, venue_id, '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&) "
            f"WHERE (status IN {LIVE})"
        )


SQLITE_OVERLAP = """
CREATE TRIGGER bookings_overlap_NAME BEFORE EVENT ON bookings FOR EACH ROW WHEN NEW.status IN LIVE
BEGIN
    SELECT RAISE(ABORT, 'bookings_overlap') WHERE EXISTS (
        SELECT 1 FROM bookings WHERE venue_id = NEW.venue_id AND id IS NOT NEW.id AND status IN LIVE
        AND starts_at < NEW.ends_at AND ends_at > NEW.starts_at
    );
END
"""


def create_payments() -> None:
    create(
        "payments",
        sa.Column("booking_id", ID, sa.ForeignKey("bookings.id"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("refunds", ID, sa.ForeignKey("payments.id")),
        sa.Column("amount", ID, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        # Kept only until the outcome is known.
        sa.Column("method", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("reference", sa.Text),
        sa.Column("closed_at", UtcTimestamp),
        sa.CheckConstraint("amount > 0", name="payments_amount"),
        sa.CheckConstraint("kind IN ('deposit', 'refund')", name="payments_kind"),
        sa.CheckConstraint("(kind = 'refund') = (refunds IS NOT NULL)", name="payments_refunds"),
        sa.CheckConstraint("status IN ('pending', 'succeeded', 'declined')", name="payments_status"),
    )
    op.create_index("idx_payments_booking", "payments", ["booking_id"])
    append_in_turn(op.get_bind(), "payments")
    unique("payments", "idx_payments_one_deposit", "booking_id", f"kind = 'deposit' AND status IN {OPEN}")
    unique("payments", "idx_payments_one_refund", "refunds", f"kind = 'refund' AND status IN {OPEN}")
    # What a bank would keep in a place of its own. The key is made once by whoever pays.
    op.create_table(
        "gateway_ledger",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("charge", sa.Text),
        sa.Column("amount", ID, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("created_at", UtcTimestamp, nullable=False),
        sqlite_strict=True,
    )
    # A bank gives no charge back twice, whoever asks.
    unique("gateway_ledger", "idx_gateway_ledger_one_refund", "charge", "kind = 'refund' AND outcome = 'succeeded'")


def unique(table: str, name: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, [column], unique=True, sqlite_where=where, postgresql_where=where)


def create(table: str, *columns: sa.Column[object] | sa.CheckConstraint) -> None:
    """Create a table whose rows have an id, two moments, and a version; a change by hand touches them too."""
    op.create_table(
        table,
        sa.Column("id", ID, sa.Identity(), primary_key=True),
        *columns,
        sa.Column("created_at", UtcTimestamp, nullable=False, server_default=now()),
        sa.Column("updated_at", UtcTimestamp, nullable=False, server_default=now()),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.execute((SQLITE_TOUCH if on_sqlite() else POSTGRESQL_TOUCH).replace("TABLE", table))


SQLITE_TOUCH = """
CREATE TRIGGER TABLE_touch AFTER UPDATE ON TABLE FOR EACH ROW WHEN NEW.updated_at = OLD.updated_at
BEGIN
    UPDATE TABLE SET
        updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
        version = CASE NEW.version WHEN OLD.version THEN OLD.version + 1 ELSE NEW.version END
    WHERE id = NEW.id;
END
"""

# The function is that of 0001.
POSTGRESQL_TOUCH = """
CREATE TRIGGER TABLE_touch BEFORE UPDATE ON TABLE FOR EACH ROW
WHEN (NEW.updated_at = OLD.updated_at) EXECUTE FUNCTION touch()
"""


def now() -> sa.TextClause:
    return sa.text("(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))" if on_sqlite() else "now()")


def on_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"
