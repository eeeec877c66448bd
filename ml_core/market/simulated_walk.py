"""The walk of a simulated market: the parameters of each minute, and the random draws."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ml_core.market.schedule import Schedule, from_minute

SIGMA_TICKS = 5.0
"""Typical move of a minute at an ordinary hour of an ordinary day."""

_LEVEL_MEMORY, _LEVEL_NOISE = 0.95, 0.08


@dataclass(frozen=True, slots=True)
class Hours:
    """The walk's parameters in each of the m minutes of the exchange's hours, in time order."""

    minute: NDArray[np.int64]
    day: NDArray[np.int64]
    sigma: NDArray[np.float64]
    silent: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Walk:
    """The random draws for those minutes: steps, which minutes trade, and bar shapes."""

    shock: NDArray[np.float64]
    trades: NDArray[np.bool_]
    reach: NDArray[np.int64]
    volume: NDArray[np.int64]


def hours_of(schedule: Schedule, seed: int) -> Hours:
    """Return the parameters of each minute of a schedule's exchange hours."""
    lengths = schedule.exchange_close - schedule.exchange_open
    day = np.repeat(np.arange(len(schedule)), lengths)
    first = np.repeat(schedule.exchange_open - (np.cumsum(lengths) - lengths), lengths)
    minute = first + np.arange(len(day))
    level = np.empty(len(schedule))
    last = 0.0
    for row, when in enumerate(schedule.days.astype(np.int64).tolist()):
        last = (
            _LEVEL_MEMORY * last + _LEVEL_NOISE * np.random.default_rng([seed, 1, when]).normal()
        )
        level[row] = last
    activity = _activity(minute)
    # levels are rounded to hundredths and shapes to hours, so that spans of minutes share
    # parameters
    sigma = np.round(SIGMA_TICKS * activity * np.exp(level)[day], 2)
    silent = np.round(np.clip(0.02 / activity**2, 0.0, 0.4), 3).astype(np.float64)
    return Hours(minute, day, np.maximum(sigma, 0.5), silent)


def _activity(minute: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the relative size of moves by hour: quiet Asia, London and New York openings."""
    shape = np.full(24, 0.7)
    shape[[18, 19, 20, 21]] = 0.8  # New York's evening: Asia opens
    shape[[8, 9, 10, 11]] = (1.5, 1.7, 1.6, 1.2)
    hours, back = np.unique(minute // 60, return_inverse=True)
    new_york, london = ZoneInfo("America/New_York"), ZoneInfo("Europe/London")
    value = np.empty(len(hours))
    for index, hour in enumerate(hours.tolist()):
        moment = from_minute(hour * 60)
        there = moment.astimezone(london).hour
        value[index] = shape[moment.astimezone(new_york).hour] + (0.4 if there in {8, 9} else 0.0)
    return value[back]


def draw_walk(hours: Hours, days: int, seed: int) -> Walk:
    """Draw each day from its own random stream, independent of the days before it."""
    counts = np.bincount(hours.day, minlength=days)
    shock, uniform, reach, volume = [], [], [], []
    stops = np.cumsum(counts)
    for row in range(days):
        stop = int(stops[row])
        span = slice(stop - int(counts[row]), stop)
        count = int(counts[row])
        draw = np.random.default_rng([seed, 2, int(hours.minute[span][0])])
        sigma = hours.sigma[span]
        shock.append(draw.normal(size=count))
        uniform.append(draw.random(count))
        reach.append(draw.geometric(1.0 / (1.0 + 0.4 * sigma), size=(2, count)) - 1)
        volume.append(1 + draw.poisson(12.0 * sigma * draw.gamma(2.0, 0.5, count)))
    trades = np.concatenate(uniform) >= hours.silent
    return Walk(
        np.concatenate(shock), trades, np.concatenate(reach, axis=1), np.concatenate(volume)
    )


def extremes(close: NDArray[np.int64], walk: Walk) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return highs and lows of minutes with these closes, each of shape (m,), ticks."""
    opened = np.concatenate([close[:1], close[:-1]])
    return np.maximum(opened, close) + walk.reach[0], np.minimum(opened, close) - walk.reach[1]
