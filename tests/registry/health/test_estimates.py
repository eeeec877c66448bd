"""An estimate is never changed; its realised figures are added later."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from ml_core.health.estimates import Estimate, Expected, Reconciled
from registry.database import Database
from registry.health.estimates import (
    EstimateRecord,
    estimate_records,
    fill_realised,
    record_estimate,
)

AT = datetime(2024, 6, 1, 8, 15, tzinfo=UTC)
EXPECTED = Expected(
    metrics={
        "log_loss": Estimate(value=0.59, low=0.5, high=0.7, of_mix=0.01),
        "ece": Estimate(value=0.1, low=0.02, high=0.2, of_mix=math.nan),
    },
    recipe_hash="r",
    begin=AT - timedelta(days=12),
    end=AT,
    unseen={"estimate": 0.6, "low": 0.55, "high": 0.65, "rows": 900, "days": 150, "error": 0.02},
    warning=None,
)
MADE = EstimateRecord(
    market="MGC",
    role="champion",
    version="v1",
    mode="live",
    first_day=date(2024, 5, 20),
    last_day=date(2024, 5, 31),
    rows=60,
    expected=EXPECTED,
    at=AT,
)


def reconciled(log_loss: float) -> Reconciled:
    return Reconciled(
        breaks=60,
        realised={"log_loss": log_loss},
        error={"log_loss": log_loss - 0.59},
        inside={"log_loss": True},
    )


def test_the_first_estimate_of_a_line_and_day_is_kept(database: Database) -> None:
    again = replace(
        MADE,
        expected=replace(EXPECTED, warning="more certain"),
        rows=61,
        at=AT + timedelta(hours=1),
    )
    other = replace(MADE, role="challenger")

    assert [record_estimate(database, estimate) for estimate in (MADE, again, other)] == [
        True,
        False,
        True,
    ]
    assert estimate_records(database, "MGC") == (MADE, other)
    assert estimate_records(database, "MGC", first=date(2024, 6, 1)) == ()


def test_outcomes_leave_the_estimate_unchanged_and_are_filled_in_once(
    database: Database,
) -> None:
    record_estimate(database, MADE)
    later = AT + timedelta(days=1)

    filled = [
        fill_realised(database, MADE, reconciled(value), at)
        for value, at in ((0.6, later), (0.6, later + timedelta(hours=1)), (0.61, later))
    ]

    assert filled == [True, False, True]
    (record,) = estimate_records(database, "MGC")
    assert record == replace(MADE, realised=reconciled(0.61), reconciled_at=later)
