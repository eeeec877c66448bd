"""What is on record names the market definition it was made on; rows of before name none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.tables.base import CanonicalJson, UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NAMING = ("model_versions", "evaluations", "trials", "predictions", "outcomes")
_UNIQUE = {
    "trials": ["market", "recipe_hash"],
    "outcomes": ["market", "trading_day", "opening_range", "label", "revision"],
}


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "market_definitions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(length=200), nullable=False),
        sa.Column("market_hash", sa.String(length=200), nullable=False),
        sa.Column("definition", CanonicalJson(), nullable=False),
        sa.Column("first_seen", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_market_definitions")),
        sa.UniqueConstraint("market", "market_hash", name=op.f("uq_market_definitions_market")),
    )
    for table in _NAMING:
        hash_of_market = sa.Column(
            "market_hash", sa.String(length=200), nullable=False, server_default=""
        )
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(hash_of_market)
    for table, columns in _UNIQUE.items():
        _unique_by(table, [*columns, "market_hash"])


def _unique_by(table: str, columns: list[str]) -> None:
    with op.batch_alter_table(table, schema=None) as batch_op:
        name = batch_op.f(f"uq_{table}_market")
        batch_op.drop_constraint(name, type_="unique")
        batch_op.create_unique_constraint(name, columns)


def downgrade() -> None:
    """Take back."""
    for table, columns in _UNIQUE.items():
        _unique_by(table, columns)
    for table in _NAMING:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("market_hash")
    op.drop_table("market_definitions")
