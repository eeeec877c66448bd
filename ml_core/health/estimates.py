"""Figures expected before the outcomes, compared with the actual ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ml_core.json_form import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An expected figure.

    Attributes
    ----------
    value
        The expected value.
    low, high
        Interval that contains the figure 95 % of the time, if the probabilities are right.
    of_mix
        Standard error of the value as an estimate for a longer period: its variation because other
        ranges occur, whatever their outcomes. NaN for the calibration error.
    """

    value: Figure
    low: Figure
    high: Figure
    of_mix: Figure

    def holds(self, figure: float) -> bool:
        """Return whether a figure is inside the interval."""
        return self.low <= figure <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The expected figures of a window of predictions.

    Attributes
    ----------
    metrics
        Estimates by metric name.
    recipe_hash, begin, end
        Recipe of the predictions; first and last decision (aware UTC).
    unseen
        Interval of the log loss on the version's unseen days, if it has one.
    warning
        Warning if the expected log loss differs from those days; otherwise None.
    """

    metrics: Mapping[str, Estimate]
    recipe_hash: str | None
    begin: datetime = field(metadata={"alias": "from"})
    end: datetime = field(metadata={"alias": "to"})
    unseen: Mapping[str, float] | None
    warning: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """An estimate compared with the truth.

    Attributes
    ----------
    breaks
        Number of rows with a breakout, on which the figures are based.
    realised, error, inside
        By metric: the actual value, its excess over the expected one, whether it is in the
        interval.
    open
        Number of rows without an outcome.
    """

    breaks: int
    realised: Mapping[str, float]
    error: Mapping[str, float]
    inside: Mapping[str, bool]
    open: int = 0
