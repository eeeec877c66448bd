"""Evaluation on unseen days: figures next to their baselines, differences with intervals."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError
from ml_core.evidence.evaluation import (
    DirectionScores,
    EntryScores,
    Equity,
    Evaluation,
    EvaluationSummary,
    MetricIntervals,
    NetRScores,
    NoEntryScores,
    Trading,
)
from ml_core.evidence.groups import (
    differences,
    forecasts_of,
    grouped,
    scores,
    sides_of,
    trades,
    years_of,
)
from ml_core.evidence.intervals import mean_interval
from ml_core.evidence.metrics import METRICS, ReliabilityBin, reliability
from ml_core.evidence.out_of_sample import (
    OutOfSamplePredictions,
    followed,
    of_side_that_broke,
    predict_unseen,
)
from ml_core.learning.bundle import Bundle
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.predictions.predict import Predictions
from ml_core.ranges.labels import DOWN, NONE, TIMEOUT, UP, WIN

MIN_TEST_ROWS = 50


class NothingToJudgeError(InputError):
    """Too few unseen breakouts to evaluate."""

    rows: int
    template = (
        f"the unseen part has {{rows}} settled breaks, at least {MIN_TEST_ROWS} are needed to "
        "judge; name a longer period"
    )


def evaluate(bundle: Bundle, test: Dataset, *, seed: int = 0) -> Evaluation:
    """Evaluate a version on rows it was neither trained nor calibrated on.

    Parameters
    ----------
    bundle
        The version.
    test
        Unseen rows; unsettled ones are ignored.
    seed
        Of the bootstrap.

    Raises
    ------
    NothingToJudgeError
        Fewer than ``MIN_TEST_ROWS`` settled breaks.
    """
    answers = predict_unseen(bundle, test)
    return evaluate_predictions(answers, bundle.recipe.name, bundle.version, seed=seed)


def evaluate_predictions(
    answers: OutOfSamplePredictions, model: str, version: str, *, seed: int = 0
) -> Evaluation:
    """Evaluate predictions of unseen rows, by one version or by every fold of a walk.

    Parameters
    ----------
    answers
        The predictions, each by a version that had not seen the row.
    model, version
        Names of the recipe and of the version, or of the walk.
    seed
        Of the bootstrap.

    Raises
    ------
    NothingToJudgeError
        Fewer than ``MIN_TEST_ROWS`` settled breaks.
    """
    predictions, test = answers.predictions, answers.test
    broke = np.isin(test.direction, (UP, DOWN))
    if broke.sum() < MIN_TEST_ROWS:
        raise NothingToJudgeError(int(broke.sum()))
    directional = _directional(answers, broke, seed)
    days = test.trading_day
    return Evaluation(
        summary=EvaluationSummary(
            market=test.market,
            model=model,
            version=version,
            label=test.label_spec.key,
            first_day=str(days[0]),
            last_day=str(days[-1]),
            rows=len(test),
            breaks=int(broke.sum()),
            no_break=int((test.direction == NONE).sum()),
            no_break_expected=float(predictions.p_none.sum()),
        ),
        directional=directional,
        quality=_quality(predictions, test, seed),
        net_r=_net_r(predictions, test, seed),
        by_range=grouped(answers, test.opening_range, seed),
        by_year=grouped(answers, years_of(test), seed),
        by_side=grouped(answers, sides_of(test), seed),
        by_fold=grouped(answers, answers.fold, seed) if len(set(answers.fold)) > 1 else (),
        trading=_trading(predictions, test, seed),
        equity=_equity(predictions, test),
        verdict=_verdict(directional),
    )


def _compared(
    forecasts: dict[str, NDArray[np.float64]],
    happened: NDArray[np.bool_],
    day: NDArray[np.datetime64],
    seed: int,
) -> _Compared:
    """Score each forecaster with intervals, and the first one's difference from the others."""
    first, *others = forecasts
    return _Compared(
        rows=len(happened),
        interval={
            name: MetricIntervals(
                **{
                    metric.name: mean_interval(metric.rows(p, happened), day, seed=seed)
                    for metric in METRICS
                }
            )
            for name, p in forecasts.items()
        },
        difference={
            other: differences(forecasts[first], forecasts[other], happened, day, seed)
            for other in others
        },
        reliability={name: reliability(p, happened) for name, p in forecasts.items()},
    )


