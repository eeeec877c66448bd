"""Recipes tried on a market, counted because many trials find something by chance.

A row is never changed: what became of a trial that was begun is a second row beside the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select

from registry.chains.chain import chain_of
from registry.database import Database
from registry.rows import read_records, record_of, values_of
from registry.tables.studies import TrialRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """A recipe that was tried.

    Attributes
    ----------
    market, study
        Where, and in which search; ``by hand`` for a recipe a person named.
    recipe, recipe_hash, values
        Its name, its hash, and the whole of it as plain values.
    market_hash
        The market definition it was tried on; "" of trials made before it was kept.
    score
        What the search judged it by, smaller being better; None if it came to none.
    state
        ``begun``, ``complete`` or ``pruned``.
    """

    market: str
    study: str
    recipe: str
    recipe_hash: str
    market_hash: str = ""
    values: dict[str, Any]
    score: float | None
    state: str
    at: datetime


def record_trial(database: Database, record: TrialRecord) -> bool:
    """Keep a trial; return False if this recipe was tried on this market, which counts once.

    On another definition of the market it is another trial, and paid for as well.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the server went away.
    """
    with database.session() as session:
        same = _same(record.market, record.recipe_hash, record.market_hash)
        if session.scalars(select(TrialRow.id).where(same)).first() is not None:
            return False
        chain_of(TrialRow).append(session, values_of(record))
    return True


def finish_trial(
    database: Database,
    market: str,
    recipe_hash: str,
    market_hash: str,
    *,
    score: float | None,
    state: str,
) -> None:
    """Record the result of a trial that was begun; a finished trial stays as it is.

    Parameters
    ----------
    market, recipe_hash, market_hash
        Which trial.
    score
        What the search judged it by, smaller being better; None if it came to none.
    state
        ``complete`` or ``pruned``.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the server went away.
    """
    with database.session() as session:
        same = _same(market, recipe_hash, market_hash)
        latest = select(TrialRow).where(same).order_by(TrialRow.id.desc()).limit(1)
        trial = record_of(TrialRecord, session.scalars(latest).one())
        if trial.state == "begun":
            ended = replace(trial, score=score, state=state)
            chain_of(TrialRow).append(session, values_of(ended))


def _same(market: str, recipe_hash: str, market_hash: str) -> ColumnElement[bool]:
    return and_(
        TrialRow.market == market,
        TrialRow.recipe_hash == recipe_hash,
        TrialRow.market_hash == market_hash,
    )


def count_trials(database: Database, market: str) -> int:
    """Count the recipes tried on each definition of a market, in every search together.

    Raises
    ------
    BusyDatabaseError
        The server went away.
    """
    of_market = select(TrialRow.recipe_hash, TrialRow.market_hash).where(TrialRow.market == market)
    query = select(func.count()).select_from(of_market.distinct().subquery())
    with database.reading() as session:
        return int(session.scalars(query).one())


def list_trials(
    database: Database, market: str, study: str | None = None
) -> tuple[TrialRecord, ...]:
    """Return the trials of a market, or of one study there, oldest first, each as it ended.

    Parameters
    ----------
    study
        Name of a search; None, all.

    Returns
    -------
    tuple of TrialRecord
        Times are aware UTC.

    Raises
    ------
    BusyDatabaseError
        The server went away.
    """
    query = select(TrialRow).where(TrialRow.market == market).order_by(TrialRow.id)
    if study is not None:
        query = query.where(TrialRow.study == study)
    latest = {
        (trial.recipe_hash, trial.market_hash): trial
        for trial in read_records(database, TrialRecord, query)
    }
    return tuple(latest.values())
