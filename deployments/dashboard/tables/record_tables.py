"""Tables of a record by group; each group is judged in the same way as the whole record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from ml_core.evidence.intervals import Interval
from ml_core.health.scored_prediction import ScoredPrediction
from ml_core.learning.inference import level_of
from ml_core.market.calendar_days import WEEKDAYS
from monitoring.daily_sums import daily_figures
from monitoring.performance import MIN_DAYS, Period, over

_HEADINGS = ["group", "breaks", "days", "model", "corridor", "log loss", "net R a trade"]


def side(prediction: ScoredPrediction) -> str | None:
    """Return the name of the likelier side; None without a probability."""
    return prediction.likelier_side


def level(prediction: ScoredPrediction) -> str | None:
    """Return the confidence level, by the distance of P(UP) from 0.5; None without P(UP)."""
    return None if prediction.p_up is None else level_of(abs(2.0 * prediction.p_up - 1.0))


def weekday(prediction: ScoredPrediction) -> str:
    """Return the weekday of the trading day."""
    return WEEKDAYS[prediction.trading_day.weekday()]


def grouped_periods(
    market: str,
    predictions: Iterable[ScoredPrediction],
    key: Callable[[ScoredPrediction], str | None],
) -> dict[str, Period]:
    """Judge each group of predictions separately; abstentions belong to no group."""
    groups: dict[str, list[ScoredPrediction]] = {}
    for prediction in predictions:
        name = key(prediction) if prediction.predicted else None
        if name is not None:
            groups.setdefault(name, []).append(prediction)
    return {name: over(daily_figures(market, own, ranges=False)) for name, own in groups.items()}


def lines(periods: Mapping[str, Period], names: Sequence[str] | None = None) -> pd.DataFrame:
    """Return one line of texts per period; a figure says so if it rests on too few days.

    Parameters
    ----------
    periods
        Group name -> period.
    names
        Order of the lines; names without a period are left out.
    """
    order = [name for name in (names or sorted(periods)) if name in periods]
    return pd.DataFrame([_line(name, periods[name]) for name in order], columns=_HEADINGS)


def confusion(predictions: Iterable[ScoredPrediction]) -> dict[str, Counter[str]]:
    """Count results by likelier side: for UP and for DOWN the number of UP, DOWN and NONE.

    Late predictions are not counted, because they are not scored.
    """
    counts = {"UP": Counter[str](), "DOWN": Counter[str]()}
    for prediction in predictions:
        likelier = prediction.likelier_side if prediction.predicted else None
        if likelier and prediction.direction and not prediction.late:
            counts[likelier][prediction.direction] += 1
    return counts


def with_span(estimate: Interval, form: str) -> str:
    """Format an estimate with its interval.

    >>> with_span(Interval(0.1, -0.2, 0.4, 60, 30), "+.2f")
    '+0.10 (-0.20 to +0.40)'
    """
    if estimate.rows == 0:
        return "-"
    return f"{estimate.estimate:{form}} ({estimate.low:{form}} to {estimate.high:{form}})"


def _line(name: str, period: Period) -> tuple[str | int, ...]:
    breaks = period.counts.breaks
    if not breaks:
        return name, breaks, period.days, "-", "-", "-", "-"
    few = period.days < MIN_DAYS
    change, net_r = period.difference["corridor"].log_loss, period.trades["predicted_side"].net_r
    return (
        name,
        breaks,
        period.days,
        f"{period.forecasters['model'].accuracy:.1%}",
        f"{period.forecasters['corridor'].accuracy:.1%}",
        "too few days" if few else with_span(change, "+.3f"),
        "too few days" if few else with_span(net_r, "+.2f"),
    )
