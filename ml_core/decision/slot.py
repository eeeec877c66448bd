"""A slot: one opening range of one trading day of one market."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A market, trading day and opening range; ``decision`` is t0, the window's end, in UTC."""

    symbol: str
    trading_day: date
    opening_range: str
    decision: datetime

    def __str__(self) -> str:
        return f"{self.symbol}:{self.trading_day}:{self.opening_range}"

    @property
    def key(self) -> tuple[date, str]:
        """Trading day and opening range."""
        return self.trading_day, self.opening_range

    @property
    def title(self) -> str:
        """The name of the slot's runs, such as ``MGC 0900 2026-11-30``."""
        return f"{self.symbol} {self.opening_range} {self.trading_day}"
