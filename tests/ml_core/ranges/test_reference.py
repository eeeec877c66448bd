"""The outside record of MGC opening ranges is the reference; every difference is explained."""

from __future__ import annotations

import csv
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest

from deployments.legacy_import.outside_record import (
    Recorded,
    Slot,
    compare,
    exact_touches,
    measured,
    roll_days,
)
from ml_core.bars.arrays import Bars
from ml_core.bars.lake.lake import Lake
from ml_core.bars.sources.dbn import read_dbn
from ml_core.features.history import History, read_history
from ml_core.market.schedule import build_schedule, from_minute
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import mgc

FIRST, LAST = date(2024, 1, 2), date(2025, 6, 30)

ROLL_DAYS = {
    "2024-01-29",
    "2024-03-27",
    "2024-05-30",
    "2024-07-30",
    "2024-11-27",
    "2025-01-30",
    "2025-03-28",
    "2025-05-28",
}
"""Days on which yesterday's and today's volume select different contracts."""

EXACT_TOUCHES = {
    ("2024-01-11", "1800"): "LOSS",
    ("2024-02-23", "1000"): "LOSS",
    ("2024-03-12", "0900"): "LOSS",
    ("2024-03-13", "1800"): "LOSS",
    ("2024-04-23", "0900"): "LOSS",
    ("2024-06-18", "1100"): "LOSS",
    ("2024-07-25", "2300"): "LOSS",
    ("2024-08-22", "1000"): "LOSS",
    ("2024-12-23", "0900"): "LOSS",
    ("2025-04-28", "0030"): "NO_TRADE",
}
"""Slots whose target was touched exactly: a WIN in integer ticks, not in the record's floats."""


@pytest.fixture(scope="module")
def bars(real_data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Bars:
    files = sorted((real_data_dir / "mgc-ohlcv-1m").glob("*-202[345]*.dbn.zst"))
    files = [path for path in files if path.name.split("-")[2] >= "20231101"]
    lake = Lake(tmp_path_factory.mktemp("lake"))
    market = mgc()
    batches = read_dbn([str(path) for path in files], market.contract_pattern)
    lake.ingest(batches, market, from_minute(30_000_000))
    return lake.read(market)


@pytest.fixture(scope="module")
def reference(real_data_dir: Path) -> dict[Slot, Recorded]:
    path = real_data_dir / "mgc-opening-range-reference-2024-2025h1.csv"
    with path.open(encoding="utf-8") as file:
        return {
            (row["trading_day"], row["opening_range"]): Recorded(
                float(row["high"]),
                float(row["low"]),
                row["break_direction"],
                row["outcome"],
            )
            for row in csv.DictReader(file)
        }


def _history(bars: Bars, roll: str) -> History:
    market = mgc(roll)
    schedule = build_schedule(market, date(2023, 12, 1), LAST)
    return read_history(bars, market, LabelSpec(), schedule)


def _range(row: Recorded) -> tuple[float, float, str]:
    return row.high, row.low, row.direction


def test_with_same_day_volume_every_range_and_break_of_the_record_agrees(
    bars: Bars, reference: dict[Slot, Recorded]
) -> None:
    ours = measured(_history(bars, "same_day_volume"))

    assert len(reference) == 2316
    assert {slot for slot, row in reference.items() if _range(ours[slot]) != _range(row)} == set()


def test_outcomes_differ_from_the_record_on_ten_exact_touches_of_the_target_only(
    bars: Bars, reference: dict[Slot, Recorded]
) -> None:
    # Arrange
    history = _history(bars, "same_day_volume")
    ours = measured(history)

    # Act
    differing = {
        slot: row.outcome for slot, row in reference.items() if ours[slot].outcome != row.outcome
    }

    # Assert: all ten are wins of ours, and in each the exit bar's extreme IS the target
    assert differing == EXACT_TOUCHES
    ranges, labels, tape = history.ranges, history.labels, history.tape
    touched = {}
    for slot in range(len(ranges)):
        key = (
            str(tape.schedule.days[ranges.day[slot]]),
            history.market.ranges[ranges.spec[slot]].name,
        )
        if key in differing:
            bar = int(tape.first_at(labels.resolved_minute[slot : slot + 1] - 1)[0])
            extreme = tape.high[bar] if labels.direction[slot] > 0 else tape.low[bar]
            touched[key] = bool(extreme == labels.target[slot])
    assert touched == dict.fromkeys(EXACT_TOUCHES, True)
    assert {ours[key].outcome for key in touched} == {"WIN"}


def test_with_previous_day_volume_only_the_eight_roll_days_differ(
    bars: Bars, reference: dict[Slot, Recorded]
) -> None:
    ours = measured(_history(bars, "previous_day_volume"))

    differing = {slot for slot, row in reference.items() if _range(ours[slot]) != _range(row)}

    assert {day for day, _ in differing} == ROLL_DAYS
    assert len(differing) == 48
    others = {
        slot
        for slot, row in reference.items()
        if slot not in differing and ours[slot].outcome != row.outcome
    }
    assert others == set(EXACT_TOUCHES)


def test_the_printed_comparison_has_the_same_counts_and_a_reason_for_each_difference(
    bars: Bars, reference: dict[Slot, Recorded]
) -> None:
    # Arrange
    theirs = {slot: asdict(row) for slot, row in reference.items()}
    same, previous = _history(bars, "same_day_volume"), _history(bars, "previous_day_volume")

    # Act
    agreement, touched = compare(theirs, measured(same), touches=exact_touches(same))
    _, rolled = compare(
        theirs,
        measured(previous),
        touches=exact_touches(previous),
        rolls=roll_days(same, previous),
    )

    # Assert
    assert sum(figure.compared for figure in agreement.values()) == 2316
    assert {difference.slot for difference in touched} == set(EXACT_TOUCHES)
    assert {difference.reason for difference in touched} == {
        "target touched to the tick: float arithmetic misses it"
    }
    assert all(difference.reason for difference in rolled)
    assert {
        difference.slot[0] for difference in rolled if difference.reason.startswith("contract")
    } == ROLL_DAYS
