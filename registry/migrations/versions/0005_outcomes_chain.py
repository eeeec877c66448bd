"""Outcomes are chained by hash, as predictions are; those there are follow each other by id."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from registry.chains.chain import GENESIS, Chain
from registry.tables.base import UtcDateTime
from registry.tables.ledger import OutcomeRow

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# as they are at this revision, whatever the table becomes later
_COLUMNS: dict[str, Any] = {
    "market": sa.String(200),
    "trading_day": sa.Date(),
    "opening_range": sa.String(200),
    "label": sa.String(200),
    "revision": sa.Integer(),
    "direction": sa.String(200),
    "outcome": sa.String(200),
    "entry": sa.Float(53),
    "stop": sa.Float(53),
    "target": sa.Float(53),
    "r_gross": sa.Float(53),
    "r_net": sa.Float(53),
    "resolved_at": UtcDateTime(timezone=True),
    "recorded_at": UtcDateTime(timezone=True),
}


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("outcomes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("previous_hash", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("row_hash", sa.String(length=200), nullable=True))
    _chain(op.get_bind())
    with op.batch_alter_table("outcomes", schema=None) as batch_op:
        for name in ("previous_hash", "row_hash"):
            batch_op.alter_column(name, existing_type=sa.String(length=200), nullable=False)
            batch_op.create_unique_constraint(batch_op.f(f"uq_outcomes_{name}"), [name])


def _chain(connection: sa.Connection) -> None:
    """Write into each row its own hash and the hash of the row before it."""
    outcomes = sa.table(
        "outcomes",
        sa.column("id", sa.Integer()),
        sa.column("previous_hash", sa.String(200)),
        sa.column("row_hash", sa.String(200)),
        *(sa.column(name, kind) for name, kind in _COLUMNS.items()),
    )
    chain = Chain(OutcomeRow, tuple(_COLUMNS))
    change = (
        outcomes.update()
        .where(outcomes.c.id == sa.bindparam("number"))
        .values(previous_hash=sa.bindparam("before"), row_hash=sa.bindparam("own"))
    )
    previous = GENESIS
    changes = []
    for row in connection.execute(sa.select(outcomes).order_by(outcomes.c.id)).mappings():
        own = chain.row_hash({name: row[name] for name in _COLUMNS}, previous)
        changes.append({"number": row["id"], "before": previous, "own": own})
        previous = own
    if changes:
        connection.execute(change, changes)


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("outcomes", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_outcomes_row_hash"), type_="unique")
        batch_op.drop_constraint(batch_op.f("uq_outcomes_previous_hash"), type_="unique")
        batch_op.drop_column("row_hash")
        batch_op.drop_column("previous_hash")
