"""Daily performance as sums, which add up exactly to the figures of any period."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ml_core.evidence.metrics import METRICS, RELIABILITY_BINS, bin_of
from ml_core.health.daily_sums import (
    CoverageSums,
    DaySums,
    ForecastSums,
    PerformanceRecord,
    TradeSums,
)
from ml_core.health.scored_prediction import ScoredPrediction

ALL = "all"
NO_VERSION = "none"
"""The version name used when there was no version to predict."""


def daily_figures(
    market: str, rows: Iterable[ScoredPrediction], *, ranges: bool = True
) -> list[PerformanceRecord]:
    """Return sums for each mode, role, version and day, and for each of its opening ranges.

    Parameters
    ----------
    market
        Symbol of the predictions' market.
    rows
        Predictions with the latest outcome of their slot.
    ranges
        False leaves out single opening ranges and returns whole days only.
    """
    groups: dict[tuple[date, str, str, str, str], list[ScoredPrediction]] = {}
    for row in rows:
        for name in (row.opening_range, ALL) if ranges else (ALL,):
            key = (row.trading_day, row.mode, row.role, row.version or NO_VERSION, name)
            groups.setdefault(key, []).append(row)
    return [
        PerformanceRecord(
            market=market,
            day=day,
            mode=mode,
            role=role,
            version=version,
            opening_range=name,
            figures=figures(own),
        )
        for (day, mode, role, version, name), own in sorted(groups.items())
    ]


def figures(rows: Sequence[ScoredPrediction]) -> DaySums:
    """Sum up predictions and their outcomes.

    A late prediction is counted but not scored: it cannot prove that it was made before its
    outcome.
    """
    predicted = [row for row in rows if row.predicted]
    in_time = [row for row in predicted if not row.late]
    broke = [row for row in in_time if row.broke]
    up = np.array([row.direction == "UP" for row in broke], bool)
    reasons = [row.reason or "" for row in rows if not row.predicted]
    return DaySums(
        slots=len(rows),
        answered=len(predicted),
        abstained={reason: reasons.count(reason) for reason in sorted(set(reasons))},
        late=len(predicted) - len(in_time),
        open=sum(row.direction is None for row in predicted),
        no_break=sum(row.direction == "NONE" for row in in_time),
        breaks=len(broke),
        ups=int(up.sum()),
        revised=sum(row.revision > 0 for row in rows),
        late_outcomes=sum(row.outcome_late for row in rows),
        model=_forecast([row.p_up for row in broke], up),
        corridor=_forecast([row.baseline_p_up for row in broke], up),
        majority=_forecast([row.majority_p_up for row in broke], up),
        taken=_trades([row for row in broke if row.taken_r_net is not None]),
        predicted_side=_trades([row for row in broke if row.likelier_side == row.direction]),
        every_break=_trades(broke),
        interval=_interval(broke),
    )


def binned(p: NDArray[np.float64], up: NDArray[np.bool_]) -> dict[str, list[float]]:
    """Return, for each tenth of the scale with rows, the sums of rows, p, ups and p (1 - p).

    >>> binned(np.array([0.25, 0.75]), np.array([False, True]))
    {'2': [1.0, 0.25, 0.0, 0.1875], '7': [1.0, 0.75, 1.0, 0.1875]}
    """
    cell = bin_of(p)
    sums = np.zeros((RELIABILITY_BINS, 4))
    np.add.at(sums, cell, np.column_stack([np.ones(len(p)), p, up, p * (1.0 - p)]))
    return {str(tenth): sums[tenth].tolist() for tenth in np.unique(cell)}


def _forecast(predicted: list[float | None], up: NDArray[np.bool_]) -> ForecastSums | None:
    """Return the sums of a forecaster's metrics; None if its p for some breakout is unknown."""
    if any(p_up is None for p_up in predicted):
        return None
    p = np.array(predicted, np.float64)
    sums = {metric.name: float(metric.rows(p, up).sum()) for metric in METRICS}
    return ForecastSums(**sums, bins=binned(p, up))


def _trades(rows: Sequence[ScoredPrediction]) -> TradeSums:
    net = [row.r_net for row in rows if row.r_net is not None]
    return TradeSums(
        trades=len(net),
        won=sum(r > 0 for r in net),
        r_gross=float(sum(row.r_gross or 0.0 for row in rows if row.r_net is not None)),
        r_net=float(sum(net)),
    )


def _interval(rows: Sequence[ScoredPrediction]) -> CoverageSums:
    stated = [
        (row.net_r_low, row.r_net, row.net_r_high)
        for row in rows
        if row.r_net is not None and row.net_r_low is not None and row.net_r_high is not None
    ]
    covered = sum(low <= r_net <= high for low, r_net, high in stated)
    return CoverageSums(stated=len(stated), covered=covered)
