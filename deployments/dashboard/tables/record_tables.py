"""Tables of a record: any group of predictions, judged as the whole record is."""

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
    """Name the likelier side; None without a probability."""
    return prediction.likelier_side


def level(prediction: ScoredPrediction) -> str | None:
    """Name the confidence, how far p(UP) is from even; None without a probability."""
    return None if prediction.p_up is None else level_of(abs(2.0 * prediction.p_up - 1.0))


def weekday(prediction: ScoredPrediction) -> str:
    """Name the weekday of the trading day."""
    return WEEKDAYS[prediction.trading_day.weekday()]


def grouped_periods(
    market: str,
    predictions: Iterable[ScoredPrediction],
    key: Callable[[ScoredPrediction], str | None],
) -> dict[str, Period]:
    """Judge each group of predictions by itself; abstentions are in none."""
    groups: dict[str, list[ScoredPrediction]] = {}
    for prediction in predictions:
        name = key(prediction) if prediction.predicted else None
        if name is not None:
            groups.setdefault(name, []).append(prediction)
    return {name: over(daily_figures(market, own, ranges=False)) for name, own in groups.items()}


def lines(periods: Mapping[str, Period], names: Sequence[str] | None = None) -> pd.DataFrame:
    """Return a line for each period, as words: a figure that few days cannot carry says so.

    Parameters
    ----------
    periods
        By the name of the group.
    names
        Order of the lines; names without a period are left out.
    """
    order = [name for name in (names or sorted(periods)) if name in periods]
    return pd.DataFrame([_line(name, periods[name]) for name in order], columns=_HEADINGS)


def confusion(predictions: Iterable[ScoredPrediction]) -> dict[str, Counter[str]]:
    """Count what happened by the likelier side: for UP and DOWN the breaks UP, DOWN and NONE.

    Predictions that came late are not counted, as they are scored for nothing.
    """
    counts = {"UP": Counter[str](), "DOWN": Counter[str]()}
    for prediction in predictions:
        likelier = prediction.likelier_side if prediction.predicted else None
        if likelier and prediction.direction and not prediction.late:
            counts[likelier][prediction.direction] += 1
    return counts


def with_span(estimate: Interval, form: str) -> str:
    """Write an estimate with its interval.

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
