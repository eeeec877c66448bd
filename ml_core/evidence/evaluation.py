"""The performance of a recipe's versions on unseen days, each figure next to its baselines."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from ml_core.errors import InputError
from ml_core.evidence.intervals import Interval
from ml_core.evidence.metrics import ReliabilityBin
from ml_core.json_form import Figure, from_json

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Scores:
    """Metrics of the predicted probabilities of an event; AUC is NaN if only one class occurs.

    ``ece_at_most`` is the limit of the calibration error for this number of rows; NaN in records
    of releases that did not compute it.
    """

    accuracy: Figure
    log_loss: Figure
    brier: Figure
    auc: Figure
    ece: Figure
    ece_at_most: Figure = math.nan


@dataclass(frozen=True, slots=True)
class MetricIntervals:
    """Metrics, or their differences, each with its 95 % day-block interval."""

    accuracy: Interval
    log_loss: Interval
    brier: Interval


class _Forecasters:
    """A result with a field of :class:`Scores` for each forecaster."""

    __slots__ = ()

    @property
    def scores(self) -> dict[str, Scores]:
        """Scores by forecaster name, the model first."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in values.items() if isinstance(value, Scores)}


@dataclass(frozen=True, slots=True)
class DirectionScores(_Forecasters):
    """P(UP | breakout) of model, corridor and majority on the breakouts.

    Attributes
    ----------
    rows
        Number of breakouts.
    interval, reliability
        By forecaster.
    difference
        The model's metrics minus those of each other forecaster, row by row.
    """

    rows: int
    model: Scores
    corridor: Scores
    majority: Scores
    interval: dict[str, MetricIntervals]
    difference: dict[str, MetricIntervals]
    reliability: dict[str, tuple[ReliabilityBin, ...]]


@dataclass(frozen=True, slots=True)
class EntryScores(_Forecasters):
    """P(target before stop and in time) of model and driftless entry, on finished trades.

    Attributes
    ----------
    rows, timeouts
        Number of trades, and how many of them reached neither target nor stop by the scan end.
        Records from before timeouts were forecast leave them out of the rows.
    interval, difference, reliability
        As in :class:`DirectionScores`.
    """

    rows: int
    model: Scores
    driftless: Scores
    interval: dict[str, MetricIntervals]
    difference: dict[str, MetricIntervals]
    reliability: dict[str, tuple[ReliabilityBin, ...]]
    timeouts: int


@dataclass(frozen=True, slots=True)
class NoEntryScores:
    """No trade has ended."""

    rows: Literal[0]
    timeouts: int


@dataclass(frozen=True, slots=True)
class NetRScores:
    """The R model on finished trades.

    Attributes
    ----------
    actual_mean, model_mean, driftless_mean
        Net R per trade: actual, expected by the model, and expected by the driftless entry.
    squared_error_difference
        The model's squared error minus the driftless entry's.
    interval_coverage
        Share of trades inside the stated 80 % interval; None where none was stated.
    """

    rows: int
    actual_mean: Interval
    model_mean: Figure
    driftless_mean: Figure
    squared_error_difference: Interval
    interval_coverage: float | None


@dataclass(frozen=True, slots=True)
class Trades:
    """Trades taken: number, share won after costs, R per trade, maximum drawdown in R."""

    trades: int
    hit_rate: Figure
    gross_r: Interval
    net_r: Interval
    drawdown_r: Figure


@dataclass(frozen=True, slots=True)
class NoTrades:
    """No trade was taken."""

    trades: Literal[0]


@dataclass(frozen=True, slots=True)
class Trading:
    """Results of following the recommendation, and of taking every breakout."""

    recommended: int
    followed: Trades | NoTrades
    every_break: Trades | NoTrades


@dataclass(frozen=True, slots=True)
class EntryLogLoss:
    """Log loss of P(target before stop, in time) in a group, and the model minus the baseline."""

    rows: int
    model: Figure
    driftless: Figure
    difference: Interval


@dataclass(frozen=True, slots=True)
class NoRows:
    """There are no rows to score."""

    rows: Literal[0]


@dataclass(frozen=True, slots=True)
class GroupScores(_Forecasters):
    """The figures of one opening range, year, side or fold; see :class:`DirectionScores`."""

    name: str
    rows: int
    model: Scores
    corridor: Scores
    majority: Scores
    difference: dict[str, MetricIntervals]
    quality: EntryLogLoss | NoRows
    every_break: Trades | NoTrades
    followed: Trades | NoTrades


@dataclass(frozen=True, slots=True)
class Equity:
    """Cumulative R by day, one element per trading day."""

    days: tuple[str, ...]
    every_break_gross: tuple[float, ...]
    every_break_net: tuple[float, ...]
    followed_net: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EvaluationSummary:
    """The subject of an evaluation.

    Attributes
    ----------
    model, version
        Names of the recipe and of the version, or of the walk.
    label
        Key of the label.
    first_day, last_day
        ISO dates of the first and last unseen trading day.
    rows, breaks, no_break
        Unseen rows; those with a breakout, and those without.
    no_break_expected
        Number of ranges without a breakout that the model expected.
    """

    market: str
    model: str
    version: str
    label: str
    first_day: str
    last_day: str
    rows: int
    breaks: int
    no_break: int
    no_break_expected: Figure


class NotAnEvaluationError(InputError):
    """The values are not in the form that an evaluation writes."""

    faults: tuple[str, ...]
    template = (
        "the evaluation is not whole: {faults:, }; it was written by another release or edited; "
        "retrain to write it again"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The performance of a version, or of the folds of a walk, on unseen days.

    Attributes
    ----------
    summary
        Market, recipe, version, label, period, rows.
    directional, quality, net_r
        The three questions, each next to its baselines.
    by_range, by_year, by_side, by_fold
        The same figures for each opening range, calendar year, breakout side, and fold of a walk.
    trading, equity
        The trades it would have made, and their cumulative result.
    verdict
        One plain sentence.
    """

    summary: EvaluationSummary
    directional: DirectionScores
    quality: EntryScores | NoEntryScores
    net_r: NetRScores
    by_range: tuple[GroupScores, ...]
    by_year: tuple[GroupScores, ...] = ()
    by_side: tuple[GroupScores, ...] = ()
    by_fold: tuple[GroupScores, ...] = ()
    trading: Trading
    equity: Equity
    verdict: str

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Evaluation:
        """Return the evaluation that :meth:`to_json` wrote.

        Raises
        ------
        NotAnEvaluationError
            ``values`` are not of that form; it names each field that is not.
        """
        return read_part(cls, values)


def read_part(kind: type[Part], values: dict[str, Any]) -> Part:
    """Return a part of an evaluation from its JSON form.

    Raises
    ------
    NotAnEvaluationError
        ``values`` are not of that form; it names each field that is not.
    """
    try:
        return from_json(kind, values)
    except ValidationError as error:
        faults = (
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg'].lower()}"
            for fault in error.errors()
        )
        raise NotAnEvaluationError(tuple(dict.fromkeys(faults))) from error
