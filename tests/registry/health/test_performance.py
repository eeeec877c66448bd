"""Daily figures are returned by mode and day, and the first recording times of outcomes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text

from ml_core.health.daily_sums import (
    CoverageSums,
    DaySums,
    ForecastSums,
    PerformanceRecord,
    TradeSums,
)
from registry.database import Database
from registry.health.performance import (
    first_recorded,
    performance_records,
    update_performance,
)
from registry.ledger.ledger import Ledger
from tests.ledger_rows import OUTCOME

AT = datetime(2024, 6, 3, 8, 15, tzinfo=UTC)
DAY = date(2024, 6, 3)
FIRST = PerformanceRecord(
    market="MGC",
    day=DAY,
    mode="live",
    role="champion",
    version="v1",
    opening_range="all",
    figures=DaySums(
        breaks=1,
        abstained={"holiday": 2},
        model=ForecastSums(
            accuracy=1.0, log_loss=0.1 + 0.2, brier=0.09, bins={"7": [1.0, 0.7, 1.0, 0.21]}
        ),
        taken=TradeSums(trades=1, won=1, r_gross=1.0, r_net=0.1 + 0.7),
        interval=CoverageSums(stated=1, covered=1),
    ),
)


def test_figures_are_returned_bit_by_bit_by_mode_and_day(database: Database) -> None:
    next_day = replace(FIRST, day=DAY + timedelta(days=1))
    replayed = replace(FIRST, mode="replay")
    update_performance(database, [next_day, FIRST, replayed, replace(FIRST, market="NQ")], AT)

    assert performance_records(database, "MGC", mode="live") == (FIRST, next_day)
    assert performance_records(database, "MGC", mode="live", first=next_day.day) == (next_day,)
    assert performance_records(database, "MGC", mode="replay") == (replayed,)
    assert update_performance(database, [next_day, FIRST, replayed], AT) == 0


def test_figures_that_were_no_sums_count_nothing_until_they_are_worked_out_anew(
    database: Database,
) -> None:
    update_performance(database, [FIRST], AT)
    before = '{"predicted":6,"abstained":0,"breaks":5,"taken":2,"taken_r_net":0.4}'
    with database.session() as session:
        session.execute(text("UPDATE performance SET figures = :before"), {"before": before})

    (record,) = performance_records(database, "MGC", mode="live")
    assert record == replace(FIRST, figures=DaySums())
    assert update_performance(database, [FIRST], AT) == 1
    assert performance_records(database, "MGC", mode="live") == (FIRST,)


def test_an_outcome_came_when_it_was_first_recorded_not_when_revised(database: Database) -> None:
    outcome = replace(OUTCOME, trading_day=DAY, label="l", resolved_at=AT)
    ledger = Ledger(database)
    ledger.record_outcome(outcome, AT)
    ledger.record_outcome(replace(outcome, direction="DOWN"), AT + timedelta(days=4))

    assert first_recorded(database, "MGC", [DAY]) == {(DAY, "0900", "l", ""): AT}
    assert first_recorded(database, "MGC", [DAY + timedelta(days=1)]) == {}
