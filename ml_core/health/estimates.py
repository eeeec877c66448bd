"""What was expected before the outcomes, and what came."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any


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

    value: float
    low: float
    high: float
    of_mix: float

    def holds(self, figure: float) -> bool:
        """Whether a figure is inside the interval."""
        return self.low <= figure <= self.high

    @classmethod
    def from_json(cls, values: Mapping[str, float | None]) -> Estimate:
        """Read an estimate back; JSON has no NaN."""
        return cls(**{name: math.nan if one is None else one for name, one in values.items()})


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

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Expected:
        """Read back the JSON form."""
        own = {own.name: values[own.metadata.get("alias", own.name)] for own in fields(cls)}
        own |= {name: datetime.fromisoformat(own[name]) for name in ("begin", "end")}
        metrics = {name: Estimate.from_json(metric) for name, metric in own["metrics"].items()}
        return cls(**{**own, "metrics": metrics})


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

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Reconciled:
        """Read back its fields by name."""
        return cls(**values)
