"""Evidence: walk-forward studies, trials, the tuning journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.tables.base import CanonicalJson, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "evaluations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("recipe", sa.String(length=200), nullable=False),
        sa.Column("recipe_hash", sa.String(length=200), nullable=False),
        sa.Column("study_hash", sa.String(length=200), nullable=False),
        sa.Column("settings", CanonicalJson(), nullable=False),
        sa.Column("data_fingerprint", sa.String(length=200), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("figures", CanonicalJson(), nullable=False),
        sa.Column("files", CanonicalJson(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["recipe_hash"], ["recipes.recipe_hash"], name=op.f("fk_evaluations_recipe_hash")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluations")),
        sa.UniqueConstraint("market", "study_hash", name=op.f("uq_evaluations_market")),
    )
    op.create_table(
        "trials",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("study", sa.String(length=200), nullable=False),
        sa.Column("recipe", sa.String(length=200), nullable=False),
        sa.Column("recipe_hash", sa.String(length=200), nullable=False),
        sa.Column("values", CanonicalJson(), nullable=False),
        sa.Column("score", sa.Float(precision=53), nullable=True),
        sa.Column("state", sa.String(length=200), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trials")),
        sa.UniqueConstraint("market", "recipe_hash", name=op.f("uq_trials_market")),
    )
    op.create_table(
        "tuning_journal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("entry", CanonicalJson(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tuning_journal")),
        sa.UniqueConstraint("number", name=op.f("uq_tuning_journal_number")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("tuning_journal")
    op.drop_table("trials")
    op.drop_table("evaluations")
