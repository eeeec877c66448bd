"""An index by which a large ledger is read newest first, without sorting all of it."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NAME = "ix_predictions_market_decision_time"


def upgrade() -> None:
    """Apply."""
    op.create_index(_NAME, "predictions", ["market", "decision_time"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_index(_NAME, table_name="predictions")
