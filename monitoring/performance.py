"""Performance over any days: each figure beside the corridor's, differences with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any, ClassVar

import numpy as np

from ml_core.errors import DefectError
from ml_core.evidence.evaluation import MetricIntervals
from ml_core.evidence.intervals import Interval, mean_interval
from ml_core.evidence.metrics import METRICS, calibration_error_by_chance
from ml_core.health.daily_sums import (
    FORECASTERS,
    TRADES,
    Counts,
    DaySums,
    ForecastSums,
    PerformanceRecord,
    TradeSums,
)
from monitoring.daily_sums import ALL

MIN_DAYS = 20
"""Fewer days with breakouts than this allow no statement on a difference."""

_COUNTS = tuple(count.name for count in fields(Counts))


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastScores:
    """Metrics of a forecaster; ``ece_by_chance`` is the error of exactly right probabilities."""

    accuracy: float
    log_loss: float
    brier: float
    ece: float
    ece_by_chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodTrades(TradeSums):
    """Trades of a kind, with net R per trade."""

    net_r: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The performance over a period.

    Attributes
    ----------
    mode
        ``live`` or ``replay``: the two are never added up.
    first_day, last_day, days
        First and last day of the rows; number of days with a scored breakout.
    counts, abstained
        Counts of slots; ``abstained`` by reason.
    forecasters
        Scores of model, corridor and majority; empty without breakouts.
    difference
        Model minus corridor, and minus majority, by metric, with day-block 95 % intervals.
    trades
        Trades by kind.
    coverage
        Share of net R inside the predicted 80 % interval.
    """

    json_properties: ClassVar = ("verdict",)

    mode: str
    first_day: date | None
    last_day: date | None
    days: int
    counts: Counts
    abstained: dict[str, int]
    forecasters: dict[str, ForecastScores] = field(metadata={"alias": "voices"})
    difference: dict[str, MetricIntervals]
    trades: dict[str, PeriodTrades]
    coverage: Interval

    @property
    def verdict(self) -> str:
        """One sentence: days and breakouts, model beside corridor, and what the interval shows.

        It gives an interval from ``MIN_DAYS`` days on, and reports a difference only when the
        whole interval of the log loss is on one side of 0. It then says "so far": the interval is
        right 95 times in 100 on a day chosen in advance, and wrong more often over a record that
        is checked every night. An e-value may be checked every night
        (:mod:`monitoring.sequential_monitors`).
        """
        breaks = self.counts.breaks
        head = f"{self.mode}, {_many(self.days, 'day')}, {_many(breaks, 'break')}"
        if not breaks:
            return f"{head}: nothing to judge yet"
        model, corridor = self.forecasters["model"], self.forecasters["corridor"]
        change = self.difference["corridor"].log_loss
        span = f" ({change.low:+.3f} to {change.high:+.3f})" if self.days >= MIN_DAYS else ""
        words = (
            f"{head}: model {_percent(model.accuracy)}, corridor "
            f"{_percent(corridor.accuracy)}; log loss {change.estimate:+.3f}{span}"
        )
        return f"{words}: {self._difference_words(change)}"

    def _difference_words(self, change: Interval) -> str:
        if change.low == change.high == 0.0:
            return "the model is the corridor"
        if self.days < MIN_DAYS:
            return f"too few days to judge, {MIN_DAYS - self.days} more are needed"
        if change.below_zero:
            return "so far better than the corridor"
        return "so far worse than the corridor" if change.above_zero else "no difference shown"


class MixedModesError(DefectError):
    """Error for live and replayed days in one sum."""

    modes: tuple[str, ...]
    template = "{modes: and } days are never added up; the record is live"


