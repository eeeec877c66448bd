"""Retrain: refresh, audit, dataset, models, registration, the choice of the serving version."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import date, datetime

from prefect import flow

from flows.check_drift import check_drift
from flows.refresh_data import refresh_standing_source
from ml_core.errors import OrbcastError
from ml_core.learning.recipe import Recipe
from tasks.notices.notify import REPORTED
from tasks.runs.artifacts import publish
from tasks.runs.heavy_work import heavy_work
from tasks.runs.parameters import MarketName
from tasks.runs.periods import moment_of, require_period
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import Settings, current_settings
from tasks.training.card_pages import write_card_of
from tasks.training.promotion import champion_recipe, decide_who_serves
from tasks.training.questions import cost_of_question
from tasks.training.retrain.artifact import Retrained, about_the_bars, publish_retrain
from tasks.training.retrain.backoff import attempt, retrain_pause
from tasks.training.train import gather, train_version


@flow(
    name="nightly-retrain",
    flow_run_name=run_name("{symbol} retrain {recipe} {day}"),
    timeout_seconds=TIME_LIMITS["nightly-retrain"],
    **REPORTED,
)
def nightly_retrain(
    market: MarketName = "mgc",
    recipe: str = "residual-mirrored",
    from_day: date | None = None,
    to_day: date | None = None,
    as_of: datetime | None = None,
    refresh: bool = True,
) -> Retrained:
    """Train the baselines and a recipe, register both, decide which version serves.

    A refit of the champion's recipe takes over if it is not worse. Another recipe takes over only
    if its walk-forward study (flow walk-forward, weekly or by hand) passes the promotion rule.
    Drift is checked last. After several failures in a row, scheduled runs are skipped for a day,
    then for two, four and eight; a run started by hand always runs.

    Args:
        market: Name of a market file, such as mgc.
        recipe: Name of a recipe file, such as residual-mirrored.
        from_day: First trading day to train on; default: the first with bars.
        to_day: Last trading day; default: the last with bars.
        as_of: Use only bars known by this time; default: now.
        refresh: First update the bars from the market's standing source, if it has one.
    """
    settings = current_settings()
    chosen, definition = settings.recipe(recipe), settings.market(market)
    require_period(from_day, to_day)
    at = moment_of(as_of, definition)
    if waits := retrain_pause(settings, definition.symbol):
        publish(f"retrain-{market}", waits)
        return Retrained(verdict=waits, symbol=definition.symbol, skipped=True)
    with (
        heavy_work(settings, retrain_of=definition.symbol),
        nullcontext() if as_of else attempt(settings, definition.symbol),
    ):
        trouble = refresh_standing_source(market, as_of) if refresh else None
        result = _train(settings, market, chosen, (from_day, to_day), at, trouble)
    # with as_of the run judges the past; drift is about what is logged now
    drift = None if as_of else _check_drift(market)
    return replace(result, drift=drift)


def _train(
    settings: Settings,
    market: str,
    chosen: Recipe,
    period: tuple[date | None, date | None],
    at: datetime,
    trouble: str | None,
) -> Retrained:
    baseline_recipe, symbol = settings.recipe("baseline"), settings.market(market).symbol
    material = gather(market, chosen, *period, at)
    baseline = train_version(material, baseline_recipe, at)
    trained = (
        train_version(material, chosen, at) if chosen.hash != baseline_recipe.hash else baseline
    )
    versions = [baseline, trained]
    serving = champion_recipe(settings, symbol)
    if serving is not None and serving.hash not in {baseline_recipe.hash, chosen.hash}:
        versions.append(train_version(gather(market, serving, *period, at), serving, at))
    decision = decide_who_serves(symbol, versions, trained.version, material, at)
    about_bars = about_the_bars(material)
    card = write_card_of(market, trained.version, at, about_bars)
    cost = cost_of_question(settings, material.question_scope, chosen)
    publish_retrain(market, material, trained, decision, card, cost, trouble)
    return Retrained(
        verdict=trained.evaluation.verdict,
        symbol=symbol,
        champion=decision.champion,
        challenger=decision.challenger,
        decision=decision.verdict,
        reasons=decision.reasons,
        rows=len(material.assembly.dataset),
        report=card,
        card=card,
        excluded=material.assembly.exclusions(),
        data=about_bars,
        trouble=trouble,
        cost=cost,
    )


def _check_drift(market: str) -> str:
    """Compare logged features with the version that serves now; a known drift starts nothing.

    The versions are already registered: a failing check is reported and undoes nothing.
    """
    try:
        return check_drift(market).verdict
    except (OrbcastError, TimeoutError) as error:
        return f"drift could not be checked: {error}"
