"""A trial names the question it asked and the family of markets that pays for it.

Rows of before name neither, and keep their hashes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NAMES = ("question", "family")
_KEY = ("market", "recipe_hash", "market_hash")


def upgrade() -> None:
    """Apply."""
    for name in _NAMES:
        op.add_column("trials", sa.Column(name, sa.String(200), nullable=False, server_default=""))
    _unique_by([*_KEY, "question", "state"])


def _unique_by(columns: list[str]) -> None:
    with op.batch_alter_table("trials", schema=None) as batch_op:
        name = batch_op.f("uq_trials_market")
        batch_op.drop_constraint(name, type_="unique")
        batch_op.create_unique_constraint(name, columns)


def downgrade() -> None:
    """Take back."""
    # of questions that differ by code alone, the first is the trial that counted before
    same = " AND ".join(f"first.{name} = trials.{name}" for name in (*_KEY, "state"))
    op.execute(
        "DELETE FROM trials WHERE EXISTS (SELECT 1 FROM trials AS first "  # noqa: S608 - own names
        f"WHERE {same} AND first.id < trials.id)"
    )
    _unique_by([*_KEY, "state"])
    for name in _NAMES:
        op.drop_column("trials", name)
