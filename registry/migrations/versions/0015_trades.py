"""Trades of followed strategies, and the rules that they were made by."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from registry.tables.base import CanonicalJson, UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_HASHES = ("previous_hash", "row_hash")
_SLOT = ("market", "trading_day", "opening_range", "rules_hash", "market_hash", "revision")


def upgrade() -> None:
    """Apply."""
    _chained(
        "strategy_rules",
        *_texts("rules_hash", "name"),
        sa.Column("rules", sa.Text(), nullable=False),
        _time("first_seen"),
        unique=("rules_hash",),
    )
    _chained(
        "strategy_trades",
        *_texts("market", "opening_range", "rules_hash", "market_hash"),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("trade", CanonicalJson(), nullable=False),
        _time("recorded_at"),
        unique=_SLOT,
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("strategy_trades")
    op.drop_table("strategy_rules")


def _texts(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.String(length=200), nullable=False) for name in names)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, UtcDateTime(timezone=True), nullable=False)


def _chained(table: str, *columns: sa.Column[Any], unique: tuple[str, ...]) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        *columns,
        *_texts(*_HASHES),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(*unique, name=op.f(f"uq_{table}_{unique[0]}")),
    )
    with op.batch_alter_table(table, schema=None) as batch_op:
        for name in _HASHES:
            batch_op.create_index(batch_op.f(f"ix_{table}_{name}"), [name], unique=True)
