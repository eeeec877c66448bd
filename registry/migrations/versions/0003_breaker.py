"""The circuit breaker's events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.tables.base import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "breaker_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=200), nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breaker_events")),
    )
    with op.batch_alter_table("breaker_events", schema=None) as batch_op:
        batch_op.create_index("ix_breaker_events_market_at", ["market", "at"], unique=False)


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("breaker_events", schema=None) as batch_op:
        batch_op.drop_index("ix_breaker_events_market_at")

    op.drop_table("breaker_events")
