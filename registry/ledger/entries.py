"""The entries of the ledger: predictions, outcomes, and pairs of both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ml_core.decision.entry import Outputs, PredictionEntry
from ml_core.health.scored_prediction import SIDES, ScoredPrediction, r_net_of_taken
from ml_core.json_values import field_values
from registry.tables.ledger import OutcomeRow, PredictionRow

SCORED = (
    "trading_day",
    "opening_range",
    "mode",
    "role",
    "version",
    "recipe_hash",
    "market_hash",
    "decision_time",
    "status",
    "reason",
    "late",
    "p_up",
    "baseline_p_up",
    "recommendation",
)
"""Fields of a prediction that scoring needs and that are also columns of its row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeEntry:
    """The outcome of a slot under a label and a market definition."""

    market: str
    trading_day: date
    opening_range: str
    label: str
    market_hash: str = ""
    direction: str
    outcome: str | None
    entry: float | None
    stop: float | None
    target: float | None
    r_gross: float | None
    r_net: float | None
    resolved_at: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """A prediction and the latest outcome of its slot; None while the slot is open."""

    prediction: PredictionEntry
    outcome: OutcomeEntry | None
    revision: int

    @property
    def direction(self) -> str | None:
        """Direction of the breakout: UP, DOWN or NONE; None while the slot is open."""
        return self.outcome.direction if self.outcome else None

    @property
    def taken_r_net(self) -> float | None:
        """Net R of the trade, if it was recommended and taken and is settled."""
        if self.outcome is None:
            return None
        recommended = self.prediction.recommendation
        return r_net_of_taken(recommended, self.outcome.direction, self.outcome.r_net)

    def scored(
        self, *, majority_p_up: float | None = None, outcome_late: bool = False
    ) -> ScoredPrediction:
        """Return the fields that scoring needs, with those that the ledger does not know."""
        low, high = self._net_r_interval()
        return ScoredPrediction(
            **{name: getattr(self.prediction, name) for name in SCORED},
            majority_p_up=majority_p_up,
            direction=self.direction,
            r_gross=self.outcome.r_gross if self.outcome else None,
            r_net=self.outcome.r_net if self.outcome else None,
            net_r_low=low,
            net_r_high=high,
            revision=self.revision,
            outcome_late=outcome_late,
        )

    def _net_r_interval(self) -> tuple[float | None, float | None]:
        """Return the predicted net R interval of the breakout's side; None without one."""
        prediction = self.prediction.outputs.prediction
        if prediction is None or self.direction not in SIDES:
            return None, None
        view = prediction.long if self.direction == "UP" else prediction.short
        return view.net_r_low, view.net_r_high


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised:
    """An outcome and its revision, recorded later for the same slot and label; only it counts."""

    earlier: OutcomeEntry
    later: OutcomeEntry
    revision: int
    earlier_recorded_at: datetime
    later_recorded_at: datetime

    @property
    def slot(self) -> str:
        """``MARKET:DAY:RANGE``."""
        return f"{self.later.market}:{self.later.trading_day}:{self.later.opening_range}"

    def to_json(self) -> dict[str, Any]:
        """Return the changes as plain values."""
        return {
            "slot": self.slot,
            "revision": self.revision,
            "was": self.earlier.direction,
            "is": self.later.direction,
            "was_r_net": self.earlier.r_net,
            "is_r_net": self.later.r_net,
            "recorded": self.earlier_recorded_at.isoformat(),
            "revised": self.later_recorded_at.isoformat(),
        }


OutcomeKey = tuple[date, str, str, str]
"""Trading day, opening range, label and market definition: the key of an outcome."""


def outcome_key(row: PredictionEntry | PredictionRow | OutcomeEntry | OutcomeRow) -> OutcomeKey:
    """Return the outcome key of a prediction or an outcome."""
    return row.trading_day, row.opening_range, row.label, row.market_hash


def fields_of(entry: PredictionEntry) -> dict[str, Any]:
    """Return an entry's values by column name."""
    return {**field_values(entry), "outputs": entry.outputs.to_json()}


def prediction_of(row: PredictionRow) -> PredictionEntry:
    """Read a row."""
    values = {name: getattr(row, name) for name in PredictionEntry.__slots__}
    return PredictionEntry(**{**values, "outputs": Outputs.from_json(row.outputs)})


def outcome_of(row: OutcomeRow) -> OutcomeEntry:
    """Read a row."""
    return OutcomeEntry(**{name: getattr(row, name) for name in OutcomeEntry.__slots__})
