"""The record of followed strategies' trades, and of the rules that made them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from ml_core.decision.plan_record import SlotKey
from ml_core.json_form import from_json
from ml_core.json_values import json_values
from ml_core.strategy.rules import Rules
from ml_core.strategy.trades import SettledTrade
from registry.chains.chain import chain_of
from registry.tables.ledger import PredictionRow
from registry.tables.rollout import RulesRow, StrategyRow, TradeRow

if TYPE_CHECKING:
    from registry.database import Database

TradeKey = tuple[date, str, str]
"""Trading day, opening range and hash of the rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRecord:
    """The result of a slot's trade by some rules, under a market definition."""

    market: str
    trading_day: date
    opening_range: str
    rules_hash: str
    market_hash: str
    trade: SettledTrade


@dataclass(frozen=True, slots=True)
class PlannedTrade:
    """A plan whose trade is to be settled: its slot, its rules and its market definition."""

    trading_day: date
    opening_range: str
    rules_hash: str
    market_hash: str

    @property
    def key(self) -> SlotKey:
        """Trading day and opening range."""
        return self.trading_day, self.opening_range


def remember_rules(database: Database, rules: Rules, at: datetime) -> None:
    """Record the rules of a strategy; rules already on record are not changed."""
    same_rules = select(RulesRow.id).where(RulesRow.rules_hash == rules.hash)
    with database.reading() as session:
        if session.scalars(same_rules).first() is not None:
            return
    with database.session() as session:
        if session.scalars(same_rules).first() is None:
            values = {
                "rules_hash": rules.hash,
                "name": rules.name,
                "rules": rules.model_dump_json(exclude_unset=True),
                "first_seen": at,
            }
            chain_of(RulesRow).append(session, values)


def rules_on_record(database: Database) -> dict[str, Rules]:
    """Return, by hash, the rules of recorded plans that this release can read."""
    with database.reading() as session:
        rows = list(session.scalars(select(RulesRow)))
    read = {}
    for row in rows:
        try:
            rules = Rules.model_validate_json(row.rules)
        except ValidationError:
            continue
        if rules.hash == row.rules_hash:
            read[row.rules_hash] = rules
    return read


def record_trades(database: Database, trades: Sequence[TradeRecord], at: datetime) -> int:
    """Append trades in one transaction; return how many are new or differ from the latest.

    A trade that differs is recorded as a revision.
    """
    with database.reading() as session:
        if not any(_new(session, trades)):
            return 0
    with database.session() as session:
        end, count = None, 0
        for record, revision in list(_new(session, trades)):
            values = {
                "market": record.market,
                "trading_day": record.trading_day,
                "opening_range": record.opening_range,
                "rules_hash": record.rules_hash,
                "market_hash": record.market_hash,
                "revision": revision,
                "trade": json_values(record.trade),
                "recorded_at": at,
            }
            end, count = chain_of(TradeRow).append(session, values, end), count + 1
    return count


def trades_on_record(
    database: Database, market: str, *, first: date | None = None, last: date | None = None
) -> dict[TradeKey, SettledTrade]:
    """Return the results of a market's trades, each as last recorded."""
    columns = (TradeRow.trading_day, TradeRow.opening_range, TradeRow.rules_hash, TradeRow.trade)
    query = select(*columns).where(TradeRow.market == market)
    if first is not None:
        query = query.where(TradeRow.trading_day >= first)
    if last is not None:
        query = query.where(TradeRow.trading_day <= last)
    with database.reading() as session:
        rows = session.execute(query.order_by(TradeRow.id))
        latest = {(day, name, rules_hash): trade for day, name, rules_hash, trade in rows}
    return {key: from_json(SettledTrade, trade) for key, trade in latest.items()}


def trades_to_settle(
    database: Database, market: str, *, since: date, days: Collection[date]
) -> tuple[PlannedTrade, ...]:
    """Return a market's plans without a recorded trade, and those of days to settle again.

    Parameters
    ----------
    database, market
        The database, and the market's symbol.
    since, days
        Trading days to settle again: all from ``since`` on, and ``days``.
    """
    there = select(TradeRow.id).where(
        and_(
            TradeRow.market == StrategyRow.market,
            TradeRow.trading_day == StrategyRow.trading_day,
            TradeRow.opening_range == StrategyRow.opening_range,
            TradeRow.rules_hash == StrategyRow.rules_hash,
        )
    )
    same_slot = and_(
        PredictionRow.market == StrategyRow.market,
        PredictionRow.trading_day == StrategyRow.trading_day,
        PredictionRow.opening_range == StrategyRow.opening_range,
        PredictionRow.mode == StrategyRow.mode,
    )
    latest = select(PredictionRow.market_hash).where(same_slot).order_by(PredictionRow.id.desc())
    again = or_(StrategyRow.trading_day >= since, StrategyRow.trading_day.in_(days))
    query = select(
        StrategyRow.trading_day,
        StrategyRow.opening_range,
        StrategyRow.rules_hash,
        latest.limit(1).scalar_subquery(),
    ).where(StrategyRow.market == market, or_(again, ~there.exists()))
    with database.reading() as session:
        rows = session.execute(query.order_by(StrategyRow.id)).all()
    return tuple(
        PlannedTrade(day, name, rules_hash, market_hash)
        for day, name, rules_hash, market_hash in rows
        if market_hash is not None
    )


def _new(session: Session, trades: Sequence[TradeRecord]) -> Iterator[tuple[TradeRecord, int]]:
    """Yield the trades that are not recorded in this form, each with its revision number."""
    for record in trades:
        query = select(TradeRow.revision, TradeRow.trade).where(
            TradeRow.market == record.market,
            TradeRow.trading_day == record.trading_day,
            TradeRow.opening_range == record.opening_range,
            TradeRow.rules_hash == record.rules_hash,
            TradeRow.market_hash == record.market_hash,
        )
        latest = session.execute(query.order_by(TradeRow.revision.desc()).limit(1)).first()
        if latest is None:
            yield record, 0
        elif latest.trade != json_values(record.trade):
            yield record, latest.revision + 1
