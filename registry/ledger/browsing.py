"""The ledger in pages: filtered rows without the large columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from ml_core.decision.entry import PredictionEntry
from registry.database import Database
from registry.ledger.entries import prediction_of
from registry.tables.ledger import OutcomeRow, PredictionRow
from registry.tables.versions import ModelVersion

PAGE = 100
CHUNK = 5_000
"""Rows read at a time when all rows are requested."""

OPEN = "open"
"""Filter value for slots without a recorded outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """A prediction of the ledger with its outcome; None while the slot is open."""

    id: int
    trading_day: date
    opening_range: str
    decision_time: datetime
    made_at: datetime
    mode: str
    role: str
    status: str
    reason: str | None
    late: bool
    p_up: float | None
    baseline_p_up: float | None
    recommendation: str | None
    expected_net_r: float | None
    model: str | None
    version: str | None
    label: str
    direction: str | None
    outcome: str | None
    r_gross: float | None
    r_net: float | None
    resolved_at: datetime | None
    revision: int | None


COLUMNS = tuple(field.name for field in fields(LedgerRow))
_BECAME = ("direction", "outcome", "r_gross", "r_net", "resolved_at", "revision")
_SLOT = ("market", "trading_day", "opening_range", "label", "market_hash")
_CHOSEN = ("opening_range", "mode", "role", "version", "recommendation", "reason")
Columns = TypeVarTuple("Columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionFilter:
    """A filter for predictions; a field that is None or empty does not filter.

    Attributes
    ----------
    market
        Symbol.
    first, last
        Trading days, both included.
    opening_range, mode, role, version, recommendation, reason
        Any of these values.
    outcome
        Any of the ledger's outcomes, ``NONE`` for a range without a breakout, or ``open``.
    late
        True for late predictions only, False for those in time only.
    """

    market: str
    first: date | None = None
    last: date | None = None
    opening_range: tuple[str, ...] = ()
    mode: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    recommendation: tuple[str, ...] = ()
    reason: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    late: bool | None = None


def with_outcomes(query: Select[*Columns]) -> Select[*Columns]:
    """Join each prediction of a query with the latest outcome of its slot, if there is one."""
    later = aliased(OutcomeRow)
    same = [getattr(OutcomeRow, name) == getattr(PredictionRow, name) for name in _SLOT]
    superseded = (
        select(later.id)
        .where(
            *(getattr(later, name) == getattr(OutcomeRow, name) for name in _SLOT),
            later.revision > OutcomeRow.revision,
        )
        .exists()
    )
    return query.join(OutcomeRow, and_(*same, ~superseded), isouter=True)


def matching(database: Database, wanted: PredictionFilter) -> int:
    """Count the predictions that match a filter."""
    query = select(func.count(PredictionRow.id))
    if wanted.outcome:
        query = with_outcomes(query)
    query = query.where(*_conditions(wanted))
    with database.reading() as session:
        return session.scalar(query) or 0


def browse(
    database: Database, wanted: PredictionFilter, *, offset: int = 0, limit: int = PAGE
) -> list[LedgerRow]:
    """Return the predictions that match a filter, newest first, each with its outcome."""
    query = _rows(wanted).offset(offset).limit(limit)
    with database.reading() as session:
        return [LedgerRow(**row) for row in session.execute(query).mappings()]


def all_rows(database: Database, wanted: PredictionFilter) -> Iterator[LedgerRow]:
    """Yield every prediction that matches a filter, oldest first, from one database snapshot."""
    query = _rows(wanted, newest_first=False).execution_options(yield_per=CHUNK)
    with database.reading() as session:
        for row in session.execute(query).mappings():
            yield LedgerRow(**row)


def choices(database: Database, market: str) -> dict[str, tuple[str, ...]]:
    """Return the ranges, modes and roles that have predictions, and the registered versions.

    The ledger's own rows, 2 kB each, are not read: an index holds the first three.
    """
    values = {}
    with database.reading() as session:
        for name in ("opening_range", "mode", "role"):
            column = getattr(PredictionRow, name)
            query = select(column).where(PredictionRow.market == market).distinct()
            values[name] = tuple(sorted(session.scalars(query)))
        versions = select(ModelVersion.version).where(ModelVersion.market == market)
        values["version"] = tuple(session.scalars(versions.order_by(ModelVersion.id.desc())))
    return values


def prediction_with_hashes(
    database: Database, number: int
) -> tuple[PredictionEntry, dict[str, str]] | None:
    """Return a whole row by its ``id``, with features and outputs, and its hashes in the chain."""
    with database.reading() as session:
        row = session.get(PredictionRow, number)
        if row is None:
            return None
        return prediction_of(row), {"row": row.row_hash, "previous": row.previous_hash}


def _rows(wanted: PredictionFilter, *, newest_first: bool = True) -> Select[Any]:
    tables = {name: OutcomeRow if name in _BECAME else PredictionRow for name in COLUMNS}
    query = select(*(getattr(table, name) for name, table in tables.items()))
    keys = (PredictionRow.decision_time, PredictionRow.id)
    order = [key.desc() if newest_first else key for key in keys]
    return with_outcomes(query).where(*_conditions(wanted)).order_by(*order)


def _conditions(wanted: PredictionFilter) -> list[ColumnElement[bool]]:
    conditions = [PredictionRow.market == wanted.market]
    if wanted.first is not None:
        conditions.append(PredictionRow.trading_day >= wanted.first)
    if wanted.last is not None:
        conditions.append(PredictionRow.trading_day <= wanted.last)
    conditions.extend(
        getattr(PredictionRow, name).in_(values)
        for name in _CHOSEN
        if (values := getattr(wanted, name))
    )
    if wanted.late is not None:
        conditions.append(PredictionRow.late.is_(wanted.late))
    if wanted.outcome:
        conditions.append(_became(wanted.outcome))
    return conditions


def _became(outcomes: tuple[str, ...]) -> ColumnElement[bool]:
    named = [outcome for outcome in outcomes if outcome not in {"NONE", OPEN}]
    conditions: list[ColumnElement[bool]] = [OutcomeRow.outcome.in_(named)]
    if "NONE" in outcomes:
        conditions.append(OutcomeRow.direction == "NONE")
    if OPEN in outcomes:
        conditions.append(OutcomeRow.id.is_(None))
    return or_(*conditions)
