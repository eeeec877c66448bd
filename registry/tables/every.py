"""Every table at once, as the migrations and their tests look at them."""

from __future__ import annotations

from registry.tables import bars, ledger, notices, rollout, studies, versions, watch
from registry.tables.base import Base

__all__ = ["METADATA", "bars", "ledger", "notices", "rollout", "studies", "versions", "watch"]

METADATA = Base.metadata
