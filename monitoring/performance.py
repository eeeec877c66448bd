"""How predictions did once their outcomes were known, day by day, the baseline beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ml_core.evidence.metrics import METRICS

ALL = "all"
_KEY = ("mode", "role", "version")
_SIDE = {"long": "UP", "short": "DOWN"}


def daily_figures(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give figures for each mode, role, version, day and opening range, and for the whole day.

    Parameters
    ----------
    rows
        Predictions with the latest outcome of their slot: ``day``, ``opening_range``, ``mode``,
        ``role``, ``version``, ``status``, ``p_up``, ``baseline_p_up``, ``recommendation``,
        ``direction`` (UP, DOWN, NONE or None while open), ``r_gross``, ``r_net``.

    Returns
    -------
    list of dict
        ``day``, ``mode``, ``role``, ``version``, ``opening_range`` (or ``all``), ``figures``.
    """
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if row["version"] is None:
            continue
        for name in (row["opening_range"], ALL):
            groups.setdefault((row["day"], *(row[key] for key in _KEY), name), []).append(row)
    return [
        {
            "day": day,
            "mode": mode,
            "role": role,
            "version": version,
            "opening_range": name,
            "figures": figures(each),
        }
        for (day, mode, role, version, name), each in sorted(groups.items())
    ]


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Sum up predictions and their outcomes; metrics are None while no break is known."""
    said = [row for row in rows if row["status"] == "predicted"]
    broke = [row for row in said if row["direction"] in {"UP", "DOWN"}]
    taken = [
        row
        for row in broke
        if _SIDE.get(row["recommendation"] or "") == row["direction"] and row["r_net"] is not None
    ]
    found: dict[str, Any] = {
        "predicted": len(said),
        "abstained": len(rows) - len(said),
        "open": sum(row["direction"] is None for row in said),
        "breaks": len(broke),
        "taken": len(taken),
        "taken_r_gross": float(sum(row["r_gross"] for row in taken)),
        "taken_r_net": float(sum(row["r_net"] for row in taken)),
        "every_break_r_net": float(sum(row["r_net"] for row in broke if row["r_net"] is not None)),
    }
    happened = np.array([row["direction"] == "UP" for row in broke], bool)
    for voice, key in (("model", "p_up"), ("baseline", "baseline_p_up")):
        p = np.array([row[key] for row in broke], np.float64)
        for metric in METRICS:
            found[f"{voice}_{metric.name}"] = metric(p, happened) if broke else None
    return found
