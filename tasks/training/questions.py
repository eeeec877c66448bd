"""Questions asked of unseen days: what makes two of them the same, and their place on record."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_core.bars.arrays import Bars
from ml_core.bars.lake.month_file import content_hash
from ml_core.evidence.promotion.trial_cost import TrialCost, TrialCount, trial_cost
from ml_core.learning.recipe import Recipe
from ml_core.market.definition import MarketDefinition
from ml_core.market.market import MINUTES_A_DAY, Market
from registry.definitions.markets import remember_definition
from registry.studies.trials import TrialRecord, count_trials, record_trial
from tasks.runs.code_hash import code_hash
from tasks.settings import Settings

BY_HAND = "by hand"
"""Name of the search that a recipe studied by a person belongs to."""

RETRAIN = "retrain"
"""The same of a recipe that a retrain was asked for: it prints what unseen days came to."""


BEGINNING_DAYS = 28
"""Days of a market's bars, from the first on, by which another source of them is told."""


@dataclass(frozen=True, slots=True)
class AskedOf:
    """What questions are asked of: a market, the hash of its definition, and the bars' beginning.

    ``beginning`` is a hash of the first ``BEGINNING_DAYS`` days of bars, ``own_code`` the hashes
    of the trader's own features among those that are learned from.
    """

    market: Market
    market_hash: str
    beginning: str
    own_code: tuple[str, ...] = ()


def beginning_of(bars: Bars) -> str:
    """Return the hash of the first days of bars, which those that come in later leave as it is."""
    first = int(bars.minute[0]) if len(bars) else 0
    return content_hash(bars.between(first, first + BEGINNING_DAYS * MINUTES_A_DAY))


def question_asked(of: AskedOf, recipe_hash: str) -> str:
    """Return the hash of a question: market definition, bars, recipe, and the code that answers.

    Ranges, costs and hours are in the definition; label, list of features and way of walking are
    in the recipe; how a feature is computed and a model fitted is in the code. Of the bars the
    beginning counts: another source's are another question, while those of tomorrow, and single
    corrected days, bring the same one another look, which the e-value pays for.
    """
    decided_by = [of.market_hash, of.beginning, recipe_hash, code_hash(), *of.own_code]
    return hashlib.sha256(json.dumps(decided_by).encode()).hexdigest()


def trial_of(
    of: AskedOf,
    recipe: Recipe,
    at: datetime,
    *,
    study: str,
    score: float | None,
    state: str,
) -> TrialRecord:
    """Return a question that is asked of a market, for the record."""
    return TrialRecord(
        market=of.market.symbol,
        market_hash=of.market_hash,
        question=question_asked(of, recipe.hash),
        family=of.market.trial_family,
        study=study,
        recipe=recipe.name,
        recipe_hash=recipe.hash,
        values=recipe.model_dump(mode="json"),
        score=score,
        state=state,
        at=at,
    )


def record_answered(
    settings: Settings, of: AskedOf, recipe: Recipe, at: datetime, *, study: str, score: float
) -> None:
    """Keep a question whose answer is known now; a baseline learns nothing and asks none."""
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
) -> int:
    """Keep a question that was no recipe's, once; return the looks at these markets so far.

    Parameters
    ----------
    settings, market, bars
        Whose past is looked at.
    at
        Aware time, now.
    study, name
        Which search it belongs to, and what it is called.
    looked_hash, values
        What tells the question from others, and the whole of it as plain values.
    """
    definition = MarketDefinition.of(market)
    asking = question_asked(AskedOf(market, definition.hash, beginning_of(bars)), looked_hash)
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
    """Return the questions asked of a market's family so far, as its file names it now."""
    market = settings.market_of_symbol(symbol)
    family = None if market is None else market.trial_family
    return count_trials(settings.database(), symbol, family)


def cost_of_question(settings: Settings, of: AskedOf, recipe: Recipe) -> TrialCost | None:
    """Return what the questions asked so far cost one of them; None for a baseline."""
    if recipe.kind == "baseline":
        return None
    asking = question_asked(of, recipe.hash)
    market = of.market
    count = count_trials(settings.database(), market.symbol, market.trial_family, asking)
    return trial_cost(count.questions, count.families)
