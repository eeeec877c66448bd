"""Tables for studies, trials and the tuning journal."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables.base import Base, Chained
from registry.tables.versions import RecipeRow


class EvaluationRow(Chained):
    """A walk-forward study of a recipe: evidence belongs to recipes, versions are refits."""

    __tablename__ = "evaluations"
    __table_args__ = (UniqueConstraint("market", "study_hash"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    recipe: Mapped[str]
    recipe_hash: Mapped[str] = mapped_column(ForeignKey(RecipeRow.recipe_hash))
    study_hash: Mapped[str]
    settings: Mapped[dict[str, Any]]
    data_fingerprint: Mapped[str]
    market_hash: Mapped[str] = mapped_column(default="", server_default="")
    verdict: Mapped[str] = mapped_column(Text)
    figures: Mapped[dict[str, Any]]
    files: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class TrialRow(Chained):
    """A question asked of a market by hand, by a retrain or by tuning; each one counts.

    The result of a trial is a second row that differs only in score and state. Rows from before
    questions were counted have neither ``question`` nor ``family``.
    """

    __tablename__ = "trials"
    __table_args__ = (
        UniqueConstraint("market", "recipe_hash", "market_hash", "question", "state"),
    )
    if_given: ClassVar[frozenset[str]] = frozenset({"question", "family"})
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    study: Mapped[str]
    recipe: Mapped[str]
    recipe_hash: Mapped[str]
    market_hash: Mapped[str] = mapped_column(default="", server_default="")
    question: Mapped[str] = mapped_column(default="", server_default="")
    family: Mapped[str] = mapped_column(default="", server_default="")
    values: Mapped[dict[str, Any]]
    score: Mapped[float | None]
    state: Mapped[str]
    at: Mapped[datetime]


class TuningEntry(Base):
    """A line of the tuning journal, in Optuna's own format; never edited."""

    __tablename__ = "tuning_journal"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    entry: Mapped[dict[str, Any]]
