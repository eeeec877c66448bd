"""The row from which on a table's rows were chained when they were written."""

from __future__ import annotations

from datetime import datetime

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
