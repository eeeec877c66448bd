"""Tables for the trader's own executions and their import files."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables.base import Chained


class FillBatchRow(Chained):
    """The import or withdrawal of a file of executions; append-only and chained."""

    noun: ClassVar[str] = "fill batch"
    __tablename__ = "fill_batches"
    __table_args__ = (UniqueConstraint("market", "batch_id", "event"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    batch_id: Mapped[str]
    event: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    platform: Mapped[str]
    zone: Mapped[str]
    content_hash: Mapped[str]
    reading: Mapped[str] = mapped_column(Text)
    fills: Mapped[int]
    repeated: Mapped[int]
    set_aside: Mapped[list[Any]]
    left_out: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class FillRow(Chained):
    """An execution as a file had it; append-only and chained."""

    noun: ClassVar[str] = "fill"
    __tablename__ = "fills"
    __table_args__ = (
        UniqueConstraint("market", "batch_id", "source_line"),
        Index("ix_fills_market_time", "market", "time"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    batch_id: Mapped[str]
    platform: Mapped[str]
    account: Mapped[str]
    contract: Mapped[str]
    time: Mapped[datetime]
    side: Mapped[str]
    quantity: Mapped[float]
    price: Mapped[float]
    commission: Mapped[float | None]
    execution_id: Mapped[str]
    order_id: Mapped[str]
    occurrence: Mapped[int]
    source_line: Mapped[int]
    at: Mapped[datetime]
