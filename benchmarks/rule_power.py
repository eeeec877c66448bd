"""How often the whole promotion rule detects a gain, by gain, rows and questions asked.

    python benchmarks/rule_power.py [--tries 2000] [--write]

Simulated challengers with a known gain are judged at growing numbers of rows by all conditions on
figures: log loss and Brier score with their intervals, standard errors for the questions asked,
e-value, calibration, three seeds, years. ``--write`` writes the table that
``ml_core/evidence/rule_power.py`` reads. Left out are the look-ahead audit and the injected
signal, which do not depend on the luck of outcomes, the champion and the live record.

As on Micro Gold, six ranges a day break out, and the corridor, (x + 0.15)/1.3 with x uniform
between 0 and 1, is right 69 % of the time; 250 days make a year. The true log-odds are the
corridor's plus a normal signal. The challenger knows the signal with an error of a fifth of its
variance, a tenth of which is each seed's own, and so keeps about 80 % of the possible gain
(measured: 82 %, docs/evidence.md). A gain in the table is the challenger's own, not the possible
one. Rows are independent given their forecasts. Intervals are normal ones for the mean of days,
with which the bootstrap's agree; tests/benchmarks/test_rule_power.py judges some of the cells by
the rule itself.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import ml_core
from ml_core.evidence.calibration_check import MATERIAL_ECE, limit_by_chance
from ml_core.evidence.metrics import RELIABILITY_BINS, bin_of
from ml_core.evidence.promotion.evidence import POLICY
from ml_core.evidence.promotion.trial_cost import e_wanted, z_wanted
from ml_core.learning.models.calibration import expit, logit

Floats = NDArray[np.float64]

TABLE = Path(ml_core.__path__[0]) / "evidence" / "rule_power.csv"
GAINS = (0.0025, 0.005, 0.01, 0.02, 0.04)
TRIALS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
ROWS_A_DAY, DAYS_A_YEAR, SEEDS = 6, 250, 3
ERROR, OWN_ERROR = 0.18, 0.02
"""Variance of the challenger's error relative to the signal's: common to all seeds, and own."""

MOST_ROWS = 60_000
_BLOCK = 25
_STEPS = (4, 5.5, 7.5, 10, 12.5, 15.72, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160)
"""Rows times gain at which the rule is applied; 15.72 is 1,572 rows with a gain of 0.01."""


@dataclass(frozen=True, slots=True)
class Draws:
    """Rows of some days and tries, shape (days, tries, rows a day).

    The challenger's forecasts have a leading axis of seeds.
    """

    corridor: Floats
    challenger: Floats
    happened: NDArray[np.bool_]


def drawn(rng: np.random.Generator, days: int, tries: int, sigma: float) -> Draws:
    """Draw days of forecasts and outcomes; the signal's deviation is ``sigma`` log-odds."""
    shape = (days, tries, ROWS_A_DAY)
    corridor = (rng.random(shape) + 0.15) / 1.3
    margin = logit(corridor)
    signal = rng.normal(0.0, sigma, shape)
    error = rng.normal(0.0, sigma * np.sqrt(ERROR), shape)
    own = rng.normal(0.0, sigma * np.sqrt(OWN_ERROR), (SEEDS, *shape))
    return Draws(
        corridor=corridor,
        challenger=expit(margin + signal + error + own),
        happened=rng.random(shape) < expit(margin + signal),
    )


def sigma_of(gain: float) -> float:
    """Return the signal's standard deviation in log-odds that gives the challenger its gain."""
    rng = np.random.default_rng(1)
    margin = logit((rng.random(100_000) + 0.15) / 1.3)
    signal, error = rng.normal(size=(2, len(margin)))
    corridor, low, high = expit(margin), 0.0, 3.0
    for _ in range(25):
        sigma = (low + high) / 2
        truth = expit(margin + sigma * signal)
        ours = expit(margin + sigma * (signal + np.sqrt(ERROR + OWN_ERROR) * error))
        found = truth * np.log(ours / corridor) + (1 - truth) * np.log((1 - ours) / (1 - corridor))
        low, high = (sigma, high) if found.mean() < gain else (low, sigma)
    return sigma


@dataclass(slots=True)
class Mean:
    """Running sums over days, by try, for the mean per row and its standard error."""

    tries: int
    days: int = 0
    total: Floats = field(init=False)
    square: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.total, self.square = np.zeros(self.tries), np.zeros(self.tries)

    def add(self, by_day: Floats) -> None:
        """Add days, shape (days, tries)."""
        self.days += len(by_day)
        self.total += by_day.sum(axis=0)
        self.square += (by_day**2).sum(axis=0)

    @property
    def rows(self) -> int:
        """Number of rows so far."""
        return self.days * ROWS_A_DAY

    @property
    def estimate(self) -> Floats:
        """Mean per row."""
        return self.total / self.rows

    @property
    def error(self) -> Floats:
        """Standard error of the mean, clustered by day."""
        variance = self.square / self.days - (self.total / self.days) ** 2
        return np.sqrt(np.maximum(variance, 0.0) / self.days) / ROWS_A_DAY


