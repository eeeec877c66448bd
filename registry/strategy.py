"""What the rules decided of each slot, without the model and with it; and the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, select

from registry.rows import read_records, values_of
from registry.tables.rollout import OrderIntentRow, StrategyRow

if TYPE_CHECKING:
    from registry.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRecord:
    """A decision of the rules; the plans are plain values."""

    market: str
    trading_day: date
    opening_range: str
    mode: str
    rules_hash: str
    stage: str
    version: str | None
    decision_time: datetime
    without_model: dict[str, Any]
    with_model: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """An order that somebody else may place until it expires; Orbcast places none."""

    market: str
    trading_day: date
    opening_range: str
    rules_hash: str
    version: str
    bound_to: str
    order: dict[str, Any]
    expires_at: datetime
    at: datetime


def record_strategy(
    database: Database, record: StrategyRecord, intent: OrderIntent | None = None
) -> bool:
    """Keep a decision and its intent in one unit of work; False if the slot has one, which stays.

    Of two processes at once one is first; the other changes nothing. A slot has one intent at
    most: a decision by other rules brings no second.
    """
    values = values_of(record)
    same_rules = _of_slot(StrategyRow, record) & (
        (StrategyRow.mode == record.mode) & (StrategyRow.rules_hash == record.rules_hash)
    )
    # units of work run one at a time, so what is not there now is not there at the end either
    with database.session() as session:
        if session.scalars(select(StrategyRow.id).where(same_rules)).first() is not None:
            return False
        session.add(StrategyRow(**values))
        if intent is not None:
            emitted = select(OrderIntentRow.id).where(_of_slot(OrderIntentRow, intent))
            if session.scalars(emitted).first() is None:
                order = values_of(intent)
                session.add(OrderIntentRow(**order))
    return True


def strategy_records(
    database: Database,
    market: str,
    *,
    mode: str,
    rules_hash: str | None = None,
    first: date | None = None,
    last: date | None = None,
) -> tuple[StrategyRecord, ...]:
    """Return a market's decisions in order of decision, of some rules or days if named."""
    query = select(StrategyRow).where(StrategyRow.market == market, StrategyRow.mode == mode)
    if rules_hash is not None:
        query = query.where(StrategyRow.rules_hash == rules_hash)
    if first is not None:
        query = query.where(StrategyRow.trading_day >= first)
    if last is not None:
        query = query.where(StrategyRow.trading_day <= last)
    query = query.order_by(StrategyRow.decision_time, StrategyRow.id)
    return read_records(database, StrategyRecord, query)


def order_intents(
    database: Database, market: str, *, since: datetime | None = None
) -> tuple[OrderIntent, ...]:
    """Return the outbox of a market, oldest first, of those written since a time."""
    query = select(OrderIntentRow).where(OrderIntentRow.market == market)
    if since is not None:
        query = query.where(OrderIntentRow.at >= since)
    return read_records(database, OrderIntent, query.order_by(OrderIntentRow.id))


def _of_slot(
    table: type[StrategyRow | OrderIntentRow], one: StrategyRecord | OrderIntent
) -> ColumnElement[bool]:
    return (
        (table.market == one.market)
        & (table.trading_day == one.trading_day)
        & (table.opening_range == one.opening_range)
    )
