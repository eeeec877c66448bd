"""What watches: drift, estimates, parity, the rollout, strategy decisions, intents, notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.tables.base import CanonicalJson, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "drift_reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("detected", sa.Boolean(name="flag"), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("figures", CanonicalJson(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift_reports")),
        sa.UniqueConstraint(
            "market", "version", "last_day", "rows", name=op.f("uq_drift_reports_market")
        ),
    )
    op.create_table(
        "estimates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("mode", sa.String(length=200), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("expected", CanonicalJson(), nullable=False),
        sa.Column("realised", CanonicalJson(), nullable=True),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("reconciled_at", UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_estimates")),
        sa.UniqueConstraint(
            "market", "role", "version", "mode", "last_day", name=op.f("uq_estimates_market")
        ),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=True),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("key", name=op.f("uq_notices_key")),
    )
    op.create_table(
        "order_intents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("opening_range", sa.String(length=200), nullable=False),
        sa.Column("rules_hash", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("bound_to", sa.String(length=200), nullable=False),
        sa.Column("order", CanonicalJson(), nullable=False),
        sa.Column("expires_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_intents")),
        sa.UniqueConstraint(
            "market", "trading_day", "opening_range", name=op.f("uq_order_intents_market")
        ),
    )
    op.create_table(
        "parity_reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("compared", sa.Integer(), nullable=False),
        sa.Column("unexplained", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("figures", CanonicalJson(), nullable=False),
        sa.Column("content_hash", sa.String(length=200), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parity_reports")),
        sa.UniqueConstraint("market", "content_hash", name=op.f("uq_parity_reports_market")),
    )
    op.create_table(
        "rollout_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=200), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("bound_to", sa.String(length=200), nullable=True),
        sa.Column("expires_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("details", CanonicalJson(), nullable=False),
        sa.Column("previous_hash", sa.String(length=200), nullable=False),
        sa.Column("row_hash", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollout_events")),
        sa.UniqueConstraint("market", "sequence", name=op.f("uq_rollout_events_market")),
        sa.UniqueConstraint("previous_hash", name=op.f("uq_rollout_events_previous_hash")),
        sa.UniqueConstraint("row_hash", name=op.f("uq_rollout_events_row_hash")),
    )
    op.create_table(
        "strategy_decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("opening_range", sa.String(length=200), nullable=False),
        sa.Column("mode", sa.String(length=200), nullable=False),
        sa.Column("rules_hash", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=True),
        sa.Column("decision_time", UtcDateTime(timezone=True), nullable=False),
        sa.Column("without_model", CanonicalJson(), nullable=False),
        sa.Column("with_model", CanonicalJson(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy_decisions")),
        sa.UniqueConstraint(
            "market",
            "trading_day",
            "opening_range",
            "mode",
            "rules_hash",
            name=op.f("uq_strategy_decisions_market"),
        ),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=False),
        sa.Column("delivered", sa.Boolean(name="flag"), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notices.id"], name=op.f("fk_deliveries_notice_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index("ix_deliveries_notice_id", ["notice_id"], unique=False)


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index("ix_deliveries_notice_id")

    op.drop_table("deliveries")
    op.drop_table("strategy_decisions")
    op.drop_table("rollout_events")
    op.drop_table("parity_reports")
    op.drop_table("order_intents")
    op.drop_table("notices")
    op.drop_table("estimates")
    op.drop_table("drift_reports")
