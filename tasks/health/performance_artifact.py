"""Parts of an artifact on a record of predictions: scores, last days, plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import monitoring
from ml_core.health.daily_sums import PerformanceRecord
from monitoring import pages
from monitoring.performance import Period
from tasks.runs.artifacts import pictures, table

_SCORES = {"voice": "Voice", "accuracy": "Accuracy", "log_loss": "Log loss", "brier": "Brier"}
_TRADES = {
    "kind": "Trades",
    "trades": "Taken",
    "won": "Won",
    "gross": "R before costs",
    "net": "R after costs",
}
_DAYS = {
    "day": "Day",
    "breaks": "Breaks",
    "open": "Open",
    "accuracy": "Accuracy (corridor's)",
    "loss": "Log loss (corridor's)",
    "net": "Net R",
}
_KINDS = {"taken": "recommended", "every_break": "every break"}
_DAYS_SHOWN = 14


def scores_of(period: Period) -> list[str]:
    """Return tables of a period: scores of model and baselines, and trading results."""
    if not period.forecasters:
        return []
    scores_of_each = [
        {
            "voice": forecaster,
            **asdict(scores),
            "accuracy": pages.formatting.percent(scores.accuracy),
        }
        for forecaster, scores in period.forecasters.items()
    ]
    trades = [
        {
            "kind": words,
            "trades": period.trades[kind].trades,
            "won": period.trades[kind].won,
            "gross": pages.formatting.signed(period.trades[kind].r_gross),
            "net": pages.formatting.signed(period.trades[kind].r_net),
        }
        for kind, words in _KINDS.items()
    ]
    return [table(scores_of_each, _SCORES), table(trades, _TRADES)]


def last_days(rows: Sequence[PerformanceRecord]) -> str:
    """Return the last days of one mode and role as a table, latest first.

    Empty without rows.
    """
    return table([_day(row) for row in rows[: -_DAYS_SHOWN - 1 : -1]], _DAYS) if rows else ""


def plots_of_record(rows: Sequence[PerformanceRecord]) -> list[str]:
    """Return a record's plots as self-contained markdown images."""
    return pictures(monitoring.pages.plots.record.record_charts(rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """A day's means per breakout, the corridor's in brackets; none without a breakout."""

    day: str
    breaks: int
    open: int
    accuracy: str | None = None
    loss: str | None = None
    net: str | None = None


def _day(row: PerformanceRecord) -> _Day:
    sums = row.figures
    day = _Day(day=str(row.day), breaks=sums.breaks, open=sums.open)
    if not sums.breaks:
        return day
    forecasts = [forecast for forecast in (sums.model, sums.corridor) if forecast is not None]
    accuracy = (
        pages.formatting.percent(forecast.accuracy / sums.breaks, 0) for forecast in forecasts
    )
    loss = (f"{forecast.log_loss / sums.breaks:.3f}" for forecast in forecasts)
    return replace(
        day,
        accuracy="{} ({})".format(*accuracy),
        loss="{} ({})".format(*loss),
        net=pages.formatting.signed(sums.taken.r_net),
    )
