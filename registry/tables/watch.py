"""Tables for the health of models: breaker, drift, parity, retrains."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ml_core.health.drift import DriftFigures
from ml_core.health.estimates import Expected, Reconciled
from ml_core.health.parity import ParityReport
from registry.tables.base import Base, Chained, JsonOf


class BreakerRow(Chained):
    """A change of a market's circuit breaker; append-only and chained."""

    __tablename__ = "breaker_events"
    __table_args__ = (Index("ix_breaker_events_market_at", "market", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    at: Mapped[datetime]
    state: Mapped[str]
    cause: Mapped[str]
    detail: Mapped[str] = mapped_column(Text)
    by: Mapped[str]


class RetrainAttemptRow(Base):
    """A retrain attempt; without an end, it is under way or its process was killed."""

    __tablename__ = "retrain_attempts"
    __table_args__ = (Index("ix_retrain_attempts_market", "market"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    began_at: Mapped[datetime]
    by_itself: Mapped[bool]
    end: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    detail: Mapped[str] = mapped_column(Text)


class DriftRow(Base):
    """A drift report: whether the logged features of some days resemble the training rows."""

    __tablename__ = "drift_reports"
    __table_args__ = (UniqueConstraint("market", "version", "last_day", "rows"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    version: Mapped[str]
    first_day: Mapped[date]
    last_day: Mapped[date]
    rows: Mapped[int]
    detected: Mapped[bool]
    verdict: Mapped[str] = mapped_column(Text)
    figures: Mapped[DriftFigures] = mapped_column(JsonOf(DriftFigures))
    at: Mapped[datetime]


class EstimateRow(Base):
    """Log loss and calibration estimated without outcomes, and the realised figures later."""

    __tablename__ = "estimates"
    __table_args__ = (UniqueConstraint("market", "role", "version", "mode", "last_day"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    role: Mapped[str]
    version: Mapped[str]
    mode: Mapped[str]
    first_day: Mapped[date]
    last_day: Mapped[date]
    rows: Mapped[int]
    expected: Mapped[Expected] = mapped_column(JsonOf(Expected))
    realised: Mapped[Reconciled | None] = mapped_column(JsonOf(Reconciled))
    at: Mapped[datetime]
    reconciled_at: Mapped[datetime | None]


class ParityRow(Base):
    """A parity report: whether live logged features equal those recomputed from the lake."""

    __tablename__ = "parity_reports"
    __table_args__ = (UniqueConstraint("market", "content_hash"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    first_day: Mapped[date]
    last_day: Mapped[date]
    compared: Mapped[int]
    unexplained: Mapped[int]
    verdict: Mapped[str] = mapped_column(Text)
    figures: Mapped[ParityReport] = mapped_column(JsonOf(ParityReport))
    content_hash: Mapped[str]
    at: Mapped[datetime]
