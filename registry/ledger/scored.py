"""Predictions with their outcomes, in the few columns that scoring needs."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import func, select

from ml_core.health.scored_prediction import ScoredPrediction
from registry.database import Database
from registry.ledger.browsing import with_outcomes
from registry.ledger.entries import SCORED
from registry.tables.ledger import OutcomeRow, PredictionRow

_OF_OUTCOME = ("direction", "r_gross", "r_net")


def scored_predictions(
    database: Database,
    market: str,
    *,
    mode: str,
    role: str,
    first: date | None = None,
    after: datetime | None = None,
) -> tuple[ScoredPrediction, ...]:
    """Return the predictions of a mode and role, by decision time, each with its outcome.

    Features and outputs, the largest part of a row, are not read. So the majority, the predicted
    interval and whether an outcome was late are unknown.

    Parameters
    ----------
    database, market, mode, role
        The database, the market's symbol, the mode and the role.
    first
        Only trading days from this one on.
    after
        Only decisions after this aware time.
    """
    columns = [
        *(getattr(PredictionRow, name) for name in SCORED),
        *(getattr(OutcomeRow, name) for name in _OF_OUTCOME),
        func.coalesce(OutcomeRow.revision, 0).label("revision"),
    ]
    query = with_outcomes(select(*columns)).where(
        PredictionRow.market == market,
        PredictionRow.mode == mode,
        PredictionRow.role == role,
    )
    if first is not None:
        # a day's decisions come before the next day's; by day, so that an index begins there
        query = query.where(PredictionRow.trading_day >= first).order_by(PredictionRow.trading_day)
    query = query.order_by(PredictionRow.decision_time, PredictionRow.id)
    if after is not None:
        query = query.where(PredictionRow.decision_time > after)
    with database.reading() as session:
        rows = session.execute(query).mappings().all()
    return tuple(ScoredPrediction(**row) for row in rows)
