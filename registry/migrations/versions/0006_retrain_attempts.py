"""Attempts to retrain, so that failures in a row are counted from what happened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.tables.base import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "retrain_attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("began_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("by_itself", sa.Boolean(name="flag"), nullable=False),
        sa.Column("end", sa.String(length=200), nullable=True),
        sa.Column("ended_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retrain_attempts")),
    )
    with op.batch_alter_table("retrain_attempts", schema=None) as batch_op:
        batch_op.create_index("ix_retrain_attempts_market", ["market"], unique=False)


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("retrain_attempts", schema=None) as batch_op:
        batch_op.drop_index("ix_retrain_attempts_market")

    op.drop_table("retrain_attempts")
