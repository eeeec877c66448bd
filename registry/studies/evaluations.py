"""Walk-forward studies on record: what a recipe did on days it had not seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from ml_core.json_values import field_values
from registry.chains.chain import chain_of
from registry.definitions.recipes import remember_recipe
from registry.rows import read_first, read_records
from registry.tables.studies import EvaluationRow

if TYPE_CHECKING:
    from ml_core.learning.recipe import Recipe
    from registry.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRecord:
    """A study.

    Attributes
    ----------
    market, recipe, recipe_hash
        Of what.
    study_hash
        Hash of everything that decides it: market definition, recipe, settings, bars, code. The
        same study again is the same record.
    market_hash
        The market definition; "" of studies made before it was kept.
    settings
        Refit, window, period asked for, and ``counts``: whether it may count for a promotion.
    data_fingerprint
        Hash of the bars behind it.
    verdict, figures
        One plain sentence, and the whole evaluation, plain values.
    files
        Path below the home -> SHA-256.
    at
        Bars known by then were used.
    """

    market: str
    recipe: str
    recipe_hash: str
    study_hash: str
    settings: dict[str, Any]
    data_fingerprint: str
    market_hash: str = ""
    verdict: str
    figures: dict[str, Any]
    files: dict[str, Any]
    at: datetime


def record_evaluation(database: Database, record: EvaluationRecord, recipe: Recipe) -> bool:
    """Keep a study; return False if the very same is on record.

    Parameters
    ----------
    recipe
        Its recipe, which is kept beside it.

    Raises
    ------
    EditedRecipeError
        The recipe was edited under its old name.
    BusyDatabaseError
        Another process held the write lock for too long, or the server went away.
    """
    with database.session() as session:
        remember_recipe(session, recipe, record.at)
        same = select(EvaluationRow.id).where(
            EvaluationRow.market == record.market, EvaluationRow.study_hash == record.study_hash
        )
        if session.scalars(same).first() is not None:
            return False
        chain_of(EvaluationRow).append(session, field_values(record))
    return True


def evaluations(database: Database, market: str | None = None) -> tuple[EvaluationRecord, ...]:
    """Return a market's studies, oldest first.

    Parameters
    ----------
    market
        Its symbol; every market's studies if left out.

    Returns
    -------
    tuple of EvaluationRecord
        Times are aware UTC.

    Raises
    ------
    BusyDatabaseError
        The server went away.
    """
    query = select(EvaluationRow).order_by(EvaluationRow.at, EvaluationRow.id)
    if market is not None:
        query = query.where(EvaluationRow.market == market)
    return read_records(database, EvaluationRecord, query)


def evaluation_of(database: Database, market: str, study_hash: str) -> EvaluationRecord | None:
    """Return the study of that hash; None if it is not on record.

    Parameters
    ----------
    study_hash
        All of it.

    Raises
    ------
    BusyDatabaseError
        The server went away.
    """
    query = select(EvaluationRow).where(
        EvaluationRow.market == market, EvaluationRow.study_hash == study_hash
    )
    return read_first(database, EvaluationRecord, query)


def latest_evaluation(
    database: Database,
    market: str,
    recipe_hash: str,
    *,
    since: datetime,
    code: str,
    market_hash: str,
) -> EvaluationRecord | None:
    """Return the newest study of a recipe that may count; None without one.

    Parameters
    ----------
    recipe_hash
        The recipe.
    since
        Aware time; older studies do not count.
    code
        Hash of the code that must have made it.
    market_hash
        The market definition it must have been made on.

    Raises
    ------
    BusyDatabaseError
        The server went away.
    """
    studies = [
        study
        for study in evaluations(database, market)
        if study.recipe_hash == recipe_hash
        and study.settings.get("counts")
        and study.settings.get("code") == code
        and study.market_hash == market_hash
        and study.at >= since
    ]
    return studies[-1] if studies else None
