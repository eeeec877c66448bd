"""The report's figures, each with a title that says what it shows and a line on how to read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_core.features.all import CATALOGUE
from monitoring.pages.figure_style import CORRIDOR, MODEL, Mark, to_inline_svg
from monitoring.pages.markup import Html, element
from monitoring.pages.plots import (
    Bin,
    RangeScore,
    Running,
    Scored,
    equity_plot,
    importance_plot,
    percent,
    range_plot,
    reliability_plot,
    score_plot,
    signed,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_VOICES = ("model", "corridor", "majority")
_QUESTIONS = {
    "quality": "target before stop",
    "r_multiple": "net R",
}


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with what is said around it.

    Attributes
    ----------
    name
        Letters only.
    title, words
        Above and below it.
    figure
        None where there is nothing to draw, which ``words`` then say.
    """

    name: str
    title: str
    words: str
    figure: Figure | None


def charts(
    evaluation: Mapping[str, Any],
    importance: Mapping[str, Mapping[str, float]],
    truth: Mapping[str, Any] | None = None,
) -> tuple[Chart, ...]:
    """Return every figure of a version, in the order a reader should meet them."""
    return (
        _accuracy(evaluation, truth),
        _log_loss(evaluation, truth),
        reliability_chart(evaluation),
        range_chart(evaluation),
        equity_chart(evaluation),
        _importance(importance),
    )


def chart_cards(
    evaluation: Mapping[str, Any],
    importance: Mapping[str, Mapping[str, float]],
    truth: Mapping[str, Any] | None,
) -> Html:
    """Return every figure of the report in its card."""
    cards = [chart_card(chart) for chart in charts(evaluation, importance, truth)]
    return element("div", *cards, _other_models(importance), class_="plots")


def chart_card(chart: Chart) -> Html:
    """Return a figure on its card, with what is said around it."""
    told = f"{chart.title}. {chart.words}"
    drawn = Html() if chart.figure is None else Html(to_inline_svg(chart.figure, chart.name, told))
    title, words = element("h3", chart.title), element("figcaption", chart.words)
    return element("figure", title, drawn, words, class_="card")


def _scored(scores: Mapping[str, Any], metric: str) -> list[Scored]:
    rows = []
    for voice in _VOICES:
        value, interval = scores[voice][metric], scores["interval"][voice][metric]
        label = percent(value) if metric == "accuracy" else f"{value:.4f}"
        rows.append(Scored(voice, value, interval["low"], interval["high"], label))
    return rows


def _accuracy(evaluation: Mapping[str, Any], truth: Mapping[str, Any] | None) -> Chart:
    marks = [Mark(0.5, "coin")]
    if truth is not None:
        marks.append(Mark(truth["bayes_accuracy"], "best on average", truth=True))
    rows = _scored(evaluation["directional"], "accuracy")
    figure = score_plot(rows, "accuracy, higher is better", marks, per_cent=True)
    words = "Lines are 95 % intervals. High accuracy alone is the corridor's doing, not skill."
    return Chart("accuracy", "How often the direction was right", words, figure)


def _log_loss(evaluation: Mapping[str, Any], truth: Mapping[str, Any] | None) -> Chart:
    scores = evaluation["directional"]
    marks = []
    if truth is not None:
        marks.append(Mark(truth["bayes_log_loss"], "best on average", truth=True))
    figure = score_plot(_scored(scores, "log_loss"), "log loss, lower is better", marks)
    change = scores["difference"]["corridor"]["log_loss"]
    words = "The verdict rests on the difference of the first two, row by row: "
    if change["low"] is None:
        words += "not known."
    else:
        words += (
            f"{signed(change['estimate'], 4)}, 95 % interval {signed(change['low'], 4)} to "
            f"{signed(change['high'], 4)}."
        )
    return Chart("logloss", "How surprised it was", words, figure)


def reliability_chart(evaluation: Mapping[str, Any]) -> Chart:
    """Draw what was said against what happened."""
    bins = evaluation["directional"]["reliability"]
    model, corridor = ([Bin(**each) for each in bins[name]] for name in ("model", "corridor"))
    words = "Of the ranges given 70 % UP, about 70 % should break up: points on the dashed line."
    figure = reliability_plot(model, corridor)
    return Chart("reliability", "Whether its probabilities can be believed", words, figure)


def range_chart(evaluation: Mapping[str, Any]) -> Chart:
    """Draw the accuracy on each opening range beside the corridor's."""
    rows = [
        RangeScore(
            each["name"],
            each["rows"],
            each["model"]["accuracy"],
            each["corridor"]["accuracy"],
        )
        for each in evaluation["by_range"]
        if None not in (each["model"]["accuracy"], each["corridor"]["accuracy"])
    ]
    words = (
        "Filled: the model with its 95 % interval; hollow: the corridor. "
        "A single range that stands out is what chance looks like."
    )
    figure = range_plot(rows) if rows else None
    return Chart("ranges", "Opening range by opening range", words, figure)


def equity_chart(evaluation: Mapping[str, Any]) -> Chart:
    """Draw running R, before and after costs."""
    equity = evaluation["equity"]
    lines = [
        Running("every break,\nbefore costs", equity["every_break_gross"], CORRIDOR, dashed=True),
        Running("every break,\nafter costs", equity["every_break_net"], CORRIDOR),
        Running("recommended,\nafter costs", equity["followed_net"], MODEL),
    ]
    words = "Running sum of R over the unseen days, one unit of risk a trade. Costs are the slope."
    figure = equity_plot(equity["days"], lines)
    return Chart("equity", "What trading it would have brought", words, figure)


def _importance(importance: Mapping[str, Mapping[str, float]]) -> Chart:
    shares = importance.get("directional", {})
    title = "What it looks at, for the direction"
    if not shares:
        words = "The directional model learned nothing beyond its baseline: no feature was used."
        return Chart("importance", title, words, None)
    words = "Besides the corridor, which every prediction starts from. Used is not yet useful."
    figure = importance_plot(_in_words(shares), "share of the trees' gain")
    return Chart("importance", title, words, figure)


def _other_models(importance: Mapping[str, Mapping[str, float]]) -> Html:
    lists = []
    for question, shares in importance.items():
        if question != "directional" and shares:
            items = list(_in_words(shares).items())[:8]
            shown = (element("li", f"{words}: {percent(share, 0)}") for words, share in items)
            asked = _QUESTIONS.get(question, question)
            lists.append(
                element("details", element("summary", f"For {asked}"), element("ul", *shown))
            )
    if not lists:
        return Html()
    return element("div", element("h3", "What the other models look at"), *lists, class_="card")


def _in_words(shares: Mapping[str, float]) -> dict[str, float]:
    """Name features as a trader would, largest first; one no longer known keeps its name."""
    known = {each.name: each.words for each in CATALOGUE.select("all")}
    known["side"] = "side of the trade"
    ordered = sorted(shares.items(), key=lambda pair: (-abs(pair[1]), pair[0]))
    return {known.get(name, name): share for name, share in ordered}
