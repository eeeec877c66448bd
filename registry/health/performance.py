"""The daily performance figures, stored so that they need not be recomputed to be shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ml_core.health.daily_sums import PerformanceRecord
from ml_core.json_values import field_values
from registry.database import Database
from registry.ledger.entries import OutcomeKey
from registry.ledger.verification import OUTCOMES, PREDICTIONS
from registry.rows import read_records
from registry.tables.ledger import (
    OutcomeRow,
    PerformanceProgressRow,
    PerformanceRow,
    PredictionRow,
)

_KEY = tuple(part.name for part in fields(PerformanceRecord) if part.name != "figures")


@dataclass(frozen=True, slots=True, kw_only=True)
class SummedUpTo:
    """How far a market's daily figures are summed.

    Attributes
    ----------
    market
        Symbol.
    last_prediction, last_outcome
        Hash of the last row of each chain that they include.
    code
        Hash of the code that summed them.
    """

    market: str
    last_prediction: str
    last_outcome: str
    code: str


def changed_days(
    database: Database, market: str, code: str
) -> tuple[tuple[date, ...], SummedUpTo]:
    """Return the trading days whose figures must be summed, and how far they then are.

    These are the days of all rows recorded since the figures were last summed. They are all days
    of the market if nothing was summed yet, if other code summed it, or if the last row that it
    includes is gone, as from an older backup.
    """
    with database.reading() as session:
        upto = SummedUpTo(
            market=market,
            last_prediction=PREDICTIONS.last_hash(session),
            last_outcome=OUTCOMES.last_hash(session),
            code=code,
        )
        row = session.get(PerformanceProgressRow, market)
        predictions = outcomes = None
        if row is not None and row.code == code:
            predictions = PREDICTIONS.id_of(session, row.last_prediction)
            outcomes = OUTCOMES.id_of(session, row.last_outcome)
        if predictions is None or outcomes is None:
            predictions = outcomes = None
        days = _days_after(session, PredictionRow, market, predictions)
        days |= _days_after(session, OutcomeRow, market, outcomes)
    return tuple(sorted(days)), upto


def _days_after(
    session: Session, table: type[PredictionRow | OutcomeRow], market: str, start: int | None
) -> set[date]:
    """Return the trading days of a market's rows after an ``id``, or of all its rows."""
    # not by both: then SQLite would walk all rows of the market
    rows = table.market == market if start is None else table.id > start
    query = select(table.market, table.trading_day).where(rows)
    return {day for of, day in session.execute(query) if of == market}


def update_performance(
    database: Database,
    records: Iterable[PerformanceRecord],
    at: datetime,
    upto: SummedUpTo | None = None,
) -> int:
    """Store daily figures, and how far they are summed; return how many rows are new or changed.

    Both are stored together: of two processes that sum at once, the last one's rows and progress
    belong together, and the next sum continues from there.
    """
    wanted = tuple(records)
    markets = {record.market for record in wanted}
    days = {record.day for record in wanted}
    changed = 0
    with database.session() as session:
        query = select(PerformanceRow).where(
            PerformanceRow.market.in_(markets), PerformanceRow.day.in_(days)
        )
        rows = {_key(row): row for row in session.scalars(query)}
        for record in wanted:
            row = rows.get(_key(record))
            if row is None:
                session.add(PerformanceRow(**field_values(record), updated_at=at))
            elif row.figures != record.figures:
                row.figures, row.updated_at = record.figures, at
            else:
                continue
            changed += 1
        if upto is not None:
            session.merge(PerformanceProgressRow(**field_values(upto)))
    return changed


def performance_records(
    database: Database,
    market: str,
    *,
    mode: str,
    role: str | None = None,
    version: str | None = None,
    opening_range: str | None = None,
    first: date | None = None,
) -> tuple[PerformanceRecord, ...]:
    """Return a market's daily figures of one mode, from a day on.

    They are those of a role, a version or an opening range (``all`` for whole days), if given.
    """
    query = select(PerformanceRow).where(
        PerformanceRow.market == market, PerformanceRow.mode == mode
    )
    if role is not None:
        query = query.where(PerformanceRow.role == role)
    if version is not None:
        query = query.where(PerformanceRow.version == version)
    if opening_range is not None:
        query = query.where(PerformanceRow.opening_range == opening_range)
    if first is not None:
        query = query.where(PerformanceRow.day >= first)
    query = query.order_by(PerformanceRow.day, PerformanceRow.id)
    return read_records(database, PerformanceRecord, query)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecord:
    """The last day with daily figures for a mode and role."""

    mode: str
    role: str
    last_day: date


def on_record(database: Database, market: str) -> tuple[OnRecord, ...]:
    """Return the modes and roles of a market that have daily figures, the champion first."""
    query = (
        select(PerformanceRow.mode, PerformanceRow.role, func.max(PerformanceRow.day))
        .where(PerformanceRow.market == market)
        .group_by(PerformanceRow.mode, PerformanceRow.role)
    )
    with database.reading() as session:
        records = [
            OnRecord(mode=mode, role=role, last_day=last)
            for mode, role, last in session.execute(query)
        ]
    return tuple(
        sorted(records, key=lambda record: (record.role != "champion", record.role, record.mode))
    )


def first_recorded(
    database: Database, market: str, days: Collection[date]
) -> dict[OutcomeKey, datetime]:
    """Return when the first outcome of each slot, label and market definition was recorded.

    Only slots of these trading days are read.
    """
    query = select(
        OutcomeRow.trading_day,
        OutcomeRow.opening_range,
        OutcomeRow.label,
        OutcomeRow.market_hash,
        OutcomeRow.recorded_at,
    ).where(
        OutcomeRow.market == market, OutcomeRow.trading_day.in_(days), OutcomeRow.revision == 0
    )
    with database.reading() as session:
        return {(day, name, label, of): at for day, name, label, of, at in session.execute(query)}


def _key(row: PerformanceRow | PerformanceRecord) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in _KEY)
