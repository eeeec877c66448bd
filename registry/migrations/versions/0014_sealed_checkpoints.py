"""Sealed checkpoints of the chains."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.tables.base import CanonicalJson, UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TABLE = "sealed_checkpoints"
_HASHES = ("previous_hash", "row_hash")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        _TABLE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("ends", CanonicalJson(), nullable=False),
        *(sa.Column(name, sa.String(length=200), nullable=False) for name in _HASHES),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{_TABLE}")),
    )
    for name in _HASHES:
        op.create_index(op.f(f"ix_{_TABLE}_{name}"), _TABLE, [name], unique=True)


def downgrade() -> None:
    """Take back."""
    op.drop_table(_TABLE)
