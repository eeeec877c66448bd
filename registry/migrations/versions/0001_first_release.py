"""First release: batches, versions, predictions, outcomes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.tables.base import CanonicalJson, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "aliases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("alias", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_aliases")),
    )
    with op.batch_alter_table("aliases", schema=None) as batch_op:
        batch_op.create_index(
            "ix_aliases_market_alias_at", ["market", "alias", "at"], unique=False
        )

    op.create_table(
        "data_batches",
        sa.Column("batch_id", sa.String(length=200), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("content_hash", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=200), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("revised", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.Column("details", CanonicalJson(), nullable=False),
        sa.Column("ingested_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_data_batches")),
    )
    with op.batch_alter_table("data_batches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_data_batches_market"), ["market"], unique=False)

    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reasons", CanonicalJson(), nullable=False),
        sa.Column("evidence", CanonicalJson(), nullable=False),
        sa.Column("evidence_hash", sa.String(length=200), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint(
            "market", "kind", "version", "evidence_hash", name=op.f("uq_decisions_market")
        ),
    )
    op.create_table(
        "outcomes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("opening_range", sa.String(length=200), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("direction", sa.String(length=200), nullable=False),
        sa.Column("outcome", sa.String(length=200), nullable=True),
        sa.Column("entry", sa.Float(precision=53), nullable=True),
        sa.Column("stop", sa.Float(precision=53), nullable=True),
        sa.Column("target", sa.Float(precision=53), nullable=True),
        sa.Column("r_gross", sa.Float(precision=53), nullable=True),
        sa.Column("r_net", sa.Float(precision=53), nullable=True),
        sa.Column("resolved_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcomes")),
        sa.UniqueConstraint(
            "market",
            "trading_day",
            "opening_range",
            "label",
            "revision",
            name=op.f("uq_outcomes_market"),
        ),
    )
    op.create_table(
        "performance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("mode", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("opening_range", sa.String(length=200), nullable=False),
        sa.Column("figures", CanonicalJson(), nullable=False),
        sa.Column("updated_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_performance")),
        sa.UniqueConstraint(
            "market",
            "day",
            "mode",
            "role",
            "version",
            "opening_range",
            name=op.f("uq_performance_market"),
        ),
    )
    op.create_table(
        "predictions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("opening_range", sa.String(length=200), nullable=False),
        sa.Column("mode", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=200), nullable=False),
        sa.Column("decision_time", UtcDateTime(timezone=True), nullable=False),
        sa.Column("made_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("late", sa.Boolean(name="flag"), nullable=False),
        sa.Column("status", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("model", sa.String(length=200), nullable=True),
        sa.Column("version", sa.String(length=200), nullable=True),
        sa.Column("recipe_hash", sa.String(length=200), nullable=True),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("p_up", sa.Float(precision=53), nullable=True),
        sa.Column("baseline_p_up", sa.Float(precision=53), nullable=True),
        sa.Column("recommendation", sa.String(length=200), nullable=True),
        sa.Column("expected_net_r", sa.Float(precision=53), nullable=True),
        sa.Column("features", CanonicalJson(), nullable=False),
        sa.Column("outputs", CanonicalJson(), nullable=False),
        sa.Column("previous_hash", sa.String(length=200), nullable=False),
        sa.Column("row_hash", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_predictions")),
        sa.UniqueConstraint(
            "market",
            "trading_day",
            "opening_range",
            "mode",
            "role",
            name=op.f("uq_predictions_market"),
        ),
        sa.UniqueConstraint("previous_hash", name=op.f("uq_predictions_previous_hash")),
        sa.UniqueConstraint("row_hash", name=op.f("uq_predictions_row_hash")),
    )
    op.create_table(
        "recipes",
        sa.Column("recipe_hash", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("recipe", CanonicalJson(), nullable=False),
        sa.Column("first_seen", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("recipe_hash", name=op.f("pk_recipes")),
    )
    with op.batch_alter_table("recipes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recipes_name"), ["name"], unique=False)

    op.create_table(
        "bar_revisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.String(length=200), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("contract", sa.String(length=200), nullable=False),
        sa.Column("ts", UtcDateTime(timezone=True), nullable=False),
        sa.Column("earlier", CanonicalJson(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["data_batches.batch_id"], name=op.f("fk_bar_revisions_batch_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bar_revisions")),
        sa.UniqueConstraint("batch_id", "contract", "ts", name=op.f("uq_bar_revisions_batch_id")),
    )
    op.create_table(
        "model_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("recipe_hash", sa.String(length=200), nullable=False),
        sa.Column("data_fingerprint", sa.String(length=200), nullable=False),
        sa.Column("sums_hash", sa.String(length=200), nullable=False),
        sa.Column("metrics", CanonicalJson(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["recipe_hash"], ["recipes.recipe_hash"], name=op.f("fk_model_versions_recipe_hash")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_versions")),
        sa.UniqueConstraint("market", "version", name=op.f("uq_model_versions_market")),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.String(length=200), nullable=False),
        sa.Column("source_line", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("row", CanonicalJson(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["data_batches.batch_id"], name=op.f("fk_quarantine_batch_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("batch_id", "source_line", name=op.f("uq_quarantine_batch_id")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("quarantine")
    op.drop_table("model_versions")
    op.drop_table("bar_revisions")
    with op.batch_alter_table("recipes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_recipes_name"))

    op.drop_table("recipes")
    op.drop_table("predictions")
    op.drop_table("performance")
    op.drop_table("outcomes")
    op.drop_table("decisions")
    with op.batch_alter_table("data_batches", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_data_batches_market"))

    op.drop_table("data_batches")
    with op.batch_alter_table("aliases", schema=None) as batch_op:
        batch_op.drop_index("ix_aliases_market_alias_at")

    op.drop_table("aliases")
