"""Scheduled news that the trader supplied, and since when each event was known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.tables.base import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_HASHES = ("previous_hash", "row_hash")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "news_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("time", UtcDateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("importance", sa.String(length=200), nullable=False),
        sa.Column("known_since", UtcDateTime(timezone=True), nullable=False),
        sa.Column("cancelled", sa.Boolean(name="flag"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.String(length=200), nullable=False) for name in _HASHES),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_news_events")),
    )
    with op.batch_alter_table("news_events", schema=None) as batch_op:
        batch_op.create_index("ix_news_events_market_time", ["market", "time"], unique=False)
        for name in _HASHES:
            batch_op.create_index(batch_op.f(f"ix_news_events_{name}"), [name], unique=True)


def downgrade() -> None:
    """Take back."""
    op.drop_table("news_events")
