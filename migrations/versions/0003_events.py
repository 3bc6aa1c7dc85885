"""The log of what happened."""

from alembic import op

from greenroom.infrastructure import create_events

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    create_events(op.get_bind())
