"""The rules' decision on a slot, and the order that may follow from it, as kept on record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

SlotKey = tuple[date, str]
"""Trading day and opening range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRecord:
    """A decision of the rules, with its plans as plain values."""

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


def first_by_slot(records: Iterable[StrategyRecord]) -> dict[SlotKey, StrategyRecord]:
    """Return one decision per slot: if there are two, the first recorded one counts."""
    first: dict[SlotKey, StrategyRecord] = {}
    for record in records:
        first.setdefault(record.key, record)
    return first


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """An order that a consumer may place until it expires; Orbcast places none."""

    market: str
    trading_day: date
    opening_range: str
    rules_hash: str
    version: str
    bound_to: str
    order: dict[str, Any]
    expires_at: datetime
    at: datetime

    @property
    def key(self) -> SlotKey:
        """Its day and range."""
        return self.trading_day, self.opening_range

    @property
    def in_force_until(self) -> datetime:
        """Aware UTC: from then on nothing may be entered."""
        enter_by = self.order.get("enter_by")
        return self.expires_at if enter_by is None else datetime.fromisoformat(enter_by)


IntentChange = Literal["issued", "replaced", "withdrawn", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentEvent:
    """An event in the life of an order intent.

    Attributes
    ----------
    market, trading_day, opening_range, sequence
        The slot, and the number of the event within it, from 0.
    event, reason
        ``issued`` once, then ``replaced`` whenever its size changes, finally ``withdrawn`` or
        ``expired``; and the reason.
    order
        The order that may be placed from then on; empty if none may.
    in_force_from, in_force_until
        Aware UTC: the period in which it may be entered.
    at
        Aware UTC: when it happened.
    id
        Its number in the outbox, higher than any before it; 0 before it is written.
    """

    market: str
    trading_day: date
    opening_range: str
    sequence: int
    event: IntentChange
    reason: str
    order: dict[str, Any]
    in_force_from: datetime
    in_force_until: datetime
    at: datetime
    id: int = 0

    @classmethod
    def issued(cls, intent: OrderIntent) -> IntentEvent:
        """Return the first event of an intent."""
        return cls(
            market=intent.market,
            trading_day=intent.trading_day,
            opening_range=intent.opening_range,
            sequence=0,
            event="issued",
            reason="",
            order=intent.order,
            in_force_from=intent.at,
            in_force_until=intent.in_force_until,
            at=intent.at,
        )

    @property
    def key(self) -> SlotKey:
        """Its day and range."""
        return self.trading_day, self.opening_range

    @property
    def is_over(self) -> bool:
        """Whether nothing may be entered any more, regardless of the time."""
        return self.event in {"withdrawn", "expired"}
