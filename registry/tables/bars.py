"""Tables for imports into the lake."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables.base import Base


class DataBatch(Base):
    """A batch of bars imported into the lake."""

    __tablename__ = "data_batches"
    batch_id: Mapped[str] = mapped_column(primary_key=True)
    market: Mapped[str] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(Text)
    source: Mapped[str]
    content_hash: Mapped[str]
    status: Mapped[str]
    rows: Mapped[int]
    added: Mapped[int]
    revised: Mapped[int]
    quarantined: Mapped[int]
    details: Mapped[dict[str, Any]]
    ingested_at: Mapped[datetime]


class Quarantine(Base):
    """A quarantined row of a source."""

    __tablename__ = "quarantine"
    __table_args__ = (UniqueConstraint("batch_id", "source_line"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("data_batches.batch_id"))
    source_line: Mapped[int]
    reason: Mapped[str]
    row: Mapped[dict[str, Any]]


class BarRevision(Base):
    """The earlier value of a bar that a later batch changed."""

    __tablename__ = "bar_revisions"
    __table_args__ = (UniqueConstraint("batch_id", "contract", "ts"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("data_batches.batch_id"))
    market: Mapped[str]
    contract: Mapped[str]
    ts: Mapped[datetime]
    earlier: Mapped[dict[str, Any]]


class LakeState(Base):
    """The number of a market's state of the lake in the store, which each change increases."""

    __tablename__ = "lake_states"
    market: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]


class LakeFile(Base):
    """A file of a market's lake in the store.

    ``path`` is that below the market's folder, and ``change`` names the change that put the file
    there, which is part of its object's key.
    """

    __tablename__ = "lake_files"
    __table_args__ = (UniqueConstraint("market", "path"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    path: Mapped[str]
    digest: Mapped[str]
    change: Mapped[str]
