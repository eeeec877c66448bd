"""The driftless entry: how a price without drift moves from the breakout to the scan end.

From the entry on, the price is a Brownian motion between stop and target, with the variance of the
time that is left. Its outcome is a first passage: target, stop, or neither in time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.models.first_passage import (
    TERMS,
    fading_of,
    first_passage,
    waves_of,
)
from ml_core.on_demand import library
from ml_core.ranges.labels import TIMEOUT, WIN

optimize = library("scipy.optimize")

MIN_TRADES = 50
"""Trades that an opening range needs for its own figures; with fewer it uses the overall ones."""

_PARTS = 10  # overshoots are kept as the middles of ten equal shares
_MIN_DISTANCE = 0.5  # half a tick: least distance, for a target at or behind the entry
_LEAST_STOP = 0.25  # least share of the distance to the stop that remains after the reach
_MINUTES = (1.0, 1e5)
_MOST_REACH = 1.0
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftlessEntry:
    """The figures of a driftless price for the trades of n decisions, the same for both sides.

    Attributes
    ----------
    stop, target
        Shape (n,), expected distance from the entry to the stop and to the target, ticks.
    p_win, p_timeout
        Shape (n,): P(target before the stop and in time), and P(neither in time).
    otherwise_r
        Shape (n,), expected gross R of a trade that does not win.
    cost_r, net_r
        Shape (n,), R: the round trip's cost (negative), and the expected R of a trade after costs.
    """

    stop: NDArray[np.float64]
    target: NDArray[np.float64]
    p_win: NDArray[np.float64]
    p_timeout: NDArray[np.float64]
    otherwise_r: NDArray[np.float64]
    cost_r: NDArray[np.float64]
    net_r: NDArray[np.float64]

    @property
    def win_worth(self) -> NDArray[np.float64]:
        """R of a win minus the expected R of a trade that does not win, shape (n,)."""
        return self.target / self.stop - self.otherwise_r


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFigures:
    """What is learned from the training trades of one opening range, or of all ranges.

    Attributes
    ----------
    overshoots
        How far beyond the edge a breakout closes, in units of the liveliness: the middles of ten
        equal shares of the trades, ascending.
    minutes
        Variance between entry and scan end in units of the squared liveliness: the equivalent
        number of minutes of a market with that liveliness.
    """

    overshoots: tuple[float, ...]
    minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryParameters:
    """The parameters of the driftless entry, learned on training rows.

    The *liveliness* of a range, in ticks, is sigma^(1 - w) height^w: a range that is high relative
    to the day's sigma indicates a livelier hour than sigma alone does.

    Attributes
    ----------
    height_weight
        w, 0..1.
    reach
        How much nearer the stop effectively is than its distance, in units of the liveliness: the
        entry is paid on the wrong side of the spread, and bars reach beyond their closes. Never
        below 0, so that no gain before costs is stated.
    by_range, overall
        Figures of the opening ranges with at least ``MIN_TRADES`` trades, and of all ranges.
    """

    height_weight: float
    reach: float
    by_range: Mapping[str, EntryFigures]
    overall: EntryFigures

    def entry(self, data: Dataset, sigma: NDArray[np.float64]) -> DriftlessEntry:
        """Return the driftless figures of n rows; labels are ignored.

        Net R is the cost, plus the loss by the reach where the stop is hit, times the mean of
        1/(distance to the stop): a cost weighs more on a near stop than on an average one.

        Parameters
        ----------
        data
            n decisions.
        sigma
            Shape (n,), ticks, a minute's usual move.
        """
        names, which = np.unique(data.opening_range, return_inverse=True)
        figures = [self.by_range.get(str(name), self.overall) for name in names]
        minutes = np.array([own.minutes for own in figures])[which]
        lively = _liveliness(data, sigma, self.height_weight)
        overshoots = np.array([own.overshoots for own in figures])[which].T * lively
        stop, target = distances(data, overshoots.mean(axis=0))
        p_win, p_timeout = first_passage(
            _shortened(stop, self.reach * lively), target, minutes * lively**2
        )
        one_over_stop = (1.0 / distances(data, overshoots)[0]).mean(axis=0)
        cost = -data.cost_ticks * one_over_stop
        gross = -self.reach * lively * (1.0 - p_win - p_timeout) * one_over_stop
        return DriftlessEntry(
            stop=stop,
            target=target,
            p_win=p_win,
            p_timeout=p_timeout,
            otherwise_r=(gross - p_win * target / stop) / (1.0 - p_win),
            cost_r=cost,
            net_r=gross + cost,
        )


def timeless_entry(data: Dataset, overshoot: NDArray[np.float64]) -> DriftlessEntry:
    """Return the driftless entry of versions without :class:`EntryParameters`.

    P(win) = a/(a + b), as if time were unlimited, and the cost is divided by the mean distance. So
    versions saved before :class:`EntryParameters` existed predict the same as then, to the bit.

    Parameters
    ----------
    data
        n decisions.
    overshoot
        Shape (n,), ticks beyond the edge at which a breakout is expected to close.
    """
    stop, target = distances(data, overshoot)
    cost = -data.cost_ticks / stop
    return DriftlessEntry(
        stop=stop,
        target=target,
        p_win=stop / (stop + target),
        p_timeout=np.zeros(len(data)),
        otherwise_r=np.full(len(data), -1.0),
        cost_r=cost,
        net_r=cost,
    )


def distances(
    data: Dataset, overshoot: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ticks from entry to stop and from entry to target of n decisions.

    Parameters
    ----------
    data
        n decisions.
    overshoot
        Shape (n,) or (m, n), ticks from the broken edge to the entry.

    Returns
    -------
    stop, target
        Of the overshoot's shape.
    """
    spec = data.label_spec
    depth = data.size_ticks if spec.stop == "full" else data.size_ticks / 2
    stop = depth + overshoot
    target = spec.rr * (stop if spec.anchor == "entry" else depth)
    if spec.anchor == "edge":
        target = target - overshoot
    return stop, np.maximum(target, _MIN_DISTANCE)


