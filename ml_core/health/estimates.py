"""What was expected before the outcomes, and what came."""

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
        Its expectation.
    low, high
        Where the figure will be 95 % of the time, if the probabilities are what happens.
    of_mix
        Standard error of the value as an estimate of a longer run's: how far it moves because
        other ranges come along, whatever their outcomes. NaN for the calibration error.
    """

    value: Figure
    low: Figure
    high: Figure
    of_mix: Figure

    def holds(self, figure: float) -> bool:
        """Whether a figure is inside the interval."""
        return self.low <= figure <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a window of answers is expected to show.

    Attributes
    ----------
    metrics
        By name of the metric.
    recipe_hash, begin, end
        Of the answers: their recipe, first and last decision (aware UTC).
    unseen
        The interval of the log loss on the version's unseen days, if it has one.
    warning
        That the expected log loss is not what those days showed; None if it is.
    """

    metrics: Mapping[str, Estimate]
    recipe_hash: str | None
    begin: datetime = field(metadata={"alias": "from"})
    end: datetime = field(metadata={"alias": "to"})
    unseen: Mapping[str, float] | None
    warning: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """An estimate beside the truth.

    Attributes
    ----------
    breaks
        Rows that broke up or down, which the figures are of.
    realised, error, inside
        By metric: what came, how much more than expected, whether within the interval.
    open
        Rows without an outcome.
    """

    breaks: int
    realised: Mapping[str, float]
    error: Mapping[str, float]
    inside: Mapping[str, bool]
    open: int = 0
