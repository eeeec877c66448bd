"""The single path from features to probabilities and R, for evaluation and the live decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.models.baselines import Baselines
from ml_core.learning.models.calibration import IDENTITY, Calibrator, logit
from ml_core.learning.models.driftless import DriftlessEntry
from ml_core.learning.models.inputs import Inputs, nearer_side
from ml_core.learning.predictions.intervals import NetRIntervals
from ml_core.learning.version_folder import Question

if TYPE_CHECKING:
    from lightgbm import Booster

LONG, SHORT = 0, 1
SIDES = (1.0, -1.0)
_EVEN_ODDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """A version's predictions of n decisions, with those of the baselines.

    ``p_up`` is conditional on a breakout; the unconditional probability of UP is ``p_up * (1 -
    p_none)``. Two-column arrays hold the long side first.

    Attributes
    ----------
    p_up, p_none
        Shape (n,).
    p_win, net_r
        Shape (n, 2): P(target before the stop and in time) and E[net R] if the range breaks out on
        that side and the trade is taken.
    p_timeout
        Shape (n, 2): P(neither target nor stop in time); the remainder to 1 is P(loss).
    net_r_low, net_r_high
        Shape (n, 2): the stated interval of net R; NaN where none is stated.
    baseline_p_up
        Shape (n,), the corridor.
    baseline_p_win, baseline_net_r
        Shape (n,), the driftless entry: the same for both sides.
    win_worth
        Shape (n,), R of a win minus the expected R of a trade that does not win.
    expected_net_r
        Shape (n, 2): the ensemble's figure for each side.
    recommendation
        Shape (n,): +1 take a long breakout, -1 take a short one, 0 skip.
    """

    p_up: NDArray[np.float64]
    p_none: NDArray[np.float64]
    p_win: NDArray[np.float64]
    p_timeout: NDArray[np.float64]
    net_r: NDArray[np.float64]
    net_r_low: NDArray[np.float64]
    net_r_high: NDArray[np.float64]
    baseline_p_up: NDArray[np.float64]
    baseline_p_win: NDArray[np.float64]
    baseline_net_r: NDArray[np.float64]
    win_worth: NDArray[np.float64]
    expected_net_r: NDArray[np.float64]
    recommendation: NDArray[np.int64]


def predict(
    data: Dataset,
    baselines: Baselines,
    boosters: dict[Question, Booster | None],
    calibrators: dict[Question, Calibrator],
    intervals: NetRIntervals | None,
    *,
    residual: bool = True,
    mirrored: bool = False,
) -> Predictions:
    """Predict every row of a dataset.

    Parameters
    ----------
    data
        n decisions; labels are ignored.
    baselines
        Fitted baselines.
    boosters
        A booster for each question, or None where only the baseline is used.
    calibrators
        Calibrators of the directional and quality margins.
    intervals
        Intervals around E[net R], from residuals of held-back trades.
    residual
        Whether the boosters correct the baselines (True) or predict without them.
    mirrored
        Whether the recipe is mirrored; see :class:`ml_core.learning.models.inputs.Inputs`.
    """

    def inputs(question: Question, side: NDArray[np.float64] | float) -> NDArray[np.float64]:
        read = Inputs(data.feature_names, data.categorical, question, mirrored, data.own)
        return read.of(data.features, side)

    corridor, entry = baselines.corridor(data), baselines.entry(data)
    side = nearer_side(data) if mirrored else np.ones(len(data))
    p_up = _corrected(
        corridor,
        boosters.get("directional"),
        calibrators.get("directional"),
        partial(inputs, "directional", side),
        side=side,
        residual=residual,
    )
    p_win = np.empty((len(data), 2))
    net_r = np.empty((len(data), 2))
    for column, trade_side in enumerate(SIDES):
        # entry quality and net R read the same columns
        of_trade = cache(partial(inputs, "quality", trade_side))
        p_win[:, column] = _corrected(
            entry.p_win,
            boosters.get("quality"),
            calibrators.get("quality"),
            of_trade,
            residual=residual,
        )
        booster = boosters.get("r_multiple")
        start = entry.net_r if residual or booster is None else 0.0
        net_r[:, column] = start + _raw(booster, of_trade)
    low, high = (intervals or NetRIntervals(by_range={})).around(net_r, data.opening_range)
    # trades that do not win are split into losses and timeouts in the driftless proportion
    not_won = entry.p_timeout / (1.0 - entry.p_win)
    expected = ensemble(p_win, net_r, entry)
    return Predictions(
        p_up=p_up,
        p_none=baselines.none(data),
        p_win=p_win,
        p_timeout=(1.0 - p_win) * not_won[:, None],
        net_r=net_r,
        net_r_low=low,
        net_r_high=high,
        baseline_p_up=corridor,
        baseline_p_win=entry.p_win,
        baseline_net_r=entry.net_r,
        win_worth=entry.win_worth,
        expected_net_r=expected,
        recommendation=recommend(expected, p_up),
    )


def ensemble(
    p_win: NDArray[np.float64],
    net_r: NDArray[np.float64],
    entry: DriftlessEntry,
) -> NDArray[np.float64]:
    """Return the expected net R of each side, the mean of two estimates.

    One is the R model's. The other follows from the probability of winning: the target's distance
    for a win, the driftless expectation for trades that do not win, and the cost. Both estimate
    the same quantity from different losses. They are weighted equally as long as there is no
    evidence for other weights.

    Parameters
    ----------
    p_win, net_r
        Shape (n, 2), long and short: the probability of winning, and the R model's expected net R.
    entry
        The driftless entry of the n decisions.

    Returns
    -------
    NDArray[float64]
        Shape (n, 2), in R.
    """
    reward = (entry.target / entry.stop)[:, None]
    implied = p_win * reward + (1.0 - p_win) * entry.otherwise_r[:, None] + entry.cost_r[:, None]
    return (implied + net_r) / 2.0


def recommend(expected: NDArray[np.float64], p_up: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the side of the likelier breakout if its expected net R is above 0, else skip.

    Parameters
    ----------
    expected
        Shape (n, 2), expected net R, long and short.
    p_up
        Shape (n,), P(UP | breakout).

    Returns
    -------
    NDArray[int64]
        Shape (n,): +1 long, -1 short, 0 skip.
    """
    likelier = np.where(p_up >= _EVEN_ODDS, LONG, SHORT)
    worth = expected[np.arange(len(expected)), likelier] > 0
    return np.where(worth, np.where(likelier == LONG, 1, -1), 0)


def _corrected(
    baseline: NDArray[np.float64],
    booster: Booster | None,
    calibrator: Calibrator | None,
    inputs: Callable[[], NDArray[np.float64]],
    *,
    residual: bool,
    side: NDArray[np.float64] | float = 1.0,
) -> NDArray[np.float64]:
    """Return the baseline corrected by trees and calibrated; unchanged without either.

    ``side`` is -1 where the trees predict the opposite of the baseline's event.
    """
    calibrator = calibrator or IDENTITY
    if booster is None and calibrator.method == "identity":
        return baseline
    start = side * logit(baseline) if booster is None or residual else 0.0
    p = calibrator(np.asarray(start + _raw(booster, inputs)))
    return np.where(np.asarray(side) > 0, p, 1.0 - p)


def _raw(
    booster: Booster | None, inputs: Callable[[], NDArray[np.float64]]
) -> NDArray[np.float64] | float:
    """Return the sum of the trees' outputs, without the baseline they correct.

    The columns are computed only if there are trees to read them.
    """
    if booster is None:
        return 0.0
    return np.asarray(booster.predict(inputs(), raw_score=True, num_threads=1), np.float64)
