"""Tests which of many rules beat doing nothing, corrected for picking the best of many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.on_demand import library

bootstrap = library("arch.bootstrap")

_LEAST_ERROR = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Superiority:
    """The joint test of k rules against a mean of 0 per day.

    Attributes
    ----------
    t
        Shape (k,): mean per day divided by its standard error.
    p_lower, p_consistent, p_upper
        Hansen's three p-values of "no rule beats doing nothing"; the consistent one is the result,
        the others are its bounds.
    by_chance
        Shape (b,): the best t of each resample in which, as far as the data show, no rule is
        better than nothing.
    better
        Shape (k,): rules that beat doing nothing, where the probability of any false selection is
        at most ``size``.
    """

    t: NDArray[np.float64]
    p_lower: float
    p_consistent: float
    p_upper: float
    by_chance: NDArray[np.float64]
    better: NDArray[np.bool_]


def times_drawn(days: int, block: int, resamples: int, seed: int) -> NDArray[np.float64]:
    """Return how often the stationary bootstrap draws each day, shape (resamples, days).

    Whole days are drawn in runs of random length, ``block`` on average, so that ranges of one day
    stay together and dependent days mostly do (Politis and Romano, The stationary bootstrap, 1994;
    package ``arch``). Means need only the counts, so thousands of rules cost one matrix product.
    """
    drawn = bootstrap.StationaryBootstrap(block, np.arange(days), seed=seed).bootstrap(resamples)
    return np.stack([np.bincount(data[0], minlength=days) for data, _ in drawn]).astype(np.float64)


def superiority(
    values: NDArray[np.float64], times: NDArray[np.float64], size: float
) -> Superiority:
    """Test k rules together against doing nothing.

    The statistic is the largest mean over its standard error, floored at 0. Rules so bad that they
    cannot matter keep their mean instead of being moved to 0 (Hansen, A test for superior
    predictive ability, 2005). To select rules, the test is repeated without the rules already
    found until it finds none (Romano and Wolf, Stepwise multiple testing as formalized data
    snooping, 2005; with Hansen's centring as in Hsu, Hsu and Kuan 2010).

    ``arch.bootstrap.SPA`` resamples in a Python loop, which takes about a minute for 2,000 rules,
    and does not divide by the standard error whatever ``studentize`` is (version 8). On columns
    divided by their standard errors it gives exactly these figures. Standard errors are those of
    the resampled means. p-values count the sample itself as one more resample, so none is 0.

    Parameters
    ----------
    values
        Shape (d, k): the result of each rule on each day; a constant column is never found better.
    times
        Shape (b, d), from :func:`times_drawn`.
    size
        Family-wise error rate of the selected rules.
    """
    days = len(values)
    mean = values.mean(axis=0)
    resampled = times @ values
    resampled /= days
    error = resampled.std(axis=0)
    # a constant column proves nothing: its t is 0, not infinite
    varies = error > _LEAST_ERROR
    error[~varies] = np.inf
    t = mean / error
    resampled /= error
    threshold = -np.sqrt(2.0 * np.log(np.log(max(days, 3))))
    consistent = np.where(t >= threshold, t, 0.0)
    best = max(float(t.max()), 0.0)
    highest = {
        "lower": (resampled - np.maximum(t, 0.0)).max(axis=1),
        "upper": (resampled - t).max(axis=1),
    }
    resampled -= consistent
    highest["consistent"] = resampled.max(axis=1)
    return Superiority(
        t=t,
        **{f"p_{name}": _p_value(best, draws) for name, draws in highest.items()},
        by_chance=np.maximum(highest["consistent"], 0.0),
        better=_stepwise(t, resampled, size),
    )


def _p_value(best: float, by_chance: NDArray[np.float64]) -> float:
    """Return the share of resamples at least as good as the sample; 1 if no rule gained."""
    if best <= 0.0:
        return 1.0
    return float((1 + (by_chance >= best).sum()) / (1 + len(by_chance)))


def _stepwise(
    t: NDArray[np.float64], centred: NDArray[np.float64], size: float
) -> NDArray[np.bool_]:
    better = np.zeros(len(t), bool)
    while not better.all():
        highest = centred[:, ~better].max(axis=1)
        bar = max(float(np.quantile(highest, 1.0 - size)), 0.0)
        clear = ~better & (t > bar)
        if not clear.any():
            break
        better |= clear
    return better


def false_discovery_rates(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each rule's q: the lowest false-discovery rate at which it is a discovery.

    This is the step-up procedure of Benjamini and Hochberg (Controlling the false discovery rate,
    1995). It holds for independent and for positively dependent p-values (Benjamini and Yekutieli
    2001); setups that share trades are positively dependent. Opposite sides of neighbouring ranges
    may be negatively dependent, for which it is approximate. Yekutieli's correction, which divides
    by 8 for 2,000 rules, would hide real setups, and is not needed because a family-wise test that
    allows any dependence must be passed as well.

    Parameters
    ----------
    p
        Shape (k,), p-value of each rule.

    Returns
    -------
    NDArray[float64]
        Shape (k,), in [0, 1].

    >>> false_discovery_rates(np.array([0.01, 0.04, 0.03, 0.5])).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    order = np.argsort(p)
    raised = p[order] * len(p) / np.arange(1, len(p) + 1)
    rates = np.empty_like(raised)
    rates[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return rates


def simultaneous_bounds(
    total: NDArray[np.float64], count: NDArray[np.float64], times: NDArray[np.float64], size: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return intervals of means per trade that hold for all rules at once, each shape (k,).

    They are the mean plus and minus c standard errors, where c is the quantile of the largest
    distance of any rule's resampled mean from its own mean, in standard errors (Romano and Wolf
    2005). This corrects for k rules and accounts for their dependence.

    Parameters
    ----------
    total, count
        Shape (d, k): R and trades of each day; every rule trades on some days.
    times
        Shape (b, d).
    size
        1 minus the coverage.
    """
    mean = total.sum(axis=0) / count.sum(axis=0)
    drawn = resampled_means(total, count, times)
    away = drawn - mean
    error = np.maximum(np.sqrt(np.nanmean(away * away, axis=0)), _LEAST_ERROR)
    farthest = np.nanmax(np.abs(away) / error, axis=1)
    reach = float(np.quantile(farthest, 1.0 - size)) * error
    return mean - reach, mean + reach


def resampled_means(
    total: NDArray[np.float64], count: NDArray[np.float64], times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean result per trade of each rule in each resample of the days.

    Parameters
    ----------
    total, count
        Shape (d, k): sum of the results of each rule on each day, and number of trades.
    times
        Shape (b, d): how often each resample drew each day.

    Returns
    -------
    NDArray[float64]
        Shape (b, k); the mean of the whole sample if a resample drew no trade of a rule.
    """
    trades = times @ count
    mean = total.sum(axis=0) / count.sum(axis=0)
    drawn: NDArray[np.float64] = times @ total
    np.divide(drawn, trades, out=drawn, where=trades > 0)
    return np.where(trades > 0, drawn, mean)


def confidence_set(
    values: NDArray[np.float64], *, block: int, resamples: int, seed: int, size: float
) -> NDArray[np.bool_]:
    """Return which rules may be the best of all, shape (k,), k at least 2.

    The model confidence set by the range statistic (Hansen, Lunde and Nason, The model confidence
    set, 2011; package ``arch``). Equal columns are in or out together.

    Parameters
    ----------
    values
        Shape (d, k): the result of each rule on each day; more is better.
    block, resamples, seed
        Parameters of the stationary bootstrap.
    size
        The best rule is in the set with probability 1 minus this.
    """
    distinct, column_index = np.unique(values, axis=1, return_inverse=True)
    if distinct.shape[1] == 1:
        return np.ones(values.shape[1], bool)
    # arch 8 trips over differences equal to the last bit, as whole R's are: separate them by 1e-9
    noise = np.random.default_rng(seed).normal(size=distinct.shape)
    distinct += 1e-9 * max(float(distinct.std()), 1e-9) * noise
    test = bootstrap.MCS(
        -distinct, size=size, reps=resamples, block_size=block, method="R", seed=seed
    )
    test.compute()
    inside = test.pvalues["Pvalue"].to_numpy() > size
    return np.isin(column_index.ravel(), test.pvalues.index.to_numpy()[inside])
