"""Snapshots of entities, and their reminders."""

import sqlalchemy as sa
from alembic import op

from greenroom.infrastructure import UtcTimestamp

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "entity_snapshots",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("schema", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("updated_at", UtcTimestamp, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "entity_reminders",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("due", UtcTimestamp, nullable=False),
        sa.Column("every", sa.BigInteger().with_variant(sa.Integer, "sqlite")),
        sa.Column("held_until", UtcTimestamp),
        sa.Column("version", sa.Integer, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("idx_entity_reminders_due", "entity_reminders", ["kind", "due"])
