"""Stored JSON keeps its keys, so that old rows are readable and scripts find their fields."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy.engine.default import DefaultDialect

from ml_core.health.daily_sums import DaySums
from ml_core.health.drift import DriftFigures
from ml_core.health.estimates import Expected, Reconciled
from ml_core.health.parity import ParityReport
from ml_core.json_values import json_values
from registry.tables.base import JsonOf

DRIFT: dict[str, Any] = {
    "judged": True,
    "why_not": "",
    "days": 10,
    "columns": 74,
    "left_out": ["clock"],
    "drifted": 1,
    "groups": ["prediction"],
    "prediction_drifted": True,
    "target_drifted": False,
    "moved": [
        {
            "column": "logit of P(UP)",
            "group": "prediction",
            "shift": 2.5,
            "p": 1e-9,
            "limit": 1e-7,
            "drifted": True,
        }
    ],
}
PARITY: dict[str, Any] = {
    "market": "MGC",
    "first_day": "2024-05-20",
    "last_day": "2024-05-31",
    "mode": "live",
    "compared": 60,
    "same": 59,
    "bars": 1,
    "code": 0,
    "unexplained": 0,
    "differing": [
        {
            "slot": "MGC:2024-05-31:1000",
            "role": "champion",
            "version": None,
            "cause": "bars",
            "differences": [{"feature": "wick", "logged": 0.1, "now": None}],
            "changes": ["2024-05-31 00:04 UTC was revised"],
        }
    ],
}

EXPECTED: dict[str, Any] = {
    "metrics": {
        "log_loss": {"value": 0.59, "low": 0.5, "high": 0.7, "of_mix": 0.01},
        "ece": {"value": 0.1, "low": 0.02, "high": 0.2, "of_mix": None},
    },
    "recipe_hash": "r",
    "from": "2024-05-20T23:05:00+00:00",
    "to": "2024-05-31T14:35:00+00:00",
    "unseen": {
        "estimate": 0.6,
        "low": 0.55,
        "high": 0.65,
        "rows": 900,
        "days": 150,
        "error": 0.02,
    },
    "warning": "surer than on unseen days",
}
CAME: dict[str, Any] = {
    "breaks": 58,
    "realised": {"log_loss": 0.61, "ece": 0.08},
    "error": {"log_loss": 0.02, "ece": -0.02},
    "inside": {"log_loss": True, "ece": True},
    "open": 2,
}

TRADES = {"trades": 3, "won": 1, "r_gross": 0.5, "r_net": 0.25}
VOICE = {"accuracy": 3.0, "log_loss": 3.2, "brier": 1.1, "bins": {"7": [5.0, 3.6, 3.0, 0.9]}}
SUMS: dict[str, Any] = {
    "slots": 9,
    "answered": 6,
    "abstained": {"holiday": 3},
    "late": 1,
    "open": 0,
    "no_break": 0,
    "breaks": 5,
    "ups": 3,
    "revised": 0,
    "late_outcomes": 2,
    "model": VOICE,
    "corridor": VOICE,
    "majority": None,
    "taken": TRADES,
    "predicted_side": TRADES,
    "every_break": TRADES,
    "interval": {"stated": 3, "covered": 2},
}


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        (DriftFigures, DRIFT),
        (ParityReport, PARITY),
        (Expected, EXPECTED),
        (Reconciled, CAME),
        (DaySums, SUMS),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_stored_json_is_read_and_written_with_the_same_keys(
    kind: Any, kept: dict[str, Any]
) -> None:
    assert (
        json_values(JsonOf(kind).process_result_value(json.dumps(kept), DefaultDialect())) == kept
    )
