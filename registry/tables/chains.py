"""Rows from which on chains hold, and up to which they were verified."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy.orm import Mapped, mapped_column

from registry.tables.base import Chained


class ChainBeginning(Chained):
    """Rows that an upgrade chained as it found them, without a claim about any time before."""

    __tablename__ = "chain_beginnings"
    id: Mapped[int] = mapped_column(primary_key=True)
    table_name: Mapped[str] = mapped_column(unique=True)
    rows: Mapped[int]
    last_hash: Mapped[str]
    at: Mapped[datetime]


class SealedCheckpoint(Chained):
    """The ends of the chains as a whole verification found them, with no fault before them."""

    noun: ClassVar[str] = "sealed checkpoint"
    __tablename__ = "sealed_checkpoints"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    version: Mapped[str]
    ends: Mapped[dict[str, Any]]
