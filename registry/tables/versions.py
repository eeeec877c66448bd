"""Tables for recipes, market definitions, model versions, aliases and decisions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables.base import Chained

_NEXT_RECIPE = text("(SELECT coalesce(max(id), 0) + 1 FROM recipes)")


class RecipeRow(Chained):
    """A recipe that was trained at least once."""

    dated_by: ClassVar[str] = "first_seen"
    __tablename__ = "recipes"
    id: Mapped[int] = mapped_column(unique=True, index=True, default=_NEXT_RECIPE)
    recipe_hash: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    recipe: Mapped[dict[str, Any]]
    first_seen: Mapped[datetime]


class MarketDefinitionRow(Chained):
    """A market definition: the part of a market file that decides the meaning of labels."""

    dated_by: ClassVar[str] = "first_seen"
    __tablename__ = "market_definitions"
    __table_args__ = (UniqueConstraint("market", "market_hash"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    market_hash: Mapped[str]
    definition: Mapped[dict[str, Any]]
    first_seen: Mapped[datetime]


class ModelVersion(Chained):
    """A registered model version; its folder was complete at registration."""

    dated_by: ClassVar[str] = "created_at"
    __tablename__ = "model_versions"
    __table_args__ = (UniqueConstraint("market", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    model: Mapped[str]
    kind: Mapped[str]
    version: Mapped[str]
    recipe_hash: Mapped[str] = mapped_column(ForeignKey("recipes.recipe_hash"))
    data_fingerprint: Mapped[str]
    sums_hash: Mapped[str]
    market_hash: Mapped[str] = mapped_column(default="", server_default="")
    metrics: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class AliasEvent(Chained):
    """A change of an alias to a version; the latest change of an alias applies."""

    __tablename__ = "aliases"
    __table_args__ = (Index("ix_aliases_market_alias_at", "market", "alias", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    alias: Mapped[str]
    version: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)


class Decision(Chained):
    """A decision about a model version, with its evidence."""

    __tablename__ = "decisions"
    __table_args__ = (UniqueConstraint("market", "kind", "version", "evidence_hash"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    kind: Mapped[str]
    version: Mapped[str]
    verdict: Mapped[str] = mapped_column(Text)
    reasons: Mapped[list[Any]]
    evidence: Mapped[dict[str, Any]]
    evidence_hash: Mapped[str]
    at: Mapped[datetime]
