"""A deposit knows when it was given back: from then on its booking may have another one."""

import sqlalchemy as sa
from alembic import op

from greenroom.infrastructure import UtcTimestamp

revision = "0005"
down_revision = "0004"

HOLDS_THE_BOOKING = sa.text("kind = 'deposit' AND status IN ('pending', 'succeeded') AND refunded_at IS NULL")


def upgrade() -> None:
    op.add_column("payments", sa.Column("refunded_at", UtcTimestamp))
    op.execute(MARK_REFUNDED)
    op.drop_index("idx_payments_one_deposit", "payments")
    op.create_index(
        "idx_payments_one_deposit",
        "payments",
        ["booking_id"],
        unique=True,
        sqlite_where=HOLDS_THE_BOOKING,
        postgresql_where=HOLDS_THE_BOOKING,
    )


# The trigger of 0004 makes it another version, as its answer is another one now.
MARK_REFUNDED = """
UPDATE payments SET refunded_at = (
    SELECT refund.updated_at FROM payments AS refund
    WHERE refund.refunds = payments.id AND refund.status = 'succeeded'
)
WHERE id IN (SELECT refunds FROM payments WHERE kind = 'refund' AND status = 'succeeded')
"""
