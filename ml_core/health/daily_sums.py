"""A day's predictions scored as sums; adding the days of any period gives its exact result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

FORECASTERS = ("model", "corridor", "majority")
TRADES = ("taken", "predicted_side", "every_break")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastSums:
    """Metrics of one forecaster summed over the breakouts.

    ``bins`` has an entry for each tenth of the scale with rows: rows, sum of predictions, number
    of ups, and sum of p (1 - p).
    """

    accuracy: float
    log_loss: float
    brier: float
    bins: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeSums:
    """Number of trades of a kind, number of wins, and R before and after costs."""

    trades: int = 0
    won: int = 0
    r_gross: float = 0.0
    r_net: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageSums:
    """Number of trades with a stated interval of net R, and number of trades inside it."""

    stated: int = 0
    covered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Number of slots by outcome; ``breaks`` are the scored ones."""

    slots: int = 0
    answered: int = 0
    late: int = 0
    open: int = 0
    no_break: int = 0
    breaks: int = 0
    ups: int = 0
    revised: int = 0
    late_outcomes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySums(Counts):
    """All sums of a day.

    Attributes
    ----------
    abstained
        Number of abstentions by reason.
    model, corridor, majority
        Sums of each forecaster; None if its prediction is not known for every breakout.
    taken, predicted_side, every_break
        Trades that were recommended, trades of the likelier side, and trades of every breakout.
    interval
        Coverage of the interval of net R.
    """

    abstained: Mapping[str, int] = field(default_factory=dict)
    model: ForecastSums | None = None
    corridor: ForecastSums | None = None
    majority: ForecastSums | None = None
    taken: TradeSums = TradeSums()
    predicted_side: TradeSums = TradeSums()
    every_break: TradeSums = TradeSums()
    interval: CoverageSums = CoverageSums()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> DaySums:
        """Read the fields by name; sums missing in an earlier release's record count as zero."""
        if "model" not in values:
            return cls()
        forecasts = {name: values[name] and ForecastSums(**values[name]) for name in FORECASTERS}
        trades = {name: TradeSums(**values[name]) for name in TRADES}
        interval = CoverageSums(**values["interval"])
        return cls(**{**values, **forecasts, **trades, "interval": interval})


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceRecord:
    """One day's sums of one version in one mode and role, for one opening range or ``all``."""

    market: str
    day: date
    mode: str
    role: str
    version: str
    opening_range: str
    figures: DaySums
