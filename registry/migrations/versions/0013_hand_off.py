"""Events of order intents, and what a paper account did with them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from registry.tables.base import CanonicalJson, UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_HASHES = ("previous_hash", "row_hash")
_SLOT = ("market", "trading_day", "opening_range", "sequence")


def upgrade() -> None:
    """Apply."""
    _chained(
        "intent_events",
        *_of_slot(),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("order", CanonicalJson(), nullable=False),
        *_times("in_force_from", "in_force_until"),
        unique=_SLOT,
    )
    _chained(
        "paper_events",
        *_texts("book"),
        *_of_slot(),
        *_times("time"),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("details", CanonicalJson(), nullable=False),
        unique=("book", *_SLOT),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("paper_events")
    op.drop_table("intent_events")


def _of_slot() -> tuple[sa.Column[Any], ...]:
    return (
        *_texts("market"),
        sa.Column("trading_day", sa.Date(), nullable=False),
        *_texts("opening_range"),
        sa.Column("sequence", sa.Integer(), nullable=False),
        *_texts("event"),
    )


def _texts(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.String(length=200), nullable=False) for name in names)


def _times(*names: str) -> tuple[sa.Column[Any], ...]:
    return tuple(sa.Column(name, UtcDateTime(timezone=True), nullable=False) for name in names)


def _chained(table: str, *columns: sa.Column[Any], unique: tuple[str, ...]) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        *columns,
        *_times("at"),
        *_texts(*_HASHES),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(*unique, name=op.f(f"uq_{table}_{unique[0]}")),
    )
    with op.batch_alter_table(table, schema=None) as batch_op:
        for name in _HASHES:
            batch_op.create_index(batch_op.f(f"ix_{table}_{name}"), [name], unique=True)
