"""Evaluation on unseen days: every figure beside its baselines, every difference with interval."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError
from ml_core.evidence.groups import (
    differences,
    grouped,
    scores,
    sides_of,
    trades,
    voices_of,
    years_of,
)
from ml_core.evidence.intervals import Interval, mean_interval
from ml_core.evidence.metrics import METRICS, reliability
from ml_core.evidence.out_of_sample import Answers, answers_of, followed, of_side_that_broke
from ml_core.evidence.plain import plain
from ml_core.learning.bundle import Bundle
from ml_core.learning.dataset import DOWN, LOSS, NONE, UP, WIN, Dataset
from ml_core.learning.predictions import Predictions

MIN_TEST_ROWS = 50


class NothingToJudgeError(InputError):
    """Too few unseen breaks to say anything."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows

    def __str__(self) -> str:
        return (
            f"the unseen part has {self.rows} settled breaks, at least {MIN_TEST_ROWS} are "
            "needed to judge; name a longer period"
        )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a version did on days it never saw. Plain values throughout: it is stored as JSON.

    Attributes
    ----------
    summary
        Market, recipe, version, label, period, rows.
    directional, quality
        For each of model and baselines the metrics; ``difference`` with intervals.
    net_r
        The R model: error against the baseline's, bias, coverage of its stated interval.
    by_range, by_year, by_side, by_fold
        The same of each opening range, calendar year, side that broke, and fold of a walk; see
        :mod:`ml_core.evidence.groups`.
    trading
        Following the recommendation, and taking every break: n, hit rate, expectancy, drawdown.
    equity
        Running R by day, for the plots.
    verdict
        One plain sentence.
    """

    summary: dict[str, Any]
    directional: dict[str, Any]
    quality: dict[str, Any]
    net_r: dict[str, Any]
    by_range: list[dict[str, Any]]
    by_year: list[dict[str, Any]]
    by_side: list[dict[str, Any]]
    by_fold: list[dict[str, Any]]
    trading: dict[str, Any]
    equity: dict[str, Any]
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values, NaN as None."""
        values: dict[str, Any] = plain(asdict(self))
        return values


def evaluate(bundle: Bundle, test: Dataset, *, seed: int = 0) -> Evaluation:
    """Judge a version on rows it was neither trained nor calibrated on.

    Parameters
    ----------
    bundle
        The version.
    test
        Unseen rows; those not settled count for nothing.
    seed
        Of the bootstrap.

    Raises
    ------
    NothingToJudgeError
        Fewer than ``MIN_TEST_ROWS`` settled breaks.
    """
    answers = answers_of(bundle, test)
    summary = {"model": bundle.recipe.name, "version": bundle.version}
    return evaluate_answers(answers, summary, seed=seed)


def evaluate_answers(answers: Answers, summary: dict[str, Any], *, seed: int = 0) -> Evaluation:
    """Judge answers to unseen rows, of one version or of every fold of a walk.

    Parameters
    ----------
    answers
        What was said, each row by a version that had not seen it.
    summary
        Names to print: ``model`` and ``version``.
    seed
        Of the bootstrap.

    Raises
    ------
    NothingToJudgeError
        Fewer than ``MIN_TEST_ROWS`` settled breaks.
    """
    predictions, test = answers.said, answers.test
    broke = np.isin(test.direction, (UP, DOWN))
    if broke.sum() < MIN_TEST_ROWS:
        raise NothingToJudgeError(int(broke.sum()))
    directional = _directional(answers, broke, seed)
    days = test.trading_day
    return Evaluation(
        summary={
            "market": test.market,
            **summary,
            "label": test.label_spec.key,
            "first_day": str(days[0]),
            "last_day": str(days[-1]),
            "rows": len(test),
            "breaks": int(broke.sum()),
            "no_break": int((test.direction == NONE).sum()),
            "no_break_expected": float(predictions.p_none.sum()),
        },
        directional=directional,
        quality=_quality(predictions, test, seed),
        net_r=_net_r(predictions, test, seed),
        by_range=grouped(answers, test.opening_range, seed),
        by_year=grouped(answers, years_of(test), seed),
        by_side=grouped(answers, sides_of(test), seed),
        by_fold=grouped(answers, answers.fold, seed) if len(set(answers.fold)) > 1 else [],
        trading=_trading(predictions, test, seed),
        equity=_equity(predictions, test),
        verdict=_verdict(directional),
    )


