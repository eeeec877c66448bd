"""Tables for notices and their deliveries."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables.base import Base


class NoticeRow(Base):
    """A notice, recorded whether or not any channel accepted it."""

    __tablename__ = "notices"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    market: Mapped[str | None]
    kind: Mapped[str]
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class DeliveryRow(Base):
    """An attempt to deliver a notice to a channel."""

    __tablename__ = "deliveries"
    __table_args__ = (Index("ix_deliveries_notice_id", "notice_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id"))
    channel: Mapped[str]
    delivered: Mapped[bool]
    detail: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
