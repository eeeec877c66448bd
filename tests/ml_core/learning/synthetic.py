"""Datasets with a known truth, for the tests of learning and evidence."""

from __future__ import annotations

import numpy as np

from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.models.driftless import DriftlessEntry
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import DOWN, LOSS, UP, WIN


def dataset(
    days: int = 400, *, effect: float = 0.0, seed: int = 0, features: int = 6, cost: float = 4.48
) -> Dataset:
    """Return three ranges a day whose breakouts follow the corridor at k = 1, and one feature.

    ``effect`` is added to the log-odds of UP with the sign of feature ``f0``.
    """
    draw = np.random.default_rng(seed)
    count = days * 3
    day = np.repeat(np.arange(days), 3)
    decision = 28_000_000 + day * 1440 + np.tile([0, 60, 120], days)
    x, size = draw.random(count).round(3), draw.integers(10, 60, count).astype(np.float64)
    sigma = 0.25 * size
    inputs = draw.normal(size=(count, features))
    corridor = (x + sigma / size) / (1 + 2 * sigma / size)
    margin = np.log(corridor / (1 - corridor)) + effect * np.sign(inputs[:, 0])
    up = draw.random(count) < 1 / (1 + np.exp(-margin))
    won = draw.random(count) < 0.5
    risk = size + sigma
    gross = np.where(won, 1.0, -1.0)
    return Dataset(
        market="TEST",
        label_spec=LabelSpec(),
        trading_day=np.datetime64("2021-01-04") + day,
        opening_range=np.tile(np.array(["0900", "1000", "1100"]), days),
        decision_minute=decision,
        resolved_minute=decision + draw.integers(5, 300, count),
        direction=np.where(up, UP, DOWN).astype(np.int16),
        outcome=np.where(won, WIN, LOSS).astype(np.int16),
        r_gross=gross,
        r_net=gross - cost / risk,
        entry_ticks=np.full(count, 20000.0),
        risk_ticks=risk,
        target_ticks=risk,
        feature_names=tuple(f"f{index}" for index in range(features)),
        categorical=(),
        features=inputs,
        close_position=x,
        size_ticks=size,
        sigma_ticks=sigma,
        cost_ticks=cost,
    )


def entry_of(reward: float, otherwise: float, cost: float) -> DriftlessEntry:
    """Return one decision's driftless entry, with its stop a tick away and any probabilities."""
    return DriftlessEntry(
        stop=np.ones(1),
        target=np.array([reward]),
        p_win=np.full(1, np.nan),
        p_timeout=np.full(1, np.nan),
        otherwise_r=np.array([otherwise]),
        cost_r=np.array([cost]),
        net_r=np.full(1, np.nan),
    )
