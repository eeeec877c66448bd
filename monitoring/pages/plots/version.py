"""A version's figures, each with a title that says what it shows and a line on how to read it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from ml_core.evidence.evaluation import DirectionScores, Evaluation
from ml_core.features.all import CATALOGUE
from ml_core.json_values import finite_or_none
from ml_core.learning.version_folder import OWN_FEATURES
from monitoring.pages.document import Chart
from monitoring.pages.figure_style import CORRIDOR, MODEL, Mark
from monitoring.pages.formatting import (
    NOT_KNOWN,
    interval,
    is_known,
    percent,
    signed,
)
from monitoring.pages.plots.days import Running, equity_plot
from monitoring.pages.plots.scores import (
    RangeScore,
    Scored,
    importance_plot,
    range_plot,
    reliability_plot,
    score_plot,
)


def version_charts(
    evaluation: Evaluation,
    importance: Mapping[str, Mapping[str, float]],
    truth: Mapping[str, Any] | None = None,
) -> tuple[Chart, ...]:
    """Return every figure of a version, in reading order."""
    return (
        accuracy_chart(evaluation, truth),
        _log_loss_chart(evaluation, truth),
        reliability_chart(evaluation),
        range_chart(evaluation),
        equity_chart(evaluation),
        _importance_chart(importance),
    )


def _scored(scores: DirectionScores, metric: Literal["accuracy", "log_loss"]) -> list[Scored]:
    rows = []
    for name, values in scores.scores.items():
        value, ends = getattr(values, metric), getattr(scores.interval[name], metric)
        label = percent(value) if metric == "accuracy" else f"{value:.4f}"
        low, high = finite_or_none(ends.low), finite_or_none(ends.high)
        rows.append(Scored(name, value, low, high, label))
    return rows


def accuracy_chart(evaluation: Evaluation, truth: Mapping[str, Any] | None = None) -> Chart:
    """Draw the accuracy beside those of corridor and majority, each with its interval."""
    marks = [Mark(0.5, "coin")]
    if truth is not None:
        marks.append(Mark(truth["bayes_accuracy"], "best on average", truth=True))
    rows = _scored(evaluation.directional, "accuracy")
    figure = score_plot(rows, "accuracy, higher is better", marks, per_cent=True)
    words = (
        "Lines are 95 % intervals. High accuracy alone comes from the corridor, not from skill."
    )
    return Chart("accuracy", "Accuracy of the direction", words, figure)


def _log_loss_chart(evaluation: Evaluation, truth: Mapping[str, Any] | None) -> Chart:
    scores = evaluation.directional
    marks = []
    if truth is not None:
        marks.append(Mark(truth["bayes_log_loss"], "best on average", truth=True))
    figure = score_plot(_scored(scores, "log_loss"), "log loss, lower is better", marks)
    change = scores.difference["corridor"].log_loss
    words = "The verdict depends on the difference of the first two, row by row: "
    if change.is_known:
        ends = interval(change.low, change.high, 4)
        words += f"{signed(change.estimate, 4)}, 95 % interval {ends}."
    else:
        words += f"{NOT_KNOWN}."
    return Chart("logloss", "Log loss", words, figure)


def reliability_chart(evaluation: Evaluation) -> Chart:
    """Draw predicted against observed shares."""
    bins = evaluation.directional.reliability
    words = "Of the ranges given 70 % UP, about 70 % should break up: points on the dashed line."
    figure = reliability_plot(bins["model"], bins["corridor"])
    return Chart("reliability", "Calibration", words, figure)


def range_chart(evaluation: Evaluation) -> Chart:
    """Draw the accuracy on each opening range beside the corridor's."""
    rows = [
        RangeScore(part.name, part.rows, part.model.accuracy, part.corridor.accuracy)
        for part in evaluation.by_range
        if is_known(part.model.accuracy) and is_known(part.corridor.accuracy)
    ]
    words = (
        "Filled: the model with its 95 % interval; hollow: the corridor. "
        "A single range that differs is usually chance."
    )
    figure = range_plot(rows) if rows else None
    return Chart("ranges", "Opening range by opening range", words, figure)


def equity_chart(evaluation: Evaluation) -> Chart:
    """Draw cumulative R, before and after costs."""
    equity = evaluation.equity
    lines = [
        Running("every break,\nbefore costs", equity.every_break_gross, CORRIDOR, dashed=True),
        Running("every break,\nafter costs", equity.every_break_net, CORRIDOR),
        Running("recommended,\nafter costs", equity.followed_net, MODEL),
    ]
    words = "Running sum of R over the unseen days, one unit of risk a trade. Costs are the slope."
    figure = equity_plot(equity.days, lines)
    return Chart("equity", "Result of trading it", words, figure)


def _importance_chart(importance: Mapping[str, Mapping[str, float]]) -> Chart:
    shares = importance.get("directional", {})
    title = "Features of the directional model"
    if not shares:
        words = "The directional model learned nothing beyond its baseline: no feature was used."
        return Chart("importance", title, words, None)
    words = (
        "Besides the corridor, which every prediction starts from. A feature that is used need "
        "not be useful."
    )
    figure = importance_plot(words_for_features(shares), "share of the trees' gain")
    return Chart("importance", title, words, figure)


def words_for_features(shares: Mapping[str, float]) -> dict[str, float]:
    """Return features by their words for traders, largest first; unknown ones keep their names."""
    words = feature_words()
    ordered = sorted(shares.items(), key=lambda pair: (-abs(pair[1]), pair[0]))
    return {words.get(name, name): share for name, share in ordered}


def feature_words(trained: Mapping[str, Any] = MappingProxyType({})) -> dict[str, str]:
    """Return what each feature measures, by its name.

    Parameters
    ----------
    trained
        Metadata of a version, which describe the trader's own features.
    """
    words = {feature.name: feature.words for feature in CATALOGUE.every()}
    own = {kept["name"]: kept["words"] for kept in trained.get(OWN_FEATURES, [])}
    return {**words, **own, "side": "side of the trade"}
