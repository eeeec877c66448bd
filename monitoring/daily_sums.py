"""What a day's predictions came to, as sums: those of any days together give a period exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_core.evidence.metrics import METRICS, RELIABILITY_BINS, bin_of
from ml_core.health.daily_sums import CoverageSums, DaySums, ForecastSums, TradeSums

ALL = "all"
NO_VERSION = "none"
"""Named where no version was there to answer."""

_KEY = ("mode", "role", "version")
_SIDE = {"long": "UP", "short": "DOWN"}
_EVEN = 0.5


def daily_figures(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return sums for each mode, role, version, day and opening range, and for the whole day.

    Parameters
    ----------
    rows
        Predictions with the latest outcome of their slot: ``day``, ``opening_range``, ``mode``,
        ``role``, ``version``, and what :func:`figures` reads.

    Returns
    -------
    list of dict
        ``day``, ``mode``, ``role``, ``version``, ``opening_range`` (or ``all``), ``figures``.
    """
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        owner = (row["mode"], row["role"], row["version"] or NO_VERSION)
        for name in (row["opening_range"], ALL):
            groups.setdefault((row["day"], *owner, name), []).append(row)
    return [
        {
            "day": day,
            **dict(zip(_KEY, owner, strict=True)),
            "opening_range": name,
            "figures": figures(rows),
        }
        for (day, *owner, name), rows in sorted(groups.items())
    ]


def figures(rows: Sequence[Mapping[str, Any]]) -> DaySums:
    """Sum up predictions and their outcomes.

    An answer that came late is counted and scored for nothing: it cannot show that it was made
    before its outcome.

    Parameters
    ----------
    rows
        ``status``, ``reason``, ``late``, ``p_up``, ``baseline_p_up``, ``majority_p_up`` (None if
        not known), ``recommendation``, ``direction`` (UP, DOWN, NONE or None while open),
        ``r_gross``, ``r_net``, ``net_r_low`` and ``net_r_high`` of the side that broke (None if
        none was stated), ``revision`` of the outcome, ``outcome_late``.
    """
    predicted = [row for row in rows if row["status"] == "predicted"]
    in_time = [row for row in predicted if not row["late"]]
    broke = [row for row in in_time if row["direction"] in {"UP", "DOWN"}]
    up = np.array([row["direction"] == "UP" for row in broke], bool)
    reasons = [row["reason"] for row in rows if row["status"] != "predicted"]
    return DaySums(
        slots=len(rows),
        answered=len(predicted),
        abstained={reason: reasons.count(reason) for reason in sorted(set(reasons))},
        late=len(predicted) - len(in_time),
        open=sum(row["direction"] is None for row in predicted),
        no_break=sum(row["direction"] == "NONE" for row in in_time),
        breaks=len(broke),
        ups=int(up.sum()),
        revised=sum(row["revision"] > 0 for row in rows),
        late_outcomes=sum(bool(row["outcome_late"]) for row in rows),
        model=_forecast([row["p_up"] for row in broke], up),
        corridor=_forecast([row["baseline_p_up"] for row in broke], up),
        majority=_forecast([row["majority_p_up"] for row in broke], up),
        taken=_trades([row for row in broke if _side_of(row) == row["direction"]]),
        predicted_side=_trades([row for row in broke if _likelier(row) == row["direction"]]),
        every_break=_trades(broke),
        interval=_interval(broke),
    )


def binned(p: NDArray[np.float64], up: NDArray[np.bool_]) -> dict[str, list[float]]:
    """Return, for each tenth of the scale that has rows: rows, said, ups and p (1 - p) summed.

    >>> binned(np.array([0.25, 0.75]), np.array([False, True]))
    {'2': [1.0, 0.25, 0.0, 0.1875], '7': [1.0, 0.75, 1.0, 0.1875]}
    """
    cell = bin_of(p)
    sums = np.zeros((RELIABILITY_BINS, 4))
    np.add.at(sums, cell, np.column_stack([np.ones(len(p)), p, up, p * (1.0 - p)]))
    return {str(tenth): sums[tenth].tolist() for tenth in np.unique(cell)}


def _forecast(predicted: list[float | None], up: NDArray[np.bool_]) -> ForecastSums | None:
    """Return the sums of a forecaster's metrics; None if not known what it said of each break."""
    if any(p_up is None for p_up in predicted):
        return None
    p = np.array(predicted, np.float64)
    sums = {metric.name: float(metric.rows(p, up).sum()) for metric in METRICS}
    return ForecastSums(**sums, bins=binned(p, up))


def _side_of(row: Mapping[str, Any]) -> str | None:
    return _SIDE.get(row["recommendation"] or "")


def _likelier(row: Mapping[str, Any]) -> str:
    return "UP" if row["p_up"] >= _EVEN else "DOWN"


def _trades(rows: Sequence[Mapping[str, Any]]) -> TradeSums:
    done = [row for row in rows if row["r_net"] is not None]
    return TradeSums(
        trades=len(done),
        won=sum(row["r_net"] > 0 for row in done),
        r_gross=float(sum(row["r_gross"] for row in done)),
        r_net=float(sum(row["r_net"] for row in done)),
    )


def _interval(rows: Sequence[Mapping[str, Any]]) -> CoverageSums:
    stated = [
        row
        for row in rows
        if row["r_net"] is not None
        and row["net_r_low"] is not None
        and row["net_r_high"] is not None
    ]
    covered = sum(row["net_r_low"] <= row["r_net"] <= row["net_r_high"] for row in stated)
    return CoverageSums(stated=len(stated), covered=covered)