class _Compared(TypedDict):
    """The fields common to the scores of direction and entry."""

    rows: int
    interval: dict[str, MetricIntervals]
    difference: dict[str, MetricIntervals]
    reliability: dict[str, tuple[ReliabilityBin, ...]]


def _directional(
    answers: OutOfSamplePredictions, broke: NDArray[np.bool_], seed: int
) -> DirectionScores:
    test = answers.test
    happened = test.direction[broke] == UP
    forecasts = forecasts_of(answers, broke)
    return DirectionScores(
        **{name: scores(p, happened) for name, p in forecasts.items()},
        **_compared(forecasts, happened, test.trading_day[broke], seed),
    )


def _quality(predictions: Predictions, test: Dataset, seed: int) -> EntryScores | NoEntryScores:
    rows = test.ended
    if not len(rows):
        return NoEntryScores(rows=0, timeouts=0)
    forecasts = {
        "model": of_side_that_broke(predictions.p_win, test, rows),
        "driftless": predictions.baseline_p_win[rows],
    }
    happened = test.outcome[rows] == WIN
    return EntryScores(
        **{name: scores(p, happened) for name, p in forecasts.items()},
        **_compared(forecasts, happened, test.trading_day[rows], seed),
        timeouts=int((test.outcome[rows] == TIMEOUT).sum()),
    )


def _net_r(predictions: Predictions, test: Dataset, seed: int) -> NetRScores:
    rows = np.flatnonzero(np.isfinite(test.r_net))
    actual, day = test.r_net[rows], test.trading_day[rows]
    model = of_side_that_broke(predictions.net_r, test, rows)
    baseline = predictions.baseline_net_r[rows]
    low = of_side_that_broke(predictions.net_r_low, test, rows)
    high = of_side_that_broke(predictions.net_r_high, test, rows)
    stated = bool(np.isfinite(low).any())
    return NetRScores(
        rows=len(rows),
        actual_mean=mean_interval(actual, day, seed=seed),
        model_mean=float(model.mean()),
        driftless_mean=float(baseline.mean()),
        squared_error_difference=mean_interval(
            (actual - model) ** 2 - (actual - baseline) ** 2, day, seed=seed
        ),
        interval_coverage=float(((actual >= low) & (actual <= high)).mean()) if stated else None,
    )


def _trading(predictions: Predictions, test: Dataset, seed: int) -> Trading:
    return Trading(
        recommended=int((predictions.recommendation != 0).sum()),
        followed=trades(test, followed(predictions, test), seed),
        every_break=trades(test, np.isfinite(test.r_net), seed),
    )


def _equity(predictions: Predictions, test: Dataset) -> Equity:
    days, day_index = np.unique(test.trading_day, return_inverse=True)
    finished = np.isfinite(test.r_net)
    taken = followed(predictions, test)

    def running(r: NDArray[np.float64], rows: NDArray[np.bool_]) -> tuple[float, ...]:
        by_day = np.bincount(day_index, np.where(rows, r, 0.0), len(days))
        return tuple(np.cumsum(by_day).round(4).tolist())

    return Equity(
        days=tuple(str(day) for day in days),
        every_break_gross=running(test.r_gross, finished),
        every_break_net=running(test.r_net, finished),
        followed_net=running(test.r_net, taken),
    )


def _verdict(directional: DirectionScores) -> str:
    """Return one sentence on what the interval of the log loss shows."""
    change = directional.difference["corridor"].log_loss
    model, corridor = directional.model.log_loss, directional.corridor.log_loss
    figures = (
        f"log loss {model:.4f} against {corridor:.4f}, difference {change.estimate:+.4f}, "
        f"95 % interval {change.low:+.4f} to {change.high:+.4f}, n = {change.rows:,} on "
        f"{change.days:,} days"
    )
    if change.below_zero:
        return f"Better than the corridor baseline on unseen days: {figures}."
    if change.above_zero:
        return f"Worse than the corridor baseline on unseen days: {figures}."
    if change.estimate == 0.0:
        return f"The model equals the corridor baseline and learned nothing beyond it: {figures}."
    return f"No skill shown over the corridor baseline on unseen days: {figures}."
