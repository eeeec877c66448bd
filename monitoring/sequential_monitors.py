"""Monitors that may be checked after every outcome: against the corridor, calibration, accuracy.

Each is the wealth of a bettor against the hypothesis that all is well. If it is true, the wealth
ever reaches 1/alpha with a probability of at most alpha, however often it is checked (Ville 1939).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ml_core.array_rows import take_rows
from ml_core.evidence.metrics import ACCURACY, bin_of
from ml_core.evidence.sequential import e_process, rows_by_day, share_process, within_budget
from ml_core.health.scored_prediction import ScoredPrediction

ALPHA = 0.01
BINS = 5

_PRIOR = 10.0  # equivalent to 50 unbiased rows, each with a variance of a fifth
_PRIOR_OF_SLOPE = 2.0  # the same 50 rows, weighted by (2p - 1) squared, about a fifth
_NO_RISK = 1e-12
_STARTS = ((0, 0.5), (40, 0.2), (80, 0.1), (160, 0.1), (320, 0.1))
"""Days after which a part of the capital starts to bet -> that part."""

MonitorName = Literal["corridor", "calibration", "accuracy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRows:
    """Predictions of one line of versions that were made in time, by decision time.

    They include ranges without a breakout and open ones: whether a range breaks out is not known
    when the next one is decided.

    Attributes
    ----------
    p_up, baseline_p_up
        Shape (n,): P(UP | a breakout) of the model and of the corridor, as predicted.
    broke, up
        Shape (n,): whether the range broke out, and whether it was UP.
    day
        Shape (n,): trading day, ascending; rows of one day may be open at the same time.
    """

    p_up: NDArray[np.float64]
    baseline_p_up: NDArray[np.float64]
    broke: NDArray[np.bool_]
    up: NDArray[np.bool_]
    day: NDArray[np.datetime64]

    @classmethod
    def of(cls, rows: Sequence[ScoredPrediction]) -> JudgedRows:
        """Return predictions, given by decision time, as arrays."""
        return cls(
            p_up=np.array([row.p_up for row in rows], np.float64),
            baseline_p_up=np.array([row.baseline_p_up for row in rows], np.float64),
            broke=np.array([row.broke for row in rows], bool),
            up=np.array([row.direction == "UP" for row in rows], bool),
            day=np.array([row.trading_day for row in rows], "datetime64[D]"),
        )

    @property
    def breaks(self) -> JudgedRows:
        """The rows with a breakout."""
        return take_rows(self, self.broke)


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """The current state of a monitor.

    Attributes
    ----------
    watches
        ``corridor``, ``calibration`` or ``accuracy``.
    e_value
        The highest wealth so far: 1 is no evidence, 1/alpha an alarm.
    alpha
        Allowed probability of ever raising a false alarm.
    rows, days
        Number of rows and days behind it.
    words
        The state in one plain clause.
    """

    json_properties: ClassVar = ("alarm",)

    watches: MonitorName
    e_value: float
    alpha: float
    rows: int
    days: int
    words: str

    @property
    def alarm(self) -> bool:
        """Whether the evidence suffices for an alarm."""
        return self.e_value >= 1.0 / self.alpha


def calibration_process(
    p: NDArray[np.float64],
    happened: NDArray[np.bool_],
    day: NDArray[np.datetime64],
    broke: NDArray[np.bool_] | bool,
) -> NDArray[np.float64]:
    """Return the evidence, after each day, that the probabilities are miscalibrated.

    The null hypothesis: given what is known at each decision, the event has exactly the predicted
    probability. Three bettors share the capital: one bets that all probabilities are too low or
    too high, one that they are too bold or too timid (stakes grow with 2p - 1), and one on each
    fifth of the scale separately. Each bets a multiple of y - p that is known before the outcome,
    so the wealth of each, and any mean of them, is a martingale that starts at 1. The multiple is
    Kelly's for the days before, shrunk toward no bet by a prior (testing by betting: Waudby-Smith
    and Ramdas, Estimating means of bounded random variables by betting, JRSS B 2024; e-values for
    calibration: Arnold, Henzi and Ziegel, Sequentially valid tests for forecast calibration, AoAS
    2023). Parts of the capital start to bet later, without using the days before, so that a long
    good record does not hide a change for as long again.

    A day's bets are placed with the wealth of its morning and risk at most ``0.9`` of it, so that
    dependence within a day does no harm.

    Parameters
    ----------
    p
        Shape (n,): P(UP | a breakout) by decision time.
    happened
        Shape (n,): whether the breakout was UP.
    day
        Shape (n,): trading day, ascending.
    broke
        Shape (n,): whether the row broke out; see :func:`~ml_core.evidence.sequential.e_process`.

    Returns
    -------
    NDArray[float64]
        Shape (d,): wealth after each day with rows; empty without rows.
    """
    gain = np.where(broke, happened - p, 0.0)
    days, starts = np.unique(day, return_index=True)
    total = np.zeros(len(days))
    for begun, share in _STARTS:
        wealth = np.ones(len(days))
        if begun < len(days):
            rows = slice(int(starts[begun]), None)
            wealth[begun:] = _bettors(p[rows], gain[rows], day[rows])
        total += share * wealth
    return total


def monitors(
    judged: JudgedRows, reference_accuracy: float | None = None, alpha: float = ALPHA
) -> tuple[Monitor, ...]:
    """Return every monitor of a line of predictions.

    Parameters
    ----------
    judged
        The line's predictions.
    reference_accuracy
        Accuracy required of the version: the lower end of its interval on unseen days. If None,
        that monitor is left out.
    alpha
        Allowed probability of a false alarm of each monitor.
    """
    worse, off = worse_than_corridor(judged), off_calibration(judged)
    processes: list[tuple[MonitorName, NDArray[np.float64], str]] = [
        ("corridor", worse, "whether its log loss is above the corridor's"),
        ("calibration", off, direction_of(judged)),
    ]
    if reference_accuracy is not None:
        wrong = ACCURACY.rows(judged.p_up, judged.up) < 1.0
        fallen = share_process(wrong, judged.day, 1.0 - reference_accuracy, judged.broke)
        processes.append(
            (
                "accuracy",
                fallen,
                f"whether accuracy is below the {reference_accuracy:.1%} it is held to",
            )
        )
    return tuple(
        Monitor(
            watches=watches,
            e_value=highest(wealth),
            alpha=alpha,
            rows=int(judged.broke.sum()),
            days=len(np.unique(judged.breaks.day)),
            words=words,
        )
        for watches, wealth, words in processes
    )


def worse_than_corridor(judged: JudgedRows) -> NDArray[np.float64]:
    """Return the evidence, after each day, that the corridor's log loss is smaller."""
    return e_process(judged.baseline_p_up, judged.p_up, judged.up, judged.day, judged.broke)


