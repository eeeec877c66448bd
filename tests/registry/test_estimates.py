"""An estimate stays as it was made; the truth is filled in beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from registry.database import Database
from registry.estimates import (
    EstimateRecord,
    estimate_records,
    fill_realised,
    record_estimate,
)

AT = datetime(2024, 6, 1, 8, 15, tzinfo=UTC)
MADE = EstimateRecord(
    market="MGC",
    role="champion",
    version="v1",
    mode="live",
    first_day=date(2024, 5, 20),
    last_day=date(2024, 5, 31),
    rows=60,
    expected={"log_loss": 0.59},
    at=AT,
)


def test_the_first_estimate_of_a_line_and_day_stands(database: Database) -> None:
    again = replace(MADE, expected={"log_loss": 0.7}, rows=61, at=AT + timedelta(hours=1))
    other = replace(MADE, role="challenger")

    assert [record_estimate(database, each) for each in (MADE, again, other)] == [
        True,
        False,
        True,
    ]
    assert estimate_records(database, "MGC") == (MADE, other)
    assert estimate_records(database, "MGC", first=date(2024, 6, 1)) == ()


def test_the_truth_changes_nothing_of_the_estimate_and_is_filled_in_once(
    database: Database,
) -> None:
    record_estimate(database, MADE)
    later = AT + timedelta(days=1)

    filled = [
        fill_realised(database, MADE, {"log_loss": value}, at)
        for value, at in ((0.6, later), (0.6, later + timedelta(hours=1)), (0.61, later))
    ]

    assert filled == [True, False, True]
    (known,) = estimate_records(database, "MGC")
    assert known == replace(MADE, realised={"log_loss": 0.61}, reconciled_at=later)
