"""What the rules decided of a slot, and the order that may follow from it, as they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRecord:
    """A decision of the rules; the plans are plain values."""

    market: str
    trading_day: date
    opening_range: str
    mode: str
    rules_hash: str
    stage: str
    version: str | None
    decision_time: datetime
    without_model: dict[str, Any]
    with_model: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """An order that somebody else may place until it expires; Orbcast places none."""

    market: str
    trading_day: date
    opening_range: str
    rules_hash: str
    version: str
    bound_to: str
    order: dict[str, Any]
    expires_at: datetime
    at: datetime