def fit_entry_parameters(train: Dataset, sigma: NDArray[np.float64]) -> EntryParameters | None:
    """Fit the driftless entry to training rows; None if none of their trades has ended.

    The weight of the height is the maximum-likelihood value for exponential overshoots. The
    minutes of each range reproduce the observed share of timeouts. The reach reproduces, over all
    ranges together, the share of wins among trades that reached target or stop. Where no value
    reproduces a share, the nearest bound is used.

    Parameters
    ----------
    train
        n rows whose outcomes may be used for training.
    sigma
        Shape (n,), ticks, a minute's usual move.
    """
    ended = train.ended[sigma[train.ended] > 0]
    trades, sigma = train.rows(ended), sigma[ended]
    if not len(trades):
        return None
    depth = distances(trades, np.zeros(len(trades)))[0]
    weight = _rounded(_height_weight(trades, sigma, trades.risk_ticks - depth))
    lively = _liveliness(trades, sigma, weight)
    overshoots = (trades.risk_ticks - depth) / lively
    names, counts = np.unique(trades.opening_range, return_counts=True)
    parts = {
        str(name): trades.opening_range == name
        for name, count in zip(names, counts, strict=True)
        if count >= MIN_TRADES
    }
    groups = [*parts.values(), np.ones(len(trades), bool)]
    shares = (np.arange(_PARTS) + 0.5) / _PARTS
    quantiles = [np.quantile(overshoots[rows], shares) for rows in groups]

    def law(minutes: list[float], reach: float) -> EntryParameters:
        figures = [
            EntryFigures(overshoots=tuple(map(_rounded, parts_of)), minutes=_rounded(count))
            for parts_of, count in zip(quantiles, minutes, strict=True)
        ]
        return EntryParameters(
            height_weight=weight,
            reach=_rounded(reach),
            by_range=dict(zip(parts, figures, strict=False)),
            overall=figures[-1],
        )

    def minutes_left(reach: float) -> list[float]:
        near = _shortened(stop, reach * lively)
        return [
            _minutes_left(near[rows], target[rows], lively[rows], timed_out[rows])
            for rows in groups
        ]

    timed_out = trades.outcome == TIMEOUT
    at_once = law([1.0] * len(groups), 0.0).entry(trades, sigma)
    stop, target = at_once.stop, at_once.target
    minutes, won = minutes_left(0.0), np.mean(trades.outcome[~timed_out] == WIN)

    def too_many_wins(reach: float) -> float:
        entry = law(minutes, reach).entry(trades, sigma)
        return float(np.mean(entry.p_win - won * (1.0 - entry.p_timeout)))

    # fitted to trades that reach target or stop, which depend little on the minutes
    reach = _root(too_many_wins, 0.0, _MOST_REACH) if not timed_out.all() else 0.0
    return law(minutes_left(reach), reach)


def _height_weight(
    trades: Dataset, sigma: NDArray[np.float64], overshoot: NDArray[np.float64]
) -> float:
    names, which = np.unique(trades.opening_range, return_inverse=True)

    def surprise(weight: float) -> float:
        lively = _liveliness(trades, sigma, weight)
        total, units = (np.bincount(which, values, len(names)) for values in (overshoot, lively))
        expected = (np.maximum(total, 1e-9) / units)[which] * lively
        return float(np.mean(np.log(expected) + overshoot / expected))

    return float(optimize.minimize_scalar(surprise, bounds=(0.0, 1.0), method="bounded").x)


def _minutes_left(
    stop: NDArray[np.float64],
    target: NDArray[np.float64],
    lively: NDArray[np.float64],
    timed_out: NDArray[np.bool_],
) -> float:
    # half a row is added: zero of a few rows does not mean never
    share = (int(timed_out.sum()) + 0.5) / (len(timed_out) + 1.0)
    width, odd = stop + target, TERMS[::2]
    waves, unit = 2.0 * waves_of(stop / width, odd), (lively / width) ** 2

    def too_many(log_minutes: float) -> float:
        fading = fading_of(np.exp(log_minutes) * unit, odd)
        return float((waves * fading).sum()) / len(waves) - share

    low, high = np.log(_MINUTES)
    return float(np.exp(_root(too_many, low, high)))


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Return where a falling function crosses 0, or the bound nearer to the crossing."""
    if falling(low) <= 0:
        return low
    if falling(high) >= 0:
        return high
    return float(optimize.brentq(falling, low, high, xtol=1e-3))


def _liveliness(
    data: Dataset, sigma: NDArray[np.float64], height_weight: float
) -> NDArray[np.float64]:
    lively: NDArray[np.float64] = sigma ** (1.0 - height_weight) * data.size_ticks**height_weight
    return lively


def _shortened(stop: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(stop - by, _LEAST_STOP * stop)


def _rounded(value: float) -> float:
    """Round away digits that depend on the order in which a processor adds."""
    return float(f"{value:.{_DIGITS}g}")
