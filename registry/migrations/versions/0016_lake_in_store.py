"""The files of the lake that are in a store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "lake_states",
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("market", name=op.f("pk_lake_states")),
    )
    op.create_table(
        "lake_files",
        sa.Column("id", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.String(length=200), nullable=False)
            for name in ("market", "path", "digest", "change")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lake_files")),
        sa.UniqueConstraint("market", "path", name=op.f("uq_lake_files_market")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("lake_files")
    op.drop_table("lake_states")
