"""What the rules decided of a slot, and the order that may follow from it, as they are kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

SlotKey = tuple[date, str]
"""Trading day and opening range."""


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

    @property
    def key(self) -> SlotKey:
        """Its day and range."""
        return self.trading_day, self.opening_range


def first_of_each_slot(records: Iterable[StrategyRecord]) -> dict[SlotKey, StrategyRecord]:
    """Return one decision for each slot: of two the first recorded is the one that counts."""
    first: dict[SlotKey, StrategyRecord] = {}
    for record in records:
        first.setdefault(record.key, record)
    return first


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
