"""The trader's own executions, and the files that they came in."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from registry.tables.base import CanonicalJson, UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_HASHES = ("previous_hash", "row_hash")


def upgrade() -> None:
    """Apply."""
    _chained(
        "fill_batches",
        *_texts("market", "batch_id", "event"),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("reason", "name")),
        *_texts("platform", "zone", "content_hash"),
        sa.Column("reading", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("fills", "repeated")),
        *(sa.Column(name, CanonicalJson(), nullable=False) for name in ("set_aside", "left_out")),
        unique=("market", "batch_id", "event"),
    )
    _chained(
        "fills",
        *_texts("market", "batch_id", "platform", "account", "contract"),
        sa.Column("time", UtcDateTime(timezone=True), nullable=False),
        *_texts("side"),
        *(sa.Column(name, sa.Float(53), nullable=False) for name in ("quantity", "price")),
        sa.Column("commission", sa.Float(53), nullable=True),
        *_texts("execution_id", "order_id"),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("occurrence", "source_line")),
        unique=("market", "batch_id", "source_line"),
    )
    with op.batch_alter_table("fills", schema=None) as batch_op:
        batch_op.create_index("ix_fills_market_time", ["market", "time"], unique=False)


def _texts(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.String(length=200), nullable=False) for name in names)


def _chained(table: str, *columns: sa.Column[Any], unique: tuple[str, ...]) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        *columns,
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        *_texts(*_HASHES),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(*unique, name=op.f(f"uq_{table}_{unique[0]}")),
    )
    with op.batch_alter_table(table, schema=None) as batch_op:
        for name in _HASHES:
            batch_op.create_index(batch_op.f(f"ix_{table}_{name}"), [name], unique=True)


def downgrade() -> None:
    """Take back."""
    for table in ("fills", "fill_batches"):
        op.drop_table(table)
