"""What a day's predictions came to, as sums: those of any days together give a period exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

FORECASTERS = ("model", "corridor", "majority")
TRADES = ("taken", "predicted_side", "every_break")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastSums:
    """Metrics of one forecaster summed over the breaks.

    ``bins`` are of each tenth of the scale that has rows: rows, predicted, ups and p (1 - p).
    """

    accuracy: float
    log_loss: float
    brier: float
    bins: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeSums:
    """How many trades of a kind there were, how many of them won, and R before and after costs."""

    trades: int = 0
    won: int = 0
    r_gross: float = 0.0
    r_net: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageSums:
    """In how many trades an interval of net R was stated, and in how many it held."""

    stated: int = 0
    covered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many slots there were, and what became of them; ``breaks`` are those scored."""

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
    """All that is summed of a day.

    Attributes
    ----------
    abstained
        By reason.
    model, corridor, majority
        None if it is not known what it said of each break.
    taken, predicted_side, every_break
        Trades that were recommended, of the likelier side, and of every break.
    interval
        Of net R.
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
        """Read back its fields by name; what is no sum of before there were any counts nothing."""
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
