"""Tables of a record: any group of answers, judged as the whole record is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from ml_core.evidence.intervals import Interval
from ml_core.learning.inference import level_of
from monitoring.daily_sums import figures
from monitoring.performance import MIN_DAYS, Period, over

Answer = Mapping[str, Any]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NOT_READ = {"majority_p_up": None, "net_r_low": None, "net_r_high": None, "outcome_late": False}
_EVEN = 0.5


def side_of(answer: Answer) -> str:
    """Name the side that was said to be likelier."""
    return "UP" if answer["p_up"] >= _EVEN else "DOWN"


def level(answer: Answer) -> str:
    """Name the confidence, how far p(UP) is from even."""
    return level_of(abs(2.0 * answer["p_up"] - 1.0))


def weekday(answer: Answer) -> str:
    """Name the weekday of the trading day."""
    return WEEKDAYS[answer["trading_day"].weekday()]


def grouped_periods(
    answers: Iterable[Answer], key: Callable[[Answer], str], mode: str
) -> dict[str, Period]:
    """Judge each group of answers by itself; answers without a probability are left out."""
    groups: dict[str, dict[date, list[dict[str, Any]]]] = {}
    for answer in answers:
        if answer["status"] == "predicted":
            days = groups.setdefault(key(answer), {})
            days.setdefault(answer["trading_day"], []).append({**answer, **_NOT_READ})
    return {
        name: over(
            {"day": day, "mode": mode, "opening_range": name, "figures": figures(rows)}
            for day, rows in days.items()
        )
        for name, days in groups.items()
    }


def lines(
    periods: Mapping[str, Period], names: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Return a line for each period, as words: a figure that few days cannot carry says so.

    Parameters
    ----------
    periods
        By the name of the group.
    names
        Order of the lines; names without a period are left out.
    """
    order = [name for name in (names or sorted(periods)) if name in periods]
    return [_line(name, periods[name]) for name in order]


def confusion(answers: Iterable[Answer]) -> dict[str, Counter[str]]:
    """Count what happened by what was said: for UP and DOWN the breaks UP, DOWN and NONE.

    Answers that came late are not counted, as they are scored for nothing.
    """
    counts = {"UP": Counter[str](), "DOWN": Counter[str]()}
    for answer in answers:
        if answer["status"] == "predicted" and not answer["late"] and answer["direction"]:
            counts[side_of(answer)][answer["direction"]] += 1
    return counts


def with_span(estimate: Interval, form: str) -> str:
    """Write an estimate with its interval.

    >>> with_span(Interval(0.1, -0.2, 0.4, 60, 30), "+.2f")
    '+0.10 (-0.20 to +0.40)'
    """
    if estimate.rows == 0:
        return "-"
    return f"{estimate.estimate:{form}} ({estimate.low:{form}} to {estimate.high:{form}})"


def _line(name: str, period: Period) -> dict[str, Any]:
    breaks = period.counts.breaks
    trades = period.trades["predicted_side"]
    line = {"group": name, "breaks": breaks, "days": period.days}
    if not breaks:
        return {**line, "model": "-", "corridor": "-", "log loss": "-", "net R a trade": "-"}
    few = period.days < MIN_DAYS
    change = period.difference["corridor"].log_loss
    return {
        **line,
        "model": f"{period.voices['model'].accuracy:.1%}",
        "corridor": f"{period.voices['corridor'].accuracy:.1%}",
        "log loss": "too few days" if few else with_span(change, "+.3f"),
        "net R a trade": "too few days" if few else with_span(trades.net_r, "+.2f"),
    }
