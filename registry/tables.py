"""The tables: what was taken in, what was trained, what was said, and what came of it."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC times; naive ones are refused, and SQLite's lost zone is given back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn to UTC on the way in."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no zone; give an aware time")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Say on the way out that it is UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class CanonicalJson(TypeDecorator[Any]):
    """Plain values as canonical JSON text: sorted keys, no spaces, no NaN."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write."""
        del dialect
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read."""
        del dialect
        return None if value is None else orjson.loads(value)


def canonical(value: Any) -> str:
    """Give the one JSON text of plain values; what is not a finite number is null.

    >>> canonical({"b": 1, "a": [0.1, None, float("nan")]})
    '{"a":[0.1,null,null],"b":1}'
    """
    return json.dumps(_finite(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Base(DeclarativeBase):
    """Base of all tables; every constraint has a predictable name, so migrations can find it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own way of asking for it
        datetime: UtcDateTime(),
        dict[str, Any]: CanonicalJson(),
        list[Any]: CanonicalJson(),
        date: Date(),
        str: String(200),
        float: Float(53),
        bool: Boolean(name="flag", create_constraint=False),
    }


class DataBatch(Base):
    """A batch of bars taken into the lake."""

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
    """A bad row of a source, set aside."""

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


class RecipeRow(Base):
    """A recipe that was trained at least once."""

    __tablename__ = "recipes"
    recipe_hash: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    recipe: Mapped[dict[str, Any]]
    first_seen: Mapped[datetime]


