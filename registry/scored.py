"""What was said beside what happened, slot by slot, in the few columns that scoring needs."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import and_, func, select

from registry.database import Database
from registry.tables import OutcomeRow, PredictionRow

_SLOT = ("market", "trading_day", "opening_range", "label")
_SAID = (
    "trading_day",
    "opening_range",
    "version",
    "late",
    "status",
    "reason",
    "p_up",
    "baseline_p_up",
    "recommendation",
)
_BECAME = ("direction", "r_gross", "r_net", "revision")


def scored(
    database: Database, market: str, *, mode: str, role: str, first: date | None = None
) -> list[dict[str, Any]]:
    """Give the answers of a mode and role from a day on, by decision, each with its outcome.

    Features and outputs, most of a row, are not read.

    Returns
    -------
    list of dict
        ``trading_day``, ``opening_range``, ``version``, ``late``, ``status``, ``reason``,
        ``p_up``, ``baseline_p_up``, ``recommendation``; and of the latest outcome ``direction``,
        ``r_gross``, ``r_net``, ``revision``, None while it is open.
    """
    latest = (
        select(
            *(getattr(OutcomeRow, name) for name in _SLOT),
            func.max(OutcomeRow.revision).label("revision"),
        )
        .where(OutcomeRow.market == market)
        .group_by(*(getattr(OutcomeRow, name) for name in _SLOT))
    )
    if first is not None:
        latest = latest.where(OutcomeRow.trading_day >= first)
    last = latest.subquery()
    same = [getattr(last.c, name) == getattr(PredictionRow, name) for name in _SLOT]
    outcome = [getattr(OutcomeRow, name) == getattr(last.c, name) for name in (*_SLOT, "revision")]
    query = (
        select(
            *(getattr(PredictionRow, name) for name in _SAID),
            *(getattr(OutcomeRow, name) for name in _BECAME),
        )
        .join(last, and_(*same), isouter=True)
        .join(OutcomeRow, and_(*outcome), isouter=True)
        .where(
            PredictionRow.market == market,
            PredictionRow.mode == mode,
            PredictionRow.role == role,
        )
        .order_by(PredictionRow.decision_time, PredictionRow.id)
    )
    if first is not None:
        query = query.where(PredictionRow.trading_day >= first)
    with database.reading() as session:
        return [dict(row) for row in session.execute(query).mappings()]
