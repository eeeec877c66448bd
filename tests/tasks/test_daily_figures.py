"""Daily figures summed from new rows alone equal those summed from the whole record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event, text

from ml_core.decision.entry import PredictionEntry
from ml_core.health.daily_sums import PerformanceRecord
from registry.health.performance import performance_records
from tasks.prediction.outcomes.settling import measure
from tasks.settings import current_settings
from tests.ledger_rows import DECIDED, OUTCOME, PREDICTION

AT = datetime(2024, 7, 1, tzinfo=UTC)
DAY = date(2024, 6, 4)
RANGES = ("0900", "1000")


@pytest.fixture(autouse=True)
def empty(home: Path) -> None:
    """Use an empty home."""
    del home


def predict(number: int, **changed: object) -> PredictionEntry:
    """Record a prediction: two a day, each slot of its own."""
    day, which = divmod(number, len(RANGES))
    entry = replace(
        PREDICTION,
        trading_day=DAY + timedelta(days=day),
        opening_range=RANGES[which],
        decision_time=DECIDED + timedelta(days=day, hours=which),
        made_at=DECIDED + timedelta(days=day, hours=which, seconds=3),
        **changed,
    )
    current_settings().ledger().record([entry])
    return entry


def settle(entry: PredictionEntry, direction: str, late: timedelta) -> None:
    """Record an outcome, or its revision, some time after the slot was settled."""
    resolved = entry.decision_time + timedelta(hours=1)
    outcome = replace(
        OUTCOME,
        market=entry.market,
        trading_day=entry.trading_day,
        opening_range=entry.opening_range,
        direction=direction,
        r_net=0.8 if direction == "UP" else -1.2,
        resolved_at=resolved,
    )
    current_settings().ledger().record_outcome(outcome, resolved + late)


def figures() -> set[tuple[str, PerformanceRecord]]:
    database = current_settings().database()
    return {
        (repr(record), record.mode)
        for mode in ("live", "replay")
        for record in performance_records(database, "MGC", mode=mode)
    }


def forget(*tables: str) -> None:
    with current_settings().database().session() as session:
        for name in tables:
            session.execute(text(f"DELETE FROM {name}"))  # noqa: S608


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_new_late_and_revised_rows_gives_the_figures_of_the_whole(seed: int) -> None:
    random = np.random.default_rng(seed)
    entries: list[PredictionEntry] = []
    for _ in range(25):
        what = random.choice(["predict", "settle", "measure"])
        if what == "predict" or not entries:
            number = int(random.integers(12))
            changed = {
                "mode": str(random.choice(["live", "replay"])),
                "role": str(random.choice(["champion", "challenger"])),
                "version": str(random.choice(["v1", "v2"])),
                "p_up": float(random.random()),
                "market": str(random.choice(["MGC", "MGC", "NQ"])),
            }
            entries.append(predict(number, **changed))
        elif what == "settle":
            late = timedelta(hours=int(random.integers(60)))
            entry = entries[int(random.integers(len(entries)))]
            settle(entry, str(random.choice(["UP", "DOWN", "NONE"])), late)
        else:
            measure.fn("mgc", AT)
    measure.fn("mgc", AT)
    by_new_rows = figures()

    forget("performance", "performance_progress")
    measure.fn("mgc", AT)
    assert figures() == by_new_rows
    assert by_new_rows


def test_only_days_with_new_rows_are_read_and_nothing_is_written_without_any() -> None:
    first, _, third = predict(0), predict(1), predict(2)
    assert measure.fn("mgc", AT) == 5  # two ranges and the day, one range and the day
    assert measure.fn("mgc", AT) == 0
    settle(third, "UP", timedelta(0))

    read: list[str] = []
    engine = current_settings().database().engine
    event.listen(engine, "before_cursor_execute", lambda *of: read.append(str(of[3])))
    assert measure.fn("mgc", AT) == 2
    assert not any(str(first.trading_day) in parameters for parameters in read)
    assert any(str(third.trading_day) in parameters for parameters in read)


def test_figures_are_summed_anew_if_the_last_row_they_include_is_gone() -> None:
    settle(predict(0), "UP", timedelta(0))
    measure.fn("mgc", AT)
    forget("predictions", "outcomes")
    settle(predict(0, p_up=0.2), "DOWN", timedelta(0))
    assert measure.fn("mgc", AT) == 2
    by_new_rows = figures()
    forget("performance", "performance_progress")
    measure.fn("mgc", AT)
    assert figures() == by_new_rows


def test_other_code_sums_all_days_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    predict(0)
    measure.fn("mgc", AT)
    with current_settings().database().session() as session:
        session.execute(text("UPDATE performance SET figures = '{}'"))
    assert measure.fn("mgc", AT) == 0
    monkeypatch.setattr(
        "tasks.prediction.outcomes.settling._summing_code", lambda: "of a later release"
    )
    assert measure.fn("mgc", AT) == 2