class ModelVersion(Base):
    """A model version whose folder is whole."""

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
    metrics: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class AliasEvent(Base):
    """An alias given to a version; the latest of an alias is where it points."""

    __tablename__ = "aliases"
    __table_args__ = (Index("ix_aliases_market_alias_at", "market", "alias", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    alias: Mapped[str]
    version: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)


class PredictionRow(Base):
    """What was said of a slot, or why nothing was; append-only and chained by hash."""

    __tablename__ = "predictions"
    __table_args__ = (
        UniqueConstraint("market", "trading_day", "opening_range", "mode", "role"),
        Index("ix_predictions_market_decision_time", "market", "decision_time"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    trading_day: Mapped[date]
    opening_range: Mapped[str]
    mode: Mapped[str]
    role: Mapped[str]
    decision_time: Mapped[datetime]
    made_at: Mapped[datetime]
    late: Mapped[bool]
    status: Mapped[str]
    reason: Mapped[str | None]
    model: Mapped[str | None]
    version: Mapped[str | None]
    recipe_hash: Mapped[str | None]
    label: Mapped[str]
    p_up: Mapped[float | None]
    baseline_p_up: Mapped[float | None]
    recommendation: Mapped[str | None]
    expected_net_r: Mapped[float | None]
    features: Mapped[dict[str, Any]]
    outputs: Mapped[dict[str, Any]]
    previous_hash: Mapped[str] = mapped_column(unique=True)
    row_hash: Mapped[str] = mapped_column(unique=True)


class OutcomeRow(Base):
    """What became of a slot under a label; append-only and chained, a revision is a new row."""

    __tablename__ = "outcomes"
    __table_args__ = (
        UniqueConstraint("market", "trading_day", "opening_range", "label", "revision"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    trading_day: Mapped[date]
    opening_range: Mapped[str]
    label: Mapped[str]
    revision: Mapped[int]
    direction: Mapped[str]
    outcome: Mapped[str | None]
    entry: Mapped[float | None]
    stop: Mapped[float | None]
    target: Mapped[float | None]
    r_gross: Mapped[float | None]
    r_net: Mapped[float | None]
    resolved_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    previous_hash: Mapped[str] = mapped_column(unique=True)
    row_hash: Mapped[str] = mapped_column(unique=True)


class PerformanceRow(Base):
    """How predictions did, by day; worked out anew from predictions and outcomes at any time."""

    __tablename__ = "performance"
    __table_args__ = (
        UniqueConstraint("market", "day", "mode", "role", "version", "opening_range"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    day: Mapped[date]
    mode: Mapped[str]
    role: Mapped[str]
    version: Mapped[str]
    opening_range: Mapped[str]
    figures: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class Decision(Base):
    """A decision about a model version, with what it rested on."""

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


class EvaluationRow(Base):
    """A walk-forward study of a recipe: evidence belongs to recipes, versions are refits."""

    __tablename__ = "evaluations"
    __table_args__ = (UniqueConstraint("market", "study_hash"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    recipe: Mapped[str]
    recipe_hash: Mapped[str] = mapped_column(ForeignKey("recipes.recipe_hash"))
    study_hash: Mapped[str]
    settings: Mapped[dict[str, Any]]
    data_fingerprint: Mapped[str]
    verdict: Mapped[str] = mapped_column(Text)
    figures: Mapped[dict[str, Any]]
    files: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class TrialRow(Base):
    """A recipe tried on a market, by hand or by tuning: each one must be paid for."""

    __tablename__ = "trials"
    __table_args__ = (UniqueConstraint("market", "recipe_hash"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    study: Mapped[str]
    recipe: Mapped[str]
    recipe_hash: Mapped[str]
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


class BreakerRow(Base):
    """A change of a market's circuit breaker; append-only."""

    __tablename__ = "breaker_events"
    __table_args__ = (Index("ix_breaker_events_market_at", "market", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    at: Mapped[datetime]
    state: Mapped[str]
    cause: Mapped[str]
    detail: Mapped[str] = mapped_column(Text)
    by: Mapped[str]


class RetrainAttemptRow(Base):
    """An attempt to retrain; without an end it is under way, or its process was killed."""

    __tablename__ = "retrain_attempts"
    __table_args__ = (Index("ix_retrain_attempts_market", "market"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    began_at: Mapped[datetime]
    by_itself: Mapped[bool]
    end: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    detail: Mapped[str] = mapped_column(Text)


class DriftRow(Base):
    """Whether the logged features of a stretch of days look like what the version learned from."""

    __tablename__ = "drift_reports"
    __table_args__ = (UniqueConstraint("market", "version", "last_day", "rows"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    version: Mapped[str]
    first_day: Mapped[date]
    last_day: Mapped[date]
    rows: Mapped[int]
    detected: Mapped[bool]
    verdict: Mapped[str] = mapped_column(Text)
    figures: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class EstimateRow(Base):
    """Log loss and calibration expected without labels, and the truth once it is known."""

    __tablename__ = "estimates"
    __table_args__ = (UniqueConstraint("market", "role", "version", "mode", "last_day"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    role: Mapped[str]
    version: Mapped[str]
    mode: Mapped[str]
    first_day: Mapped[date]
    last_day: Mapped[date]
    rows: Mapped[int]
    expected: Mapped[dict[str, Any]]
    realised: Mapped[dict[str, Any] | None]
    at: Mapped[datetime]
    reconciled_at: Mapped[datetime | None]


class ParityRow(Base):
    """Whether features logged live are what the lake gives afterwards."""

    __tablename__ = "parity_reports"
    __table_args__ = (UniqueConstraint("market", "content_hash"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    first_day: Mapped[date]
    last_day: Mapped[date]
    compared: Mapped[int]
    unexplained: Mapped[int]
    verdict: Mapped[str] = mapped_column(Text)
    figures: Mapped[dict[str, Any]]
    content_hash: Mapped[str]
    at: Mapped[datetime]


class RolloutRow(Base):
    """A change of a market's stage, or an approval of one; append-only and chained by hash."""

    __tablename__ = "rollout_events"
    __table_args__ = (UniqueConstraint("market", "sequence"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    sequence: Mapped[int]
    at: Mapped[datetime]
    kind: Mapped[str]
    stage: Mapped[str]
    by: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    bound_to: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    details: Mapped[dict[str, Any]]
    previous_hash: Mapped[str] = mapped_column(unique=True)
    row_hash: Mapped[str] = mapped_column(unique=True)


class StrategyRow(Base):
    """What the rules decided of a slot, without the model and with it."""

    __tablename__ = "strategy_decisions"
    __table_args__ = (
        UniqueConstraint("market", "trading_day", "opening_range", "mode", "rules_hash"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    trading_day: Mapped[date]
    opening_range: Mapped[str]
    mode: Mapped[str]
    rules_hash: Mapped[str]
    stage: Mapped[str]
    version: Mapped[str | None]
    decision_time: Mapped[datetime]
    without_model: Mapped[dict[str, Any]]
    with_model: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class OrderIntentRow(Base):
    """The outbox: an order somebody else may place; Orbcast places none."""

    __tablename__ = "order_intents"
    __table_args__ = (UniqueConstraint("market", "trading_day", "opening_range"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    market: Mapped[str]
    trading_day: Mapped[date]
    opening_range: Mapped[str]
    rules_hash: Mapped[str]
    version: Mapped[str]
    bound_to: Mapped[str]
    order: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime]
    at: Mapped[datetime]


class NoticeRow(Base):
    """Something a person should know; kept whether or not any channel took it."""

    __tablename__ = "notices"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    market: Mapped[str | None]
    kind: Mapped[str]
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class DeliveryRow(Base):
    """An attempt to bring a notice to a channel."""

    __tablename__ = "deliveries"
    __table_args__ = (Index("ix_deliveries_notice_id", "notice_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id"))
    channel: Mapped[str]
    delivered: Mapped[bool]
    detail: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