def over(rows: Iterable[PerformanceRecord], *, seed: int = 0) -> Period:
    """Sum daily figures; the metrics are exactly those of the underlying rows.

    Parameters
    ----------
    rows
        Daily figures that do not overlap: whole days (``all``), or opening ranges.
    seed
        Seed of the bootstrap.

    Raises
    ------
    MixedModesError
        Live and replayed days are mixed.
    """
    daily = sorted(rows, key=lambda row: row.day)
    modes = sorted({row.mode for row in daily})
    if len(modes) > 1:
        raise MixedModesError(tuple(modes))
    sums: list[DaySums] = [row.figures for row in daily]
    scored = [row for row in daily if row.figures.breaks]
    abstained: Counter[str] = Counter()
    for day in sums:
        abstained.update(day.abstained)
    forecasters = [
        name
        for name in FORECASTERS
        if scored and all(getattr(row.figures, name) for row in scored)
    ]
    return Period(
        mode=modes[0] if modes else "live",
        first_day=daily[0].day if daily else None,
        last_day=daily[-1].day if daily else None,
        days=len({row.day for row in scored}),
        counts=Counts(**{name: sum(getattr(day, name) for day in sums) for name in _COUNTS}),
        abstained=dict(sorted(abstained.items())),
        forecasters={name: _scores(scored, name) for name in forecasters},
        difference={
            name: _differences(scored, name, seed) for name in forecasters if name != "model"
        },
        trades={name: _trades(daily, name, seed) for name in TRADES},
        coverage=_mean(
            daily, lambda day: day.interval.stated, lambda day: day.interval.covered, seed
        ),
    )


def grouped(
    rows: Sequence[PerformanceRecord], key: Callable[[PerformanceRecord], str]
) -> dict[str, list[PerformanceRecord]]:
    """Return daily figures grouped by a key, in order of first appearance."""
    groups: dict[str, list[PerformanceRecord]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def whole_days(
    rows: Iterable[PerformanceRecord], *, ranges: bool = False
) -> list[PerformanceRecord]:
    """Return the figures of whole days; with ``ranges``, of single opening ranges instead."""
    return [row for row in rows if (row.opening_range == ALL) != ranges]


def _scores(scored: list[PerformanceRecord], forecaster: str) -> ForecastScores:
    sums: list[ForecastSums] = [getattr(row.figures, forecaster) for row in scored]
    breaks = sum(row.figures.breaks for row in scored)
    bins: dict[str, Any] = {}
    for day in sums:
        for name, of_bin in day.bins.items():
            bins[name] = bins.get(name, 0.0) + np.array(of_bin)
    _, predicted, up, spread = np.array(list(bins.values())).T
    return ForecastScores(
        **{
            metric.name: sum(getattr(day, metric.name) for day in sums) / breaks
            for metric in METRICS
        },
        ece=float(np.abs(predicted - up).sum() / breaks),
        ece_by_chance=calibration_error_by_chance(spread, breaks),
    )


def _differences(scored: list[PerformanceRecord], other: str, seed: int) -> MetricIntervals:
    def change(metric: str) -> Callable[[DaySums], float]:
        return lambda day: getattr(day.model, metric) - getattr(getattr(day, other), metric)

    return MetricIntervals(
        *(_mean(scored, lambda day: day.breaks, change(metric.name), seed) for metric in METRICS)
    )


def _trades(daily: list[PerformanceRecord], kind: str, seed: int) -> PeriodTrades:
    sums: list[TradeSums] = [getattr(row.figures, kind) for row in daily]
    return PeriodTrades(
        trades=sum(day.trades for day in sums),
        won=sum(day.won for day in sums),
        r_gross=float(sum(day.r_gross for day in sums)),
        r_net=float(sum(day.r_net for day in sums)),
        net_r=_mean(
            daily,
            lambda day: getattr(day, kind).trades,
            lambda day: getattr(day, kind).r_net,
            seed,
        ),
    )


def _mean(
    rows: list[PerformanceRecord],
    count: Callable[[DaySums], int],
    total: Callable[[DaySums], float],
    seed: int,
) -> Interval:
    return interval_of_sums(
        [row.day for row in rows],
        [count(row.figures) for row in rows],
        [total(row.figures) for row in rows],
        seed=seed,
    )


def interval_of_sums(
    days: Sequence[date], counts: Sequence[int], sums: Sequence[float], *, seed: int = 0
) -> Interval:
    """Return the mean of all rows of some days, from each day's count and sum, with its interval.

    Whole days are resampled, so only a day's sum and count matter, not its single rows.
    """
    n, total = np.array(counts, np.int64), np.array(sums, np.float64)
    values = np.divide(total, n, out=np.zeros(len(total)), where=n > 0)
    day = np.array(days, "datetime64[D]")
    return mean_interval(np.repeat(values, n), np.repeat(day, n), seed=seed)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
