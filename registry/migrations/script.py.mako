"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.tables import CanonicalJson, UtcDateTime  # noqa: F401

revision = "${up_revision}"
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Take back."""
    ${downgrades if downgrades else "pass"}
