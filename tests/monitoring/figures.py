"""A small evaluation in the form of ml_core.evidence, made by its own code from invented rows."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from ml_core.evidence.evaluate import evaluate
from ml_core.json_values import json_values
from ml_core.learning.bundle import Bundle
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.models.baselines import fit_baselines
from ml_core.learning.recipe import Recipe
from ml_core.ranges.labels import DOWN, LOSS, UP, WIN

DAYS = 60
RANGES = ("0900", "1000")
TRUTH = {
    "slots": 120.0,
    "bayes_accuracy": 0.74,
    "driftless_accuracy": 0.70,
    "bayes_log_loss": 0.54,
    "driftless_log_loss": 0.58,
    "edge": 0.04,
}


def dataset(seed: int = 3) -> Dataset:
    """Return breakouts that follow the corridor, two ranges a day."""
    draw = np.random.default_rng(seed)
    rows = DAYS * len(RANGES)
    x = draw.random(rows)
    direction = np.where(draw.random(rows) < x, UP, DOWN).astype(np.int16)
    won = draw.random(rows) < 0.5
    days = np.datetime64("2024-01-01") + np.repeat(np.arange(DAYS), len(RANGES))
    minute = days.astype("datetime64[m]").astype(np.int64) + np.tile([5, 65], DAYS)
    r_gross = np.where(won, 1.0, -1.0)
    return Dataset(
        market="TST",
        label_spec=Recipe(name="baseline", kind="baseline").label,
        trading_day=days,
        opening_range=np.array(RANGES * DAYS),
        decision_minute=minute,
        resolved_minute=minute + 30,
        direction=direction,
        outcome=np.where(won, WIN, LOSS).astype(np.int16),
        r_gross=r_gross,
        r_net=r_gross - 0.1,
        entry_ticks=np.full(rows, 1000.0),
        risk_ticks=np.full(rows, 45.0),
        target_ticks=np.full(rows, 45.0),
        feature_names=("close_position",),
        categorical=(),
        features=x[:, None],
        close_position=x,
        size_ticks=np.full(rows, 40.0),
        sigma_ticks=np.full(rows, 1.0),
        cost_ticks=4.5,
    )


def trained() -> dict[str, Any]:
    """Return the metadata of a version."""
    period = {"rows": 120, "first_day": "2023-01-02", "last_day": "2023-12-29"}
    return {
        "market": "TST",
        "label": "entry-session-v1-entry-full-rr1-session_end",
        "data_fingerprint": "f" * 64,
        "last_day": "2023-12-29",
        "cost_ticks": 4.5,
        "train": period,
        "calibrate": period,
        "test": period,
        "models": {"directional": {"rounds": 4, "rows": 100, "learned": True}},
    }


@cache
def _evaluated() -> dict[str, Any]:
    data = dataset()
    bundle = Bundle(
        recipe=Recipe(name="baseline", kind="baseline"),
        baselines=fit_baselines(data),
        texts={},
        calibrators={},
        intervals=None,
        feature_names=data.feature_names,
        categorical=(),
        trained=trained(),
        importance={},
    )
    return json_values(evaluate(bundle, replace(data, market="TST")))


def evaluation() -> dict[str, Any]:
    """Return a fresh copy of what Evaluation.to_json returns."""
    return copy.deepcopy(_evaluated())
