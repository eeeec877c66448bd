"""What is kept has the keys it always had: rows are read, scripts find what they look for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ml_core.health.drift import DriftFigures
from ml_core.health.parity import ParityReport

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


@pytest.mark.parametrize(
    ("kind", "kept"), [(DriftFigures, DRIFT), (ParityReport, PARITY)], ids=["drift", "parity"]
)
def test_what_is_kept_is_read_and_written_with_the_same_keys(
    kind: Any, kept: dict[str, Any]
) -> None:
    assert json.loads(json.dumps(kind.from_json(kept).to_json())) == kept
