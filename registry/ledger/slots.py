"""Slots with rows in the ledger, and slots to settle; the big columns are not read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import date, datetime

from sqlalchemy import or_, select

from ml_core.decision.entry import Mode
from registry.database import Database
from registry.ledger.browsing import with_outcomes
from registry.ledger.entries import OutcomeKey
from registry.tables.ledger import OutcomeRow, PredictionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredSlots:
    """The slots of a market and mode that have rows, and the earliest decision among them.

    Attributes
    ----------
    slots
        Trading day and opening range of each.
    first_day, begun
        Trading day and aware decision time of the earliest row.
    """

    slots: frozenset[tuple[date, str]]
    first_day: date
    begun: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotToSettle:
    """A prediction whose slot has no outcome yet, or one that may be revised."""

    trading_day: date
    opening_range: str
    label: str
    market_hash: str
    mode: str

    @property
    def key(self) -> OutcomeKey:
        """The key of the outcome that belongs to it."""
        return self.trading_day, self.opening_range, self.label, self.market_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedSlot:
    """A slot with the recommendation made for it, or the typed reason why none was made."""

    trading_day: date
    opening_range: str
    recommendation: str | None
    reason: str | None


def last_decided(database: Database, market: str, *, mode: Mode, role: str) -> DecidedSlot | None:
    """Return the slot decided last in a mode and role; None if there is none."""
    columns = (getattr(PredictionRow, field.name) for field in fields(DecidedSlot))
    query = (
        select(*columns)
        .where(
            PredictionRow.market == market, PredictionRow.mode == mode, PredictionRow.role == role
        )
        .order_by(PredictionRow.decision_time.desc(), PredictionRow.id.desc())
        .limit(1)
    )
    with database.reading() as session:
        row = session.execute(query).mappings().first()
    return DecidedSlot(**row) if row else None


def answered_slots(database: Database, market: str, mode: str) -> AnsweredSlots | None:
    """Return the slots of a market and mode that have rows; None if there are none."""
    of_mode = PredictionRow.market == market, PredictionRow.mode == mode
    first = (
        select(PredictionRow.trading_day, PredictionRow.decision_time)
        .where(*of_mode)
        .order_by(PredictionRow.decision_time, PredictionRow.id)
        .limit(1)
    )
    every = select(PredictionRow.trading_day, PredictionRow.opening_range).where(*of_mode)
    with database.reading() as session:
        earliest = session.execute(first).first()
        if earliest is None:
            return None
        slots = frozenset((day, name) for day, name in session.execute(every.distinct()))
    return AnsweredSlots(slots=slots, first_day=earliest[0], begun=earliest[1])


def slots_to_settle(
    database: Database,
    market: str,
    *,
    recent: date,
    also: Collection[date],
    never: Collection[str],
) -> tuple[SlotToSettle, ...]:
    """Return a market's predictions whose slots have no outcome yet, or one that may change.

    Parameters
    ----------
    database, market
        The database, and the market's symbol.
    recent
        Outcomes of this trading day and later ones are checked again.
    also
        Further trading days whose outcomes are checked again.
    never
        Reasons for no prediction after which there is no outcome.
    """
    names = ("trading_day", "opening_range", "label", "market_hash", "mode")
    since = min((recent, *also))
    query = with_outcomes(
        select(*(getattr(PredictionRow, name) for name in names), OutcomeRow.id.label("settled"))
    ).where(
        PredictionRow.market == market,
        or_(PredictionRow.reason.is_(None), PredictionRow.reason.not_in(never)),
        or_(OutcomeRow.id.is_(None), PredictionRow.trading_day >= since),
    )
    with database.reading() as session:
        rows = session.execute(query).mappings().all()
    return tuple(
        SlotToSettle(**{name: row[name] for name in names})
        for row in rows
        if row["settled"] is None or row["trading_day"] >= recent or row["trading_day"] in also
    )
