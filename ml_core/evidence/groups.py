"""The figures of a group of rows: an opening range, a year, a side, a fold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_core.evidence.calibration_check import check_calibration
from ml_core.evidence.evaluation import (
    EntryLogLoss,
    GroupScores,
    MetricIntervals,
    NoRows,
    NoTrades,
    Scores,
    Trades,
)
from ml_core.evidence.intervals import mean_interval
from ml_core.evidence.metrics import (
    LOG_LOSS,
    METRICS,
    auc,
    max_drawdown,
)
from ml_core.evidence.out_of_sample import OutOfSamplePredictions, followed, of_side_that_broke
from ml_core.learning.datasets.dataset import Dataset
from ml_core.ranges.labels import DOWN, UP, WIN


def scores(p: NDArray[np.float64], happened: NDArray[np.bool_]) -> Scores:
    """Return every metric of the predicted probabilities of an event.

    Parameters
    ----------
    p
        Shape (n,), predicted probability of the event, in [0, 1].
    happened
        Shape (n,), whether the event happened.

    Raises
    ------
    NotScorableError
        There are no rows, or a probability is missing or outside 0..1.
    """
    check = check_calibration(p, happened)
    return Scores(
        **{metric.name: metric(p, happened) for metric in METRICS},
        auc=auc(p, happened),
        ece=check.ece,
        ece_at_most=check.at_most,
    )


def forecasts_of(
    answers: OutOfSamplePredictions, broke: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """Return the predicted P(UP | breakout) of the breakouts by model, corridor and majority.

    Parameters
    ----------
    answers
        Predictions made on unseen days, n rows.
    broke
        Shape (n,), marks the rows with a breakout.

    Returns
    -------
    dict
        By forecaster, shape (number of breakouts,).
    """
    return {
        "model": answers.predictions.p_up[broke],
        "corridor": answers.predictions.baseline_p_up[broke],
        "majority": answers.majority[broke],
    }


def differences(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    happened: NDArray[np.bool_],
    day: NDArray[np.datetime64],
    seed: int,
) -> MetricIntervals:
    """Return each metric's mean difference, ours minus theirs, with its day-block interval.

    Parameters
    ----------
    ours, theirs
        Shape (n,), predicted probabilities of the same event on the same rows.
    happened
        Shape (n,), whether the event happened.
    day
        Shape (n,), trading day of each row.
    seed
        Of the bootstrap.
    """
    return MetricIntervals(
        **{
            metric.name: mean_interval(
                metric.rows(ours, happened) - metric.rows(theirs, happened), day, seed=seed
            )
            for metric in METRICS
        }
    )


def trades(test: Dataset, rows: NDArray[np.bool_], seed: int) -> Trades | NoTrades:
    """Return hit rate, expectancy before and after costs, and drawdown of the marked trades.

    Parameters
    ----------
    test
        n rows in decision order, with results in R.
    rows
        Shape (n,), marks the rows whose trades are counted.
    seed
        Of the bootstrap.
    """
    net, gross, day = test.r_net[rows], test.r_gross[rows], test.trading_day[rows]
    if not len(net):
        return NoTrades(trades=0)
    return Trades(
        trades=len(net),
        hit_rate=float((net > 0).mean()),
        gross_r=mean_interval(gross, day, seed=seed),
        net_r=mean_interval(net, day, seed=seed),
        drawdown_r=max_drawdown(net),
    )


def years_of(test: Dataset) -> NDArray[np.str_]:
    """Return each row's calendar year as text, shape (n,)."""
    return test.trading_day.astype("datetime64[Y]").astype(str)


def sides_of(test: Dataset) -> NDArray[np.str_]:
    """Return the breakout side, ``long`` or ``short``; empty without a breakout."""
    return np.select([test.direction == UP, test.direction == DOWN], ["long", "short"], "")


def grouped(
    answers: OutOfSamplePredictions, key: NDArray[np.str_], seed: int
) -> tuple[GroupScores, ...]:
    """Return the figures of each value of a key that has breakouts, by first appearance.

    These are directional scores of model, corridor and majority, with differences from both and
    day-block 95 % intervals; the quality model's log loss minus the driftless entry's; and trades
    taken at every breakout and as recommended. AUC is NaN if only one class occurs.

    Parameters
    ----------
    answers
        Predictions made on unseen days, n rows in decision order.
    key
        Shape (n,), the group of each row, such as its year; rows with an empty key are left out.
    seed
        Of the bootstrap.
    """
    names = [str(name) for name in dict.fromkeys(key.tolist()) if name]
    groups = (_group(name, answers.rows(key == name), seed) for name in names)
    return tuple(group for group in groups if group is not None)


def _group(name: str, part: OutOfSamplePredictions, seed: int) -> GroupScores | None:
    predictions, test = part.predictions, part.test
    broke = np.isin(test.direction, (UP, DOWN))
    if not broke.any():
        return None
    happened, day = test.direction[broke] == UP, test.trading_day[broke]
    forecasts = forecasts_of(part, broke)
    return GroupScores(
        name=name,
        rows=int(broke.sum()),
        **{forecaster: scores(p, happened) for forecaster, p in forecasts.items()},
        difference={
            other: differences(forecasts["model"], forecasts[other], happened, day, seed)
            for other in ("corridor", "majority")
        },
        quality=_quality(part, seed),
        every_break=trades(test, np.isfinite(test.r_net), seed),
        followed=trades(test, followed(predictions, test), seed),
    )


def _quality(part: OutOfSamplePredictions, seed: int) -> EntryLogLoss | NoRows:
    """Compare P(win) with the driftless entry on finished trades."""
    test = part.test
    rows = test.ended
    if not len(rows):
        return NoRows(rows=0)
    won, day = test.outcome[rows] == WIN, test.trading_day[rows]
    model = of_side_that_broke(part.predictions.p_win, test, rows)
    driftless = part.predictions.baseline_p_win[rows]
    change = LOG_LOSS.rows(model, won) - LOG_LOSS.rows(driftless, won)
    return EntryLogLoss(
        rows=len(rows),
        model=LOG_LOSS(model, won),
        driftless=LOG_LOSS(driftless, won),
        difference=mean_interval(change, day, seed=seed),
    )
