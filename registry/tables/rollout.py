"""Tables for a market's rollout, its rules' decisions and the order intents."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables.base import Chained


class RolloutRow(Chained):
    """A change of a market's stage, or an approval of one; append-only and chained by hash."""

    noun: ClassVar[str] = "rollout event"
    __tablename__ = "rollout_events"
    __table_args__ = (UniqueConstraint("market", "sequence"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    sequence: Mapped[int]
    at: Mapped[datetime]
    kind: Mapped[str]
    stage: Mapped[str]
    by: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    bound_to: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    details: Mapped[dict[str, Any]]
    previous_hash: Mapped[str] = mapped_column(unique=True)
    row_hash: Mapped[str] = mapped_column(unique=True)


class StrategyRow(Chained):
    """The rules' decision on a slot, without the model and with it."""

    __tablename__ = "strategy_decisions"
    __table_args__ = (
        UniqueConstraint("market", "trading_day", "opening_range", "mode", "rules_hash"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    trading_day: Mapped[date]
    opening_range: Mapped[str]
    mode: Mapped[str]
    rules_hash: Mapped[str]
    stage: Mapped[str]
    version: Mapped[str | None]
    decision_time: Mapped[datetime]
    without_model: Mapped[dict[str, Any]]
    with_model: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class RulesRow(Chained):
    """A strategy's rules when a plan was first made by them, as JSON in the file's order."""

    noun: ClassVar[str] = "rules"
    dated_by: ClassVar[str] = "first_seen"
    __tablename__ = "strategy_rules"
    __table_args__ = (UniqueConstraint("rules_hash"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    rules_hash: Mapped[str]
    name: Mapped[str]
    rules: Mapped[str] = mapped_column(Text)
    first_seen: Mapped[datetime]


class TradeRow(Chained):
    """The result of a strategy's trade of a slot; append-only, a revision is a new row."""

    noun: ClassVar[str] = "trade"
    dated_by: ClassVar[str] = "recorded_at"
    __tablename__ = "strategy_trades"
    __table_args__ = (
        UniqueConstraint(
            "market", "trading_day", "opening_range", "rules_hash", "market_hash", "revision"
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    trading_day: Mapped[date]
    opening_range: Mapped[str]
    rules_hash: Mapped[str]
    market_hash: Mapped[str]
    revision: Mapped[int]
    trade: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime]


class OrderIntentRow(Chained):
    """The outbox: an order for another program to place; Orbcast places no orders."""

    __tablename__ = "order_intents"
    __table_args__ = (UniqueConstraint("market", "trading_day", "opening_range"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    trading_day: Mapped[date]
    opening_range: Mapped[str]
    rules_hash: Mapped[str]
    version: Mapped[str]
    bound_to: Mapped[str]
    order: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime]
    at: Mapped[datetime]
