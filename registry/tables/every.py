"""All tables at once, for the migrations, the verification and their tests."""

from __future__ import annotations

from registry.tables import (
    bars,
    chains,
    fills,
    hand_off,
    ledger,
    news,
    notices,
    rollout,
    studies,
    versions,
    watch,
)
from registry.tables.base import Base, Chained

__all__ = [
    "METADATA",
    "bars",
    "chained_tables",
    "chains",
    "fills",
    "hand_off",
    "ledger",
    "news",
    "notices",
    "rollout",
    "studies",
    "versions",
    "watch",
]

METADATA = Base.metadata


def chained_tables() -> tuple[type[Chained], ...]:
    """Return the tables whose rows are chained, the ledger's first, the others by name."""
    first = ("predictions", "outcomes")
    chained = [mapper.class_ for mapper in Base.registry.mappers]
    return tuple(
        sorted(
            (table for table in chained if issubclass(table, Chained)),
            key=lambda table: (
                *(table.__tablename__ != name for name in first),
                table.__tablename__,
            ),
        )
    )
