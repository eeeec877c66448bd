"""The table of scheduled news that the trader supplied."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables.base import Chained


class NewsRow(Chained):
    """An event as a file had it, and since when it was known; append-only and chained."""

    noun: ClassVar[str] = "news event"
    __tablename__ = "news_events"
    __table_args__ = (Index("ix_news_events_market_time", "market", "time"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    time: Mapped[datetime]
    name: Mapped[str]
    importance: Mapped[str]
    known_since: Mapped[datetime]
    cancelled: Mapped[bool]
    source: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
