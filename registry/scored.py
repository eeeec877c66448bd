"""Predictions with their outcomes, slot by slot, in the few columns that scoring needs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from registry.browsing import with_outcomes
from registry.database import Database
from registry.entries import r_net_of_taken
from registry.tables.ledger import OutcomeRow, PredictionRow

_SAID = (
    "trading_day",
    "opening_range",
    "decision_time",
    "recipe_hash",
    "market_hash",
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
    database: Database,
    market: str,
    *,
    mode: str,
    role: str,
    first: date | None = None,
    after: datetime | None = None,
) -> list[dict[str, Any]]:
    """Return the predictions of a mode and role, by time of decision, each with its outcome.

    Features and outputs, most of a row, are not read.

    Parameters
    ----------
    database, market, mode, role
        Whose.
    first
        Only trading days from this one on.
    after
        Only decisions after this aware time.

    Returns
    -------
    list of dict
        ``trading_day``, ``opening_range``, ``decision_time``, ``recipe_hash``, ``market_hash``,
        ``version``, ``late``, ``status``, ``reason``, ``p_up``, ``baseline_p_up``,
        ``recommendation``; of the latest outcome ``direction``, ``r_gross``, ``r_net``,
        ``revision``, None while it is open; and ``taken_r_net``, the net R of a
        trade that was recommended and came about.
    """
    columns = [getattr(PredictionRow, name) for name in _SAID]
    query = (
        with_outcomes(select(*columns, *(getattr(OutcomeRow, name) for name in _BECAME)))
        .where(
            PredictionRow.market == market,
            PredictionRow.mode == mode,
            PredictionRow.role == role,
        )
        .order_by(PredictionRow.decision_time, PredictionRow.id)
    )
    if first is not None:
        query = query.where(PredictionRow.trading_day >= first)
    if after is not None:
        query = query.where(PredictionRow.decision_time > after)
    with database.reading() as session:
        rows = [dict(row) for row in session.execute(query).mappings()]
    for row in rows:
        row["taken_r_net"] = r_net_of_taken(row["recommendation"], row["direction"], row["r_net"])
    return rows
