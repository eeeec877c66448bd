"""Questions asked of past days, counted because many questions find something by chance.

A question is a market definition, a recipe (including its label, features and settings) and the
code that answered it. A row is never changed: the result of a trial is a second row.
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
    """A recorded question.

    Attributes
    ----------
    market, study
        The market, and the search; ``by hand`` for a recipe that a user named, or ``retrain``.
    recipe, recipe_hash, values
        The recipe's name, its hash, and the whole recipe as plain values.
    market_hash
        Hash of the market definition; "" for trials made before definitions were kept.
    question
        Hash of everything that defines the question; "" for trials made before it was kept.
    family
        Family of markets that it counts for, as the market's file said then; "" likewise.
    score
        The search's score, smaller is better; None if there is none.
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
    """Record a trial; return False if the same question was asked before, as it counts once.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
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
        The trial.
    score
        The search's score, smaller is better; None if there is none.
    state
        ``complete`` or ``pruned``.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
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
    """Count the distinct questions asked of a family of markets, in all searches together.

    All questions of a family count, whichever days they were asked of: a decision uses the whole
    history, which includes those days. Rows from before questions were kept count once for each
    recipe and market definition, in the family of the product whose code is the market's symbol.

    Parameters
    ----------
    market
        The judged market; its own rows count in whichever family they were recorded.
    family
        Its current family; by default, the product's family, from the symbol.
    asking
        Hash of the judged question, counted whether or not it is on record yet; "" to count only
        questions on record.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    own = family or full_size(market)
    columns = (TrialRow.market, TrialRow.family, TrialRow.question)
    query = select(*columns, TrialRow.recipe_hash, TrialRow.market_hash).distinct()
    questions, markets, families = {asking} - {""}, {market}, {own}
    with database.reading() as session:
        for question_scope, recorded, question, *before in session.execute(query):
            of_family = own if question_scope == market else recorded or full_size(question_scope)
            families.add(of_family)
            if of_family == own:
                markets.add(question_scope)
                questions.add(question or " ".join((question_scope, *before)))
    return TrialCount(
        family=own,
        markets=tuple(sorted(markets)),
        questions=len(questions),
        families=len(families),
    )


def list_trials(
    database: Database, market: str, study: str | None = None
) -> tuple[TrialRecord, ...]:
    """Return the trials of a market, or of one of its searches, oldest first, with their results.

    Parameters
    ----------
    study
        Name of a search; None for all.

    Returns
    -------
    tuple of TrialRecord
        Times are aware UTC.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    query = select(TrialRow).where(TrialRow.market == market).order_by(TrialRow.id)
    if study is not None:
        query = query.where(TrialRow.study == study)
    latest = {
        (trial.recipe_hash, trial.market_hash, trial.question): trial
        for trial in read_records(database, TrialRecord, query)
    }
    return tuple(latest.values())
