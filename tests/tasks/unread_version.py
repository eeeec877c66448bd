"""A version whose files nobody reads: enough for a slot that cannot be predicted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from registry.model_store import VersionRecord
from tasks.prediction.decision import Voice


def unread_version() -> Voice:
    """Return a baseline as the champion."""
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
        folder=Path(),
    )
    return Voice(role="champion", record=record)
