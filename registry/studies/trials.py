"""Questions asked of past days, counted because many of them find something by chance.

A question is a market's definition, a recipe (its label, features and settings among it) and the
code that answered. A row is never changed: what became of a trial that was begun is a second row
beside the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select

from ml_core.evidence.promotion.trial_cost import TrialCount
from ml_core.json_values import field_values
from ml_core.market.family import full_size
from registry.chains.chain import chain_of
from registry.database import Database
from registry.rows import read_records, record_of
from registry.tables.studies import TrialRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """A question that was asked.

    Attributes
    ----------
    market, study
        Where, and in which search; ``by hand`` for a recipe a person named, ``retrain``.
    recipe, recipe_hash, values
        Its name, its hash, and the whole of it as plain values.
    market_hash
        The market definition it was tried on; "" of trials made before it was kept.
    question
        Hash of everything that makes it another question; "" of trials made before it was kept.
    family
        Family of markets that pays for it, as the market's file said then; "" likewise.
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
    question: str = ""
    family: str = ""
    values: dict[str, Any]
    score: float | None
    state: str
    at: datetime


def record_trial(database: Database, record: TrialRecord) -> bool:
    """Keep a trial; return False if the same question was asked before, which counts once.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the server went away.
    """
    with database.session() as session:
        same = _same(record.market, record.recipe_hash, record.market_hash, record.question)
        if session.scalars(select(TrialRow.id).where(same)).first() is not None:
            return False
        chain_of(TrialRow).append(session, field_values(record))
    return True


def finish_trial(
    database: Database,
    market: str,
    recipe_hash: str,
    market_hash: str,
    question: str = "",
    *,
    score: float | None,
    state: str,
) -> None:
    """Record the result of a trial that was begun; a finished trial stays as it is.

    Parameters
    ----------
    market, recipe_hash, market_hash, question
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
        same = _same(market, recipe_hash, market_hash, question)
        latest = select(TrialRow).where(same).order_by(TrialRow.id.desc()).limit(1)
        trial = record_of(TrialRecord, session.scalars(latest).one())
        if trial.state == "begun":
            ended = replace(trial, score=score, state=state)
            chain_of(TrialRow).append(session, field_values(ended))


def _same(market: str, recipe_hash: str, market_hash: str, question: str) -> ColumnElement[bool]:
    return and_(
        TrialRow.market == market,
        TrialRow.recipe_hash == recipe_hash,
        TrialRow.market_hash == market_hash,
        TrialRow.question == question,
    )


def count_trials(
    database: Database, market: str, family: str | None = None, asking: str = ""
) -> TrialCount:
    """Count the distinct questions asked of a family of markets, in every search together.

    All of a family count, on whatever days they were asked: a decision rests on the whole history,
    which holds the days of each of them. Rows of before questions were kept count once for each
    recipe and market definition, in the family of the product whose code is the market's symbol.

    Parameters
    ----------
    market
        The market that is judged; its own rows count whatever family they were recorded in.
    family
        Its family now; the product's, by its symbol, if left out.
    asking
        Hash of the question that is judged, counted whether or not it is on record yet; "", those
        on record alone.

    Raises
    ------
    BusyDatabaseError
        The server went away.
    """
    own = family or full_size(market)
    columns = (TrialRow.market, TrialRow.family, TrialRow.question)
    query = select(*columns, TrialRow.recipe_hash, TrialRow.market_hash).distinct()
    questions, markets, families = {asking} - {""}, {market}, {own}
    with database.reading() as session:
        for asked_of, recorded, question, *before in session.execute(query):
            of_family = own if asked_of == market else recorded or full_size(asked_of)
            families.add(of_family)
            if of_family == own:
                markets.add(asked_of)
                questions.add(question or " ".join((asked_of, *before)))
    return TrialCount(
        family=own,
        markets=tuple(sorted(markets)),
        questions=len(questions),
        families=len(families),
    )


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
        (trial.recipe_hash, trial.market_hash, trial.question): trial
        for trial in read_records(database, TrialRecord, query)
    }
    return tuple(latest.values())
