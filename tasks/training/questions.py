"""Questions asked of unseen days: what makes two of them the same, and their place on record."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from ml_core.evidence.promotion.trial_cost import TrialCost, TrialCount, trial_cost
from ml_core.learning.recipe import Recipe
from ml_core.market.market import Market
from registry.studies.trials import TrialRecord, count_trials, record_trial
from tasks.runs.code_hash import code_hash
from tasks.settings import Settings

BY_HAND = "by hand"
"""Name of the search that a recipe studied by a person belongs to."""

RETRAIN = "retrain"
"""The same of a recipe that a retrain was asked for: it prints what unseen days came to."""


def question_asked(market_hash: str, recipe_hash: str) -> str:
    """Return the hash of a question: market definition, recipe, and the code that answers.

    Ranges, costs and hours are in the definition; label, list of features and way of walking are
    in the recipe; how a feature is computed and a model fitted is in the code. Bars are not: those
    of tomorrow, and corrected ones, bring the same question another look, which the e-value pays
    for.
    """
    decided_by = [market_hash, recipe_hash, code_hash()]
    return hashlib.sha256(json.dumps(decided_by).encode()).hexdigest()


def trial_of(
    market: Market,
    market_hash: str,
    recipe: Recipe,
    at: datetime,
    *,
    study: str,
    score: float | None,
    state: str,
) -> TrialRecord:
    """Return a question that is asked of a market, for the record."""
    return TrialRecord(
        market=market.symbol,
        market_hash=market_hash,
        question=question_asked(market_hash, recipe.hash),
        family=market.trial_family,
        study=study,
        recipe=recipe.name,
        recipe_hash=recipe.hash,
        values=recipe.model_dump(mode="json"),
        score=score,
        state=state,
        at=at,
    )


def record_answered(
    settings: Settings,
    market: Market,
    market_hash: str,
    recipe: Recipe,
    at: datetime,
    *,
    study: str,
    score: float,
) -> None:
    """Keep a question whose answer is known now; a baseline learns nothing and asks none."""
    if recipe.kind != "baseline":
        record_trial(
            settings.database(),
            trial_of(market, market_hash, recipe, at, study=study, score=score, state="complete"),
        )


def questions_on_record(settings: Settings, symbol: str, asking: str = "") -> TrialCount:
    """Return the questions asked of a market's family so far, as its file names it now.

    Parameters
    ----------
    asking
        Hash of the question that is judged, if it must count although it is not on record.
    """
    market = settings.market_of_symbol(symbol)
    family = None if market is None else market.trial_family
    return count_trials(settings.database(), symbol, family, asking)


def cost_of_question(
    settings: Settings, market: Market, market_hash: str, recipe: Recipe
) -> TrialCost | None:
    """Return what the questions asked so far cost one of them; None for a baseline."""
    if recipe.kind == "baseline":
        return None
    asking = question_asked(market_hash, recipe.hash)
    count = count_trials(settings.database(), market.symbol, market.trial_family, asking)
    return trial_cost(count.questions, count.families)
