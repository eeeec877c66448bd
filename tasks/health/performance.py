"""The performance record: daily figures summed, with late, revised and unusual rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from ml_core.health.daily_sums import PerformanceRecord
from monitoring.daily_sums import ALL
from monitoring.performance import Period, grouped, over, whole_days
from monitoring.sequential_monitors import Monitor
from registry.health.estimates import EstimateRecord, estimate_records
from registry.health.performance import performance_records
from registry.ledger.entries import Revised
from tasks.settings import Settings, current_settings
from tasks.training.version_lineage import monitors_by_role

By = Literal["version", "range", "month", "day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The performance record of a market in one mode.

    Attributes
    ----------
    market, mode
        Symbol, and whether live or replayed.
    champion
        The whole period of the champion.
    groups
        One period per version and role, or per range, month or day of the champion.
    revised
        Outcomes of these days that were replaced by a revision.
    monitors
        Sequential monitors of each role's current line; live only.
    estimates
        Estimates made before the outcomes; live only.
    """

    market: str
    mode: str
    champion: Period
    groups: dict[str, Period]
    revised: tuple[Revised, ...]
    monitors: dict[str, tuple[Monitor, ...]]
    estimates: tuple[EstimateRecord, ...]


def record_of(
    settings: Settings,
    symbol: str,
    mode: Literal["live", "replay"],
    by: By,
    *,
    last_days: int | None,
    at: datetime,
) -> Record:
    """Sum a market's daily figures, as of the last time outcomes were logged.

    Parameters
    ----------
    settings, symbol, mode
        The installation, the market, and live or replayed.
    by
        What the figures are grouped by.
    last_days
        Only trading days of this many last days; None for all.
    at
        Aware time, now.
    """
    first = None if last_days is None else (at - timedelta(days=last_days)).date()
    daily = performance_records(settings.database(), symbol, mode=mode, first=first)
    champion = [row for row in daily if row.role == "champion"]
    live = mode == "live"
    return Record(
        market=symbol,
        mode=mode,
        champion=over(whole_days(champion)),
        groups={name: over(rows) for name, rows in _groups(daily, champion, by).items()},
        revised=tuple(
            revision
            for revision in settings.ledger().revisions(symbol)
            if first is None or revision.later.trading_day >= first
        ),
        monitors=monitors_by_role(settings, symbol) if live else {},
        estimates=estimate_records(settings.database(), symbol, first=first) if live else (),
    )


def champion_days(
    market: str, mode: str, *, first: date | None = None
) -> tuple[PerformanceRecord, ...]:
    """Return the champion's figures of whole days, from a first day on if given.

    Parameters
    ----------
    market
        Name of a market file.
    mode
        ``live`` or ``replay``.
    first
        Trading day; None for all.
    """
    settings = current_settings()
    return performance_records(
        settings.database(),
        settings.market(market).symbol,
        mode=mode,
        role="champion",
        opening_range=ALL,
        first=first,
    )


def _groups(
    daily: Sequence[PerformanceRecord], champion: Sequence[PerformanceRecord], by: By
) -> dict[str, list[PerformanceRecord]]:
    if by == "version":
        return grouped(whole_days(daily), lambda row: f"{row.role} {row.version}")
    if by == "range":
        return grouped(whole_days(champion, ranges=True), lambda row: row.opening_range)
    characters = len("2025-06") if by == "month" else len("2025-06-30")
    return grouped(whole_days(champion), lambda row: str(row.day)[:characters])
