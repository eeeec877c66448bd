"""A ledger entry: one version's prediction for a slot, or the typed reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

Mode = Literal["live", "replay"]
Role = Literal["champion", "challenger", "baseline"]
Status = Literal["predicted", "abstained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionEntry:
    """One version's prediction for one slot, or the typed reason why there is none.

    ``market_hash`` is of the market definition it was made on; "" in rows of before it was kept.
    """

    market: str
    trading_day: date
    opening_range: str
    mode: Mode
    role: Role
    decision_time: datetime
    made_at: datetime
    late: bool
    status: Status
    reason: str | None
    label: str
    market_hash: str = ""
    model: str | None = None
    version: str | None = None
    recipe_hash: str | None = None
    p_up: float | None = None
    baseline_p_up: float | None = None
    recommendation: str | None = None
    expected_net_r: float | None = None
    features: dict[str, Any]
    outputs: dict[str, Any]
