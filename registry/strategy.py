"""The record of the rules' decisions, without the model and with it; and the outbox."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, select

from ml_core.decision.plan_record import IntentEvent, OrderIntent, StrategyRecord
from ml_core.json_values import field_values
from registry.chains.chain import chain_of
from registry.rows import read_records
from registry.tables.hand_off import IntentEventRow
from registry.tables.rollout import OrderIntentRow, StrategyRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from registry.database import Database


def record_strategy(
    database: Database, record: StrategyRecord, intent: OrderIntent | None = None
) -> bool:
    """Record a decision and its intent in one transaction; False if the slot has a decision.

    Of two simultaneous processes, the second changes nothing. A slot has at most one intent: a
    decision by other rules does not add a second one.
    """
    values = field_values(record)
    same_rules = _of_slot(StrategyRow, record) & (
        (StrategyRow.mode == record.mode) & (StrategyRow.rules_hash == record.rules_hash)
    )
    # transactions run one at a time, so a row that is missing now is still missing at the end
    with database.session() as session:
        if session.scalars(select(StrategyRow.id).where(same_rules)).first() is not None:
            return False
        chain_of(StrategyRow).append(session, values)
        if intent is not None:
            emitted = select(OrderIntentRow.id).where(_of_slot(OrderIntentRow, intent))
            if session.scalars(emitted).first() is None:
                chain_of(OrderIntentRow).append(session, field_values(intent))
                _append_event(session, IntentEvent.issued(intent))
    return True


def record_intent_event(database: Database, event: IntentEvent) -> bool:
    """Append the next event of an intent; return False if another event came first."""
    with database.session() as session:
        sequences = select(IntentEventRow.sequence).where(_of_slot(IntentEventRow, event))
        if max(session.scalars(sequences), default=-1) != event.sequence - 1:
            return False
        _append_event(session, event)
    return True


def intent_events(
    database: Database, market: str, *, after: int = 0, since: datetime | None = None
) -> tuple[IntentEvent, ...]:
    """Return the events of a market's intents in order, after a given number."""
    query = select(IntentEventRow).where(
        IntentEventRow.market == market, IntentEventRow.id > after
    )
    if since is not None:
        query = query.where(IntentEventRow.at >= since)
    return read_records(database, IntentEvent, query.order_by(IntentEventRow.id))


def _append_event(session: Session, event: IntentEvent) -> None:
    values = field_values(event)
    del values["id"]  # the database numbers it
    chain_of(IntentEventRow).append(session, values)


def strategy_records(
    database: Database,
    market: str,
    *,
    mode: str,
    rules_hash: str | None = None,
    first: date | None = None,
    last: date | None = None,
) -> tuple[StrategyRecord, ...]:
    """Return a market's decisions by decision time, optionally only of some rules or days."""
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
    """Return a market's order intents, oldest first, optionally only those since a time."""
    query = select(OrderIntentRow).where(OrderIntentRow.market == market)
    if since is not None:
        query = query.where(OrderIntentRow.at >= since)
    return read_records(database, OrderIntent, query.order_by(OrderIntentRow.id))


def _of_slot(
    table: type[StrategyRow | OrderIntentRow | IntentEventRow],
    one: StrategyRecord | OrderIntent | IntentEvent,
) -> ColumnElement[bool]:
    return (
        (table.market == one.market)
        & (table.trading_day == one.trading_day)
        & (table.opening_range == one.opening_range)
    )
