"""Questions asked of unseen days: when two are the same, and the record of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_core.bars.arrays import Bars
from ml_core.bars.lake.month_file import content_hash
from ml_core.evidence.promotion.trial_cost import TrialCost, TrialCount, trial_cost
from ml_core.features.catalogue import Feature
from ml_core.learning.recipe import Recipe
from ml_core.market.definition import MarketDefinition
from ml_core.market.market import MINUTES_A_DAY, Market
from ml_core.market.news import news_hash
from registry.definitions.markets import remember_definition
from registry.news import late_news_of
from registry.studies.trials import TrialRecord, count_trials, record_trial
from tasks.runs.code_hash import code_hash
from tasks.settings import Settings

BY_HAND = "by hand"
"""Name of the search under which recipes studied by a user are counted."""

RETRAIN = "retrain"
"""The same for the recipe of a retrain, which reports its result on unseen days."""


BEGINNING_DAYS = 28
"""Number of the first days of a market's bars that identify their source."""


@dataclass(frozen=True, slots=True)
class QuestionScope:
    """The subject of questions: a market, the hash of its definition, and the bars' beginning.

    ``beginning`` is a hash of the first ``BEGINNING_DAYS`` days of bars; ``own_code`` holds the
    hashes of the trader's own features that a model learns from; ``late_news`` is the hash of past
    news recorded afterwards, "" if no feature reads news or there is none.
    """

    market: Market
    market_hash: str
    beginning: str
    own_code: tuple[str, ...] = ()
    late_news: str = ""


def hash_of_first_days(bars: Bars) -> str:
    """Return the hash of the first days of bars, which later bars do not change."""
    first = int(bars.minute[0]) if len(bars) else 0
    return content_hash(bars.between(first, first + BEGINNING_DAYS * MINUTES_A_DAY))


def late_news(settings: Settings, market: Market, features: Iterable[Feature]) -> str:
    """Return the hash of past news recorded afterwards; "" if there is none or no reader."""
    if not any(feature.news for feature in features):
        return ""
    late = late_news_of(settings.database(), market.symbol)
    return news_hash(late) if late else ""


def question_hash(of: QuestionScope, recipe_hash: str) -> str:
    """Return the hash of a question: market definition, bars, recipe, and the code that answers.

    The definition holds ranges, costs and hours. The recipe holds the label, the list of features
    and the walk-forward settings. The code decides how features are computed and models fitted.
    Only the beginning of the bars counts: another source's bars are another question, while later
    bars and single corrected days give the same question another look, which the e-value pays for.
    News counts if it was recorded after its time: a new list of past news is a new question.
    """
    late_news = [of.late_news] if of.late_news else []
    decided_by = [of.market_hash, of.beginning, recipe_hash, code_hash(), *of.own_code, *late_news]
    return hashlib.sha256(json.dumps(decided_by).encode()).hexdigest()


def trial_of(
    of: QuestionScope,
    recipe: Recipe,
    at: datetime,
    *,
    study: str,
    score: float | None,
    state: str,
) -> TrialRecord:
    """Return the record of a question asked of a market."""
    return TrialRecord(
        market=of.market.symbol,
        market_hash=of.market_hash,
        question=question_hash(of, recipe.hash),
        family=of.market.trial_family,
        study=study,
        recipe=recipe.name,
        recipe_hash=recipe.hash,
        values=recipe.model_dump(mode="json"),
        score=score,
        state=state,
        at=at,
    )


def record_question(
    settings: Settings,
    of: QuestionScope,
    recipe: Recipe,
    at: datetime,
    *,
    study: str,
    score: float,
) -> None:
    """Record a question with its answer; a baseline learns nothing and asks no question."""
    if recipe.kind != "baseline":
        record_trial(
            settings.database(),
            trial_of(of, recipe, at, study=study, score=score, state="complete"),
        )


def record_look(
    settings: Settings,
    market: Market,
    bars: Bars,
    at: datetime,
    *,
    study: str,
    name: str,
    looked_hash: str,
    values: dict[str, Any],
    features: tuple[Feature, ...] = (),
) -> int:
    """Record once a question that is not a recipe's; return the number of looks so far.

    Parameters
    ----------
    settings, market, bars
        The installation, the market and the bars that are looked at.
    at
        Aware time, now.
    study, name
        Name of the search it belongs to, and its own name.
    looked_hash, values
        Hash that identifies the question, and the whole question as plain values.
    features
        The features that it uses.
    """
    definition = MarketDefinition.of(market)
    news = late_news(settings, market, features)
    of = QuestionScope(market, definition.hash, hash_of_first_days(bars), late_news=news)
    asking = question_hash(of, looked_hash)
    remember_definition(settings.database(), definition, at)
    record_trial(
        settings.database(),
        TrialRecord(
            market=market.symbol,
            market_hash=definition.hash,
            question=asking,
            family=market.trial_family,
            study=study,
            recipe=name,
            recipe_hash=looked_hash,
            values=values,
            score=None,
            state="complete",
            at=at,
        ),
    )
    count = count_trials(settings.database(), market.symbol, market.trial_family, asking)
    return count.questions * count.families


def questions_on_record(settings: Settings, symbol: str) -> TrialCount:
    """Return the count of questions asked so far of the family that a market's file names."""
    market = settings.market_of_symbol(symbol)
    family = None if market is None else market.trial_family
    return count_trials(settings.database(), symbol, family)


def cost_of_question(settings: Settings, of: QuestionScope, recipe: Recipe) -> TrialCost | None:
    """Return the cost, for one question, of all questions so far; None for a baseline."""
    if recipe.kind == "baseline":
        return None
    asking = question_hash(of, recipe.hash)
    market = of.market
    count = count_trials(settings.database(), market.symbol, market.trial_family, asking)
    return trial_cost(count.questions, count.families)