def off_calibration(judged: JudgedRows) -> NDArray[np.float64]:
    """Return the evidence, after each day, that the probabilities are miscalibrated."""
    return calibration_process(judged.p_up, judged.up, judged.day, judged.broke)


def direction_of(judged: JudgedRows) -> str:
    """Return in words how often UP was predicted and how often it occurred, among breakouts."""
    breaks = judged.breaks
    if not len(breaks.up):
        return "no breaks yet"
    predicted, came = breaks.p_up.mean(), breaks.up.mean()
    return f"UP was predicted {predicted:.1%} of the time and occurred {came:.1%}"


def highest(wealth: NDArray[np.float64]) -> float:
    """Return the highest wealth so far (1 before the first day); Ville's inequality bounds it."""
    return float(max(1.0, wealth.max(initial=1.0)))


def _bettors(
    p: NDArray[np.float64], surprise: NDArray[np.float64], day: NDArray[np.datetime64]
) -> NDArray[np.float64]:
    """Return the mean wealth of the three bettors after each day."""
    whole, even = np.zeros(len(p), np.int64), np.ones(len(p))
    bets = (
        (whole, even, _PRIOR),
        (whole, 2.0 * p - 1.0, _PRIOR_OF_SLOPE),
        (bin_of(p, BINS), even, _PRIOR),
    )
    wealth = [_wealth(cell, weight, prior, p, surprise, day) for cell, weight, prior in bets]
    mean: NDArray[np.float64] = np.mean(wealth, axis=0)
    return mean


def _wealth(
    cell: NDArray[np.int64],
    weight: NDArray[np.float64],
    prior: float,
    p: NDArray[np.float64],
    surprise: NDArray[np.float64],
    day: NDArray[np.datetime64],
) -> NDArray[np.float64]:
    """Return the wealth, after each day, of a bettor who bets in each cell by its past rows."""
    gain = weight * surprise
    if_up, if_down = weight * (1.0 - p), -weight * p
    days = rows_by_day(day)
    total, square = np.zeros(BINS), np.full(BINS, prior)
    capital = 1.0
    wealth = np.empty(len(days))
    for index, rows in enumerate(days):
        bet = (total / square)[cell[rows]]
        worst = np.maximum(-bet * if_up[rows], -bet * if_down[rows])
        worst[worst < _NO_RISK] = 0.0
        stake = bet * within_budget(np.ones(len(bet)), worst)
        capital *= 1.0 + float(stake @ gain[rows])
        wealth[index] = capital
        np.add.at(total, cell[rows], gain[rows])
        np.add.at(square, cell[rows], gain[rows] ** 2)
    return wealth
