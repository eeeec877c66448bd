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
    recipe_hash: str | None = None,
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
    recipe_hash
        Only predictions by versions of this recipe.
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
    if recipe_hash is not None:
        query = query.where(PredictionRow.recipe_hash == recipe_hash)
    if after is not None:
        query = query.where(PredictionRow.decision_time > after)
    with database.reading() as session:
        rows = session.execute(query).mappings().all()
    return tuple(ScoredPrediction(**row) for row in rows)


def current_recipe(database: Database, market: str, *, mode: str, role: str) -> str | None:
    """Return the recipe's hash of the last prediction that was made in time, with its baseline's.

    It is that of a mode and role; None if there is no such prediction.
    """
    query = (
        select(PredictionRow.recipe_hash)
        .filter_by(market=market, mode=mode, role=role, status="predicted", late=False)
        .where(PredictionRow.p_up.is_not(None), PredictionRow.baseline_p_up.is_not(None))
        .order_by(PredictionRow.decision_time.desc(), PredictionRow.id.desc())
        .limit(1)
    )
    with database.reading() as session:
        return session.scalars(query).first()


def day_of_last(database: Database, market: str, *, role: str, count: int) -> date | None:
    """Return the first trading day of a role's last ``count`` rows; None without any."""
    query = (
        select(PredictionRow.trading_day)
        .where(PredictionRow.market == market, PredictionRow.role == role)
        .order_by(PredictionRow.decision_time.desc(), PredictionRow.id.desc())
        .limit(count)
    )
    with database.reading() as session:
        return min(session.scalars(query), default=None)
