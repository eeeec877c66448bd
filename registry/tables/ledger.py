"""Tables for predictions, outcomes and daily performance figures."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ml_core.health.daily_sums import DaySums
from registry.tables.base import Base, Chained, JsonOf


class PredictionRow(Chained):
    """A slot's prediction, or why there is none; append-only and chained by hash."""

    noun: ClassVar[str] = "prediction"
    dated_by: ClassVar[str] = "made_at"
    if_given: ClassVar[frozenset[str]] = frozenset({"market_hash"})
    __tablename__ = "predictions"
    __table_args__ = (
        UniqueConstraint("market", "trading_day", "opening_range", "mode", "role"),
        Index("ix_predictions_market_decision_time", "market", "decision_time"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    trading_day: Mapped[date]
    opening_range: Mapped[str]
    mode: Mapped[str]
    role: Mapped[str]
    decision_time: Mapped[datetime]
    made_at: Mapped[datetime]
    late: Mapped[bool]
    status: Mapped[str]
    reason: Mapped[str | None]
    model: Mapped[str | None]
    version: Mapped[str | None]
    recipe_hash: Mapped[str | None]
    label: Mapped[str]
    market_hash: Mapped[str] = mapped_column(default="", server_default="")
    p_up: Mapped[float | None]
    baseline_p_up: Mapped[float | None]
    recommendation: Mapped[str | None]
    expected_net_r: Mapped[float | None]
    features: Mapped[dict[str, Any]]
    outputs: Mapped[dict[str, Any]]
    previous_hash: Mapped[str] = mapped_column(unique=True)
    row_hash: Mapped[str] = mapped_column(unique=True)


class OutcomeRow(Chained):
    """The outcome of a slot under a label; append-only and chained, a revision is a new row."""

    noun: ClassVar[str] = "outcome"
    dated_by: ClassVar[str] = "recorded_at"
    if_given: ClassVar[frozenset[str]] = frozenset({"market_hash"})
    __tablename__ = "outcomes"
    __table_args__ = (
        UniqueConstraint(
            "market", "trading_day", "opening_range", "label", "revision", "market_hash"
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    trading_day: Mapped[date]
    opening_range: Mapped[str]
    label: Mapped[str]
    market_hash: Mapped[str] = mapped_column(default="", server_default="")
    revision: Mapped[int]
    direction: Mapped[str]
    outcome: Mapped[str | None]
    entry: Mapped[float | None]
    stop: Mapped[float | None]
    target: Mapped[float | None]
    r_gross: Mapped[float | None]
    r_net: Mapped[float | None]
    resolved_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    previous_hash: Mapped[str] = mapped_column(unique=True)
    row_hash: Mapped[str] = mapped_column(unique=True)


class PerformanceRow(Base):
    """Daily performance figures; they can be recomputed from predictions and outcomes."""

    __tablename__ = "performance"
    __table_args__ = (
        UniqueConstraint("market", "day", "mode", "role", "version", "opening_range"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    day: Mapped[date]
    mode: Mapped[str]
    role: Mapped[str]
    version: Mapped[str]
    opening_range: Mapped[str]
    figures: Mapped[DaySums] = mapped_column(JsonOf(DaySums))
    updated_at: Mapped[datetime]


class PerformanceProgressRow(Base):
    """The last rows of the ledger that a market's daily figures include, by their hash."""

    __tablename__ = "performance_progress"
    market: Mapped[str] = mapped_column(primary_key=True)
    last_prediction: Mapped[str]
    last_outcome: Mapped[str]
    code: Mapped[str]