@dataclass(slots=True)
class Wealth:
    """The e-process of many tries at once; each day equals ``sequential.e_process``."""

    tries: int
    capital: Floats = field(init=False)
    total: Floats = field(init=False)
    square: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.capital = np.ones(self.tries)
        self.total, self.square = np.zeros(self.tries), np.zeros(self.tries)

    def add(self, ours: Floats, theirs: Floats, happened: NDArray[np.bool_]) -> None:
        """Bet on one day, each shape (tries, rows a day)."""
        if_up, if_down = np.log(ours / theirs), np.log((1.0 - ours) / (1.0 - theirs))
        gain = np.where(happened, if_up, if_down)
        worst = np.maximum(np.maximum(-if_up, -if_down), 1e-300)
        middle = (ours + theirs) / 2.0
        prior = 50.0 * (middle * if_up**2 + (1.0 - middle) * if_down**2)
        stake = np.clip(
            (self.total[:, None] + 0.5 * prior) / (self.square[:, None] + prior), 0.0, 2.0
        )
        left = np.full(self.tries, 0.9)
        growth = np.ones(self.tries)
        for row in range(stake.shape[1]):
            own = np.minimum(stake[:, row], left / worst[:, row])
            left = np.maximum(left - own * worst[:, row], 0.0)
            growth += own * gain[:, row]
        self.capital *= growth
        self.total += gain.sum(axis=1)
        self.square += (gain**2).sum(axis=1)


def powers(
    gain: float, rows: Sequence[int], tries: int, seed: int, trials: Sequence[int] = TRIALS
) -> Iterator[tuple[int, Floats]]:
    """Yield each number of rows with the share of tries promoted, shape of ``trials``.

    Parameters
    ----------
    gain
        The challenger's gain, in log loss per row.
    rows
        Numbers of rows at which the rule is applied, ascending; rounded up to whole days.
    tries, seed
        Number of tries, and the random seed.
    trials
        Numbers of questions asked, which make the rule stricter.
    """
    rng = np.random.default_rng([seed, round(gain * 1e6)])
    sigma = sigma_of(gain)
    loss, brier, wealth = Mean(tries), Mean(tries), Wealth(tries)
    others = [np.zeros(tries) for _ in range(SEEDS - 1)]
    year, no_year_worse = Mean(tries), np.ones(tries, bool)
    missed, variance = (np.zeros(tries * RELIABILITY_BINS) for _ in range(2))
    place = np.arange(tries)[None, :, None] * RELIABILITY_BINS
    wanted = [(z_wanted(count, POLICY.alpha), e_wanted(count, POLICY.alpha)) for count in trials]
    for asked in rows:
        until = -(-asked // ROWS_A_DAY)
        while loss.days < until:
            days = min(_BLOCK, until - loss.days, DAYS_A_YEAR - year.days)
            draws = drawn(rng, days, tries, sigma)
            ours, theirs, happened = draws.challenger[0], draws.corridor, draws.happened
            own_gain = _log_loss(ours, theirs, happened)
            loss.add(own_gain)
            year.add(own_gain)
            brier.add((((ours - happened) ** 2) - (theirs - happened) ** 2).sum(axis=2))
            for number, forecast in enumerate(draws.challenger[1:]):
                others[number] += _log_loss(forecast, theirs, happened).sum(axis=0)
            where = (place + bin_of(ours.ravel()).reshape(ours.shape)).ravel()
            size = len(missed)
            missed += np.bincount(where, (ours - happened).ravel(), minlength=size)
            variance += np.bincount(where, (ours * (1 - ours)).ravel(), minlength=size)
            for day in range(days):
                wealth.add(ours[day], theirs[day], happened[day])
            if year.days == DAYS_A_YEAR:
                no_year_worse &= ~_worse(year)
                year = Mean(tries)
        holds = no_year_worse & (loss.total < 0) & ~(_worse(year) if year.days else False)
        for total in others:
            holds &= total < 0
        holds &= _calibrated(missed, variance, loss.rows)
        z = np.minimum(*(-mean.estimate / mean.error for mean in (loss, brier)))
        holds &= z > z_wanted(1, POLICY.alpha)  # the interval
        yield (
            loss.rows,
            np.array(
                [
                    (holds & (z >= least_z) & (wealth.capital >= least_e)).mean()
                    for least_z, least_e in wanted
                ]
            ),
        )


def _log_loss(ours: Floats, theirs: Floats, happened: NDArray[np.bool_]) -> Floats:
    """Return our log loss minus theirs by day and try, shape (days, tries)."""
    change = np.where(happened, theirs / ours, (1.0 - theirs) / (1.0 - ours))
    return np.asarray(np.log(change).sum(axis=2), np.float64)


def _worse(year: Mean) -> NDArray[np.bool_]:
    estimate, error = year.estimate, year.error
    worse = np.zeros(len(estimate), bool)
    if year.rows >= POLICY.fewest_of_a_year:
        worse |= estimate - 1.96 * error > 0
    if year.rows >= POLICY.year_rows:
        worse |= estimate > POLICY.material
    return worse


def _calibrated(missed: Floats, variance: Floats, rows: int) -> NDArray[np.bool_]:
    errors = np.abs(missed.reshape(-1, RELIABILITY_BINS)).sum(axis=1) / rows
    good = np.asarray(errors <= MATERIAL_ECE, bool)
    for index in np.flatnonzero(~good):
        own = variance.reshape(-1, RELIABILITY_BINS)[index]
        good[index] = errors[index] <= limit_by_chance(own, rows)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=2_000)
    parser.add_argument("--write", action="store_true", help=f"Write {TABLE.name}.")
    options = parser.parse_args()
    lines = [("tries", "gain", "rows", *map(str, TRIALS))]
    for gain in GAINS:
        began = time.monotonic()
        rows = [round(step / gain) for step in _STEPS if step / gain <= MOST_ROWS]
        for count, found in powers(gain, rows, options.tries, seed=0):
            line = (
                str(options.tries),
                f"{gain:g}",
                str(count),
                *(f"{share:.4f}" for share in found),
            )
            lines.append(line)
            print(*line, flush=True)
        print(f"gain {gain:g}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if options.write:
        with TABLE.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
