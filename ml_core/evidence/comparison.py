"""Compares a challenger with another forecaster on rows neither has seen, metric by metric."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml_core.array_rows import take_rows
from ml_core.errors import InputError
from ml_core.evidence.intervals import Interval, mean_interval
from ml_core.evidence.metrics import BRIER, LOG_LOSS, Metric
from ml_core.evidence.out_of_sample import OutOfSamplePredictions
from ml_core.evidence.sequential import e_process, latest
from ml_core.ranges.labels import DOWN, UP

JUDGED_BY: tuple[Metric, ...] = (LOG_LOSS, BRIER)


class NoCommonRowsError(InputError):
    """Two studies have no unseen breakout in common."""

    challenger: str
    other: str
    template = (
        "{challenger} and {other} have no unseen break in common; study both over the same "
        "period: orbcast evaluate --recipe NAME --from DAY --to DAY"
    )


@dataclass(frozen=True, slots=True)
class Change:
    """The mean difference of a metric, challenger minus other, row by row.

    Attributes
    ----------
    metric
        Its name.
    smaller_is_better
        Whether smaller is better for the metric, so that the sign cannot be misread.
    interval
        95 % day-block interval.
    """

    metric: str
    smaller_is_better: bool
    interval: Interval

    @property
    def finite(self) -> bool:
        """Whether every figure is a finite number."""
        interval = self.interval
        return bool(
            np.isfinite([interval.estimate, interval.low, interval.high, interval.error]).all()
        )

    @property
    def better(self) -> bool | None:
        """Whether the whole interval is on the better side of 0; None if not known."""
        if not self.finite:
            return None
        return self.interval.below_zero if self.smaller_is_better else self.interval.above_zero

    @property
    def z(self) -> float:
        """Number of standard errors by which the challenger is better; negative if worse.

        It is NaN if unknown, and 0 if no row differs.
        """
        if not self.finite:
            return float("nan")
        sign = -1.0 if self.smaller_is_better else 1.0
        if self.interval.error == 0.0:
            return 0.0 if self.interval.estimate == 0.0 else float("nan")
        return sign * self.interval.estimate / self.interval.error


@dataclass(frozen=True, slots=True, kw_only=True)
class YearChange:
    """Change in log loss within one calendar year."""

    year: str
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The comparison of a challenger with one other forecaster.

    Attributes
    ----------
    against
        Name of the other forecaster.
    rows, days
        Common unseen breakouts, and the trading days that have any.
    changes
        One for each metric of the comparison.
    years
        Change in log loss by calendar year.
    seeds
        Change in log loss with each training seed; the first seed is the judged one.
    e_value
        Evidence that the challenger's log loss is smaller, valid however often it is checked.
    e_worse
        The same for the challenger's log loss being larger.
    """

    against: str
    rows: int
    days: int
    changes: tuple[Change, ...]
    years: tuple[YearChange, ...]
    seeds: tuple[float, ...]
    e_value: float
    e_worse: float


@dataclass(frozen=True, slots=True)
class _Common:
    """Rows predicted unseen by both, in decision order, with and without a breakout."""

    ours: NDArray[np.float64]
    theirs: NDArray[np.float64]
    happened: NDArray[np.bool_]
    day: NDArray[np.datetime64]
    broke: NDArray[np.bool_]

    @property
    def breaks(self) -> _Common:
        """The m rows with a breakout."""
        return take_rows(self, self.broke)

    @property
    def e_value(self) -> float:
        """Evidence that the challenger's log loss is smaller."""
        return latest(e_process(self.ours, self.theirs, self.happened, self.day, self.broke))

    @property
    def turned(self) -> _Common:
        """The same rows with challenger and other swapped."""
        return replace(self, ours=self.theirs, theirs=self.ours)


def compare(
    by_seed: tuple[OutOfSamplePredictions, ...],
    other: OutOfSamplePredictions | None,
    against: str,
    *,
    seed: int = 0,
) -> Comparison:
    """Compare a challenger with another, or with the corridor on the same rows.

    Parameters
    ----------
    by_seed
        The challenger's predictions with each training seed; the first is judged, the others must
        agree with it.
    other
        The other's predictions; None for the corridor baseline fitted in the same folds.
    against
        Name of the other forecaster.
    seed
        Of the bootstrap.

    Raises
    ------
    SeenRowsError
        A row was in the training data of the version that predicted it.
    NoCommonRowsError
        There is no common unseen breakout.
    """
    common = [_common(answers, other, against) for answers in by_seed]
    return _compared(common, against, seed)


def compare_logged(
    challenger: NDArray[np.float64],
    other: NDArray[np.float64],
    happened: NDArray[np.bool_],
    day: NDArray[np.datetime64],
    broke: NDArray[np.bool_],
    against: str,
    *,
    seed: int = 0,
) -> Comparison:
    """Compare the live predictions of two versions for the same slots.

    Parameters
    ----------
    challenger, other, happened, day, broke
        Shape (n,), in decision order: P(UP | breakout) of each, whether it was UP, trading day,
        whether there was a breakout (at least one).
    against
        Name of the other forecaster.
    seed
        Of the bootstrap.
    """
    return _compared([_Common(challenger, other, happened, day, broke)], against, seed)


def _compared(common: list[_Common], against: str, seed: int) -> Comparison:
    first = common[0].breaks
    years = first.day.astype("datetime64[Y]").astype(str)
    loss = _difference(LOG_LOSS, first)
    return Comparison(
        against=against,
        rows=len(first.ours),
        days=len(np.unique(first.day)),
        changes=tuple(
            Change(
                metric.name,
                metric.smaller_is_better,
                mean_interval(_difference(metric, first), first.day, seed=seed),
            )
            for metric in JUDGED_BY
        ),
        years=tuple(
            YearChange(
                year=str(year),
                interval=mean_interval(loss[years == year], first.day[years == year], seed=seed),
            )
            for year in np.unique(years)
        ),
        seeds=tuple(float(_difference(LOG_LOSS, rows.breaks).mean()) for rows in common),
        e_value=common[0].e_value,
        e_worse=common[0].turned.e_value,
    )


def _difference(metric: Metric, common: _Common) -> NDArray[np.float64]:
    ours = metric.rows(common.ours, common.happened)
    theirs = metric.rows(common.theirs, common.happened)
    return ours - theirs


def _common(
    challenger: OutOfSamplePredictions, other: OutOfSamplePredictions | None, against: str
) -> _Common:
    challenger.require_unseen()
    theirs = challenger.predictions.baseline_p_up
    if other is not None:
        other.require_unseen()
        _, mine, yours = np.intersect1d(
            challenger.slots(), other.slots(), assume_unique=True, return_indices=True
        )
        order = np.argsort(mine)
        challenger = challenger.rows(mine[order])
        theirs = other.predictions.p_up[yours[order]]
    test = challenger.test
    broke = np.isin(test.direction, (UP, DOWN))
    if not broke.any():
        raise NoCommonRowsError(challenger.recipe_hash[:12], against)
    return _Common(
        challenger.predictions.p_up, theirs, test.direction == UP, test.trading_day, broke
    )
