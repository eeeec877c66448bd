"""Up to which rows of the ledger a market's daily figures are summed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "performance_progress",
        *(
            sa.Column(name, sa.String(length=200), nullable=False)
            for name in ("market", "last_prediction", "last_outcome", "code")
        ),
        sa.PrimaryKeyConstraint("market", name=op.f("pk_performance_progress")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("performance_progress")
