"""The record of walk-forward studies: a recipe's results on unseen days."""

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
    """A recorded study.

    Attributes
    ----------
    market, recipe, recipe_hash
        The market's symbol; name and hash of the recipe.
    study_hash
        Hash of everything that determines it: market definition, recipe, settings, bars, code. A
        repeated study is the same record.
    market_hash
        Hash of the market definition; "" for studies made before definitions were kept.
    settings
        Refit, window, requested period, and ``counts``: whether it may count for a promotion.
    data_fingerprint
        Hash of the bars it was made from.
    verdict, figures
        The verdict in one plain sentence, and the whole evaluation as plain values.
    files
        Path below the home -> SHA-256.
    at
        Time by which the bars used were known.
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
    """Record a study; return False if the same one is already on record.

    Parameters
    ----------
    recipe
        The study's recipe, which is recorded too.

    Raises
    ------
    EditedRecipeError
        The recipe was changed without a new name.
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
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
        Symbol; by default, every market's studies.

    Returns
    -------
    tuple of EvaluationRecord
        Times are aware UTC.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    query = select(EvaluationRow).order_by(EvaluationRow.at, EvaluationRow.id)
    if market is not None:
        query = query.where(EvaluationRow.market == market)
    return read_records(database, EvaluationRecord, query)


def evaluation_of(database: Database, market: str, study_hash: str) -> EvaluationRecord | None:
    """Return the study with a hash; None if it is not on record.

    Parameters
    ----------
    study_hash
        The full hash.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
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
        Hash of the recipe.
    since
        Aware time; older studies do not count.
    code
        Hash of the code that the study must have been made by.
    market_hash
        Hash of the market definition that it must have been made on.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
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
