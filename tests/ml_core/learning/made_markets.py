"""Driftless markets, whose trades are compared with the baselines' probabilities."""

from __future__ import annotations

from datetime import date

import numpy as np

from benchmarks.control_worlds import bars_of
from ml_core.bars.arrays import Bars
from ml_core.learning.datasets.assemble import assemble
from ml_core.learning.datasets.dataset import Dataset
from ml_core.market.schedule import build_schedule
from ml_core.market.simulation import simulate
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import mgc

FIRST, LAST = date(2019, 1, 2), date(2022, 12, 23)


def simulated_bars(seed: int) -> Bars:
    """Return four years of the project's own simulator, without a planted effect."""
    schedule = build_schedule(mgc(), FIRST, LAST)
    return bars_of(mgc(), simulate(mgc(), schedule, seed=seed, with_truth=False))


def own_bars(seed: int) -> Bars:
    """Return four years of another walk: six heavy-tailed steps a minute, extremes from its path.

    Volatility varies from day to day by a third and within the day by a half.
    """
    schedule = build_schedule(mgc(), FIRST, LAST)
    hours = schedule.exchange_close - schedule.exchange_open
    day = np.repeat(np.arange(len(schedule)), hours)
    minute = np.repeat(schedule.exchange_open - (np.cumsum(hours) - hours), hours)
    minute = minute + np.arange(len(minute))
    draw = np.random.default_rng(seed)
    level = np.exp(draw.normal(0.0, 0.3, len(schedule)))[day]
    sigma = 5.0 * level * (1.0 + 0.5 * np.sin(2.0 * np.pi * (minute % 1440) / 1440))
    steps = draw.standard_t(5, (len(minute), 6)) * (sigma / np.sqrt(6 * 5 / 3))[:, None]
    path = 20000 + np.cumsum(steps.ravel()).round().astype(np.int32).reshape(len(minute), 6)
    opened = np.concatenate([path[:1, 0], path[:-1, -1]])
    return Bars(
        symbol="MGC",
        contracts=("MGCG9",),
        minute=minute,
        contract=np.zeros(len(minute), np.int32),
        open=opened,
        high=np.maximum(path.max(axis=1), opened),
        low=np.minimum(path.min(axis=1), opened),
        close=path[:, -1],
        volume=draw.integers(1, 60, len(minute)),
    )


def trades_of(
    bars: Bars, reward: float, first: date = FIRST, last: date = LAST
) -> tuple[Dataset, Dataset]:
    """Return the rows of the first 60 % of the days, and the trades of the other 40 %."""
    spec = LabelSpec(rr=reward)
    data = assemble(bars, mgc(), spec, first=first, last=last).dataset
    cut = data.trading_day[int(len(data) * 0.6)]
    begin = data.decision_minute[data.trading_day >= cut].min()
    learned = data.rows((data.trading_day < cut) & (data.resolved_minute < begin))
    return learned, data.rows((data.trading_day >= cut) & np.isfinite(data.r_net))
