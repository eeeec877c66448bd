"""A version whose files are never read: enough for a slot that cannot be predicted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ml_core.decision.context import RoleVersion
from registry.models.versions import VersionRecord
from tasks.prediction.slot_context import role_version


def unread_version() -> RoleVersion:
    """Register a baseline as the champion."""
    record = VersionRecord(
        market="MGC",
        model="baseline",
        kind="baseline",
        version="b-1",
        recipe_hash="0" * 64,
        data_fingerprint="0" * 64,
        sums_hash="0" * 64,
        metrics={},
        created_at=datetime(2024, 11, 1, tzinfo=UTC),
        path=Path(),
    )
    return role_version("champion", record)
