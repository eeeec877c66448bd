"""Early warning: estimates made before the outcomes, and later the realised figures beside them.

A line is the sequence of one role's live predictions by one recipe, whose versions are refits of
one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from prefect import task

from ml_core.decision.entry import PredictionEntry
from ml_core.health.estimates import Expected
from monitoring.early_warning import (
    MIN_ROWS,
    WINDOW,
    Reference,
    expect,
    reconcile,
    warning,
)
from registry.health.estimates import (
    EstimateRecord,
    estimate_records,
    fill_realised,
    record_estimate,
)
from registry.ledger.entries import Settled
from tasks.notices.notify import notify
from tasks.prediction.outcomes.settling import REVISED_DAYS
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings
from tasks.training.version_lineage import ROLES, judged_rows, line_of, unseen_interval

LOOKED_BACK = timedelta(days=60)
"""How far back the rows of an estimate, and estimates without realised figures, may lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyWarning:
    """Counts of new and of reconciled estimates, and the warnings of the new ones."""

    made: int
    reconciled: int
    warnings: tuple[str, ...]


@task(name="estimate without outcomes", task_run_name="{market}: early warning", **RETRIED)
def warn_early(market: str, at: datetime) -> EarlyWarning:
    """Estimate each line's log loss and calibration, and reconcile earlier estimates.

    One estimate is made for each line and trading day, from its latest predictions, and never
    changed. Its realised figures are filled in after the outcomes.
    """
    settings = current_settings()
    symbol = settings.market(market).symbol
    since = (at - LOOKED_BACK).date()
    rows = settings.ledger().settled(symbol, first=since, mode="live")
    made = [_estimate(settings, symbol, line_of(rows, role), at) for role in ROLES]
    kept = [estimate for estimate in made if estimate is not None]
    new = sum(record_estimate(settings.database(), estimate) for estimate in kept)
    records = estimate_records(settings.database(), symbol, first=since)
    filled = sum(_reconciled(settings, record, rows, at) for record in records)
    present = {(estimate.role, estimate.version, estimate.last_day) for estimate in kept}
    warned = [
        record
        for record in records
        if (record.role, record.version, record.last_day) in present and record.expected.warning
    ]
    for record in warned:
        _notify(settings, record)
    return EarlyWarning(
        made=new,
        reconciled=filled,
        warnings=tuple(
            f"{record.role} {record.version}: {record.expected.warning}" for record in warned
        ),
    )


def _notify(settings: Settings, record: EstimateRecord) -> None:
    """Send a notice of a warning; a warning that persists is sent once a week."""
    year, week, _ = record.last_day.isocalendar()
    notify(
        settings,
        "estimate",
        record.market,
        f"estimate {record.market} {record.role} {year}-{week}",
        f"{record.market}: the {record.role} expects worse results",
        f"{record.version}: {record.expected.warning}.\nThe outcomes are not known yet: "
        f"this is estimated from its own probabilities. `orbcast performance --estimates --market "
        f"{record.market.lower()}`",
    )


def _estimate(
    settings: Settings, symbol: str, line: list[Settled], at: datetime
) -> EstimateRecord | None:
    window = [row.prediction for row in line[-WINDOW:]]
    if len(window) < MIN_ROWS or window[-1].version is None:
        return None
    p = np.array([entry.p_up for entry in window], np.float64)
    p_break = np.array([_p_break(entry) for entry in window], np.float64)
    estimates = expect(p, p_break)
    unseen = unseen_interval(settings, symbol, window[-1].version, "log_loss")
    warned = None
    if unseen is not None:
        reference = Reference(log_loss=unseen["estimate"], error=unseen["error"])
        warned = warning(estimates["log_loss"], reference)
    return EstimateRecord(
        market=symbol,
        role=window[-1].role,
        version=window[-1].version,
        mode="live",
        first_day=window[0].trading_day,
        last_day=window[-1].trading_day,
        rows=len(window),
        expected=Expected(
            metrics=estimates,
            recipe_hash=window[-1].recipe_hash,
            begin=window[0].decision_time,
            end=window[-1].decision_time,
            unseen=unseen,
            warning=warned,
        ),
        at=at,
    )


def _p_break(entry: PredictionEntry) -> float:
    prediction = entry.outputs.prediction
    return 1.0 - prediction.p_none if prediction is not None else 1.0


def _reconciled(
    settings: Settings, record: EstimateRecord, rows: Sequence[Settled], at: datetime
) -> bool:
    """Fill in the realised figures, once every row is settled or too old to be settled."""
    expected = record.expected
    own = [
        row
        for row in rows
        if row.prediction.role == record.role
        and row.prediction.recipe_hash == expected.recipe_hash
        and row.prediction.status == "predicted"
        and not row.prediction.late
        and expected.begin <= row.prediction.decision_time <= expected.end
    ]
    waiting = sum(row.outcome is None for row in own)
    had_its_time = at.date() - record.last_day > timedelta(days=REVISED_DAYS)
    judged = judged_rows(own).breaks
    # rows older than what was read are missing, so such an estimate cannot be judged
    if len(own) != record.rows or (waiting and not had_its_time) or not len(judged.up):
        return False
    realised = reconcile(expected.metrics, judged.p_up, judged.up, waiting)
    return fill_realised(settings.database(), record, realised, at)