def _compared(
    forecasts: dict[str, NDArray[np.float64]],
    happened: NDArray[np.bool_],
    day: NDArray[np.datetime64],
    seed: int,
) -> dict[str, Any]:
    """Score each voice, each with intervals, and the first's difference from the others."""
    first, *others = forecasts
    return {
        "rows": len(happened),
        **{name: scores(p, happened) for name, p in forecasts.items()},
        "interval": {
            name: {
                metric.name: mean_interval(metric.rows(p, happened), day, seed=seed)
                for metric in METRICS
            }
            for name, p in forecasts.items()
        },
        "difference": {
            other: differences(forecasts[first], forecasts[other], happened, day, seed)
            for other in others
        },
        "reliability": {name: reliability(p, happened) for name, p in forecasts.items()},
    }


def _directional(answers: Answers, broke: NDArray[np.bool_], seed: int) -> dict[str, Any]:
    test = answers.test
    return _compared(
        voices_of(answers, broke), test.direction[broke] == UP, test.trading_day[broke], seed
    )


def _quality(predictions: Predictions, test: Dataset, seed: int) -> dict[str, Any]:
    rows = np.flatnonzero(np.isin(test.outcome, (WIN, LOSS)))
    timeouts = int((np.isin(test.direction, (UP, DOWN)) & (test.outcome == 0)).sum())
    if not len(rows):
        return {"rows": 0, "timeouts": timeouts}
    forecasts = {
        "model": of_side_that_broke(predictions.p_win, test, rows),
        "driftless": predictions.baseline_p_win[rows],
    }
    happened = test.outcome[rows] == WIN
    return {**_compared(forecasts, happened, test.trading_day[rows], seed), "timeouts": timeouts}


def _net_r(predictions: Predictions, test: Dataset, seed: int) -> dict[str, Any]:
    rows = np.flatnonzero(np.isfinite(test.r_net))
    actual, day = test.r_net[rows], test.trading_day[rows]
    model, baseline = (
        of_side_that_broke(predictions.net_r, test, rows),
        predictions.baseline_net_r[rows],
    )
    low, high = (
        of_side_that_broke(predictions.net_r_low, test, rows),
        of_side_that_broke(predictions.net_r_high, test, rows),
    )
    stated = bool(np.isfinite(low).any())
    return {
        "rows": len(rows),
        "actual_mean": mean_interval(actual, day, seed=seed),
        "model_mean": float(model.mean()),
        "driftless_mean": float(baseline.mean()),
        "squared_error_difference": mean_interval(
            (actual - model) ** 2 - (actual - baseline) ** 2, day, seed=seed
        ),
        "interval_coverage": float(((actual >= low) & (actual <= high)).mean())
        if stated
        else None,
    }


def _trading(predictions: Predictions, test: Dataset, seed: int) -> dict[str, Any]:
    finished = np.isfinite(test.r_net)
    return {
        "recommended": int((predictions.recommendation != 0).sum()),
        "followed": trades(test, followed(predictions, test), seed),
        "every_break": trades(test, finished, seed),
    }


def _equity(predictions: Predictions, test: Dataset) -> dict[str, Any]:
    days, where = np.unique(test.trading_day, return_inverse=True)
    finished = np.isfinite(test.r_net)
    taken = followed(predictions, test)

    def running(r: NDArray[np.float64], rows: NDArray[np.bool_]) -> list[float]:
        by_day = np.bincount(where, np.where(rows, r, 0.0), len(days))
        total: list[float] = np.cumsum(by_day).round(4).tolist()
        return total

    return {
        "days": [str(day) for day in days],
        "every_break_gross": running(test.r_gross, finished),
        "every_break_net": running(test.r_net, finished),
        "followed_net": running(test.r_net, taken),
    }


def _verdict(directional: dict[str, Any]) -> str:
    """Return in one sentence what the log loss shows, by its interval and nothing else."""
    change: Interval = directional["difference"]["corridor"]["log_loss"]
    model, corridor = directional["model"]["log_loss"], directional["corridor"]["log_loss"]
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
        return f"The model is the corridor baseline, having learned nothing beyond it: {figures}."
    return f"No skill shown over the corridor baseline on unseen days: {figures}."
