"""Tables for the events of order intents and of paper accounts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables.base import Chained


class IntentEventRow(Chained):
    """An order intent's issue, replacement, withdrawal or expiry; append-only."""

    noun: ClassVar[str] = "intent event"
    __tablename__ = "intent_events"
    __table_args__ = (UniqueConstraint("market", "trading_day", "opening_range", "sequence"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    trading_day: Mapped[date]
    opening_range: Mapped[str]
    sequence: Mapped[int]
    event: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    order: Mapped[dict[str, Any]]
    in_force_from: Mapped[datetime]
    in_force_until: Mapped[datetime]
    at: Mapped[datetime]


class PaperEventRow(Chained):
    """What a paper account did with an intent: taken, refused, filled, closed; append-only."""

    noun: ClassVar[str] = "paper event"
    __tablename__ = "paper_events"
    __table_args__ = (
        UniqueConstraint("book", "market", "trading_day", "opening_range", "sequence"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    book: Mapped[str]
    market: Mapped[str]
    trading_day: Mapped[date]
    opening_range: Mapped[str]
    sequence: Mapped[int]
    event: Mapped[str]
    time: Mapped[datetime]
    quantity: Mapped[int]
    price: Mapped[int | None]
    reason: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]]
    at: Mapped[datetime]
