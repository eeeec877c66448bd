"""Promotion: apply the rule to the evidence on record, and record every decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from prefect import task

from ml_core.evidence.comparison import Comparison, compare_logged
from ml_core.evidence.promotion.collect_evidence import BASELINE, collect_evidence
from ml_core.evidence.promotion.collect_evidence import CHAMPION as AGAINST_CHAMPION
from ml_core.evidence.promotion.evidence import Evidence
from ml_core.evidence.promotion.rule import Decision, decide
from ml_core.evidence.promotion.trial_cost import TrialCount
from ml_core.health.scored_prediction import SIDES, ScoredPrediction
from ml_core.json_values import json_values
from ml_core.learning.recipe import Recipe
from ml_core.learning.saved_bundle import load_bundle
from registry.ledger.scored import scored_predictions
from registry.models.decisions import DecisionRecord, record_decision
from registry.models.model_store import ModelStore
from registry.models.versions import CHALLENGER, CHAMPION, VersionRecord
from tasks.data.market_definition import hashes_of_question
from tasks.runs.retrying import RETRIED
from tasks.settings import BY, Settings, current_settings
from tasks.training.champion import make_champion, present_champion
from tasks.training.questions import questions_on_record
from tasks.training.refit import judge_refit
from tasks.training.studies_on_record import recorded_predictions, study_that_counts
from tasks.training.train import Material, TrainedVersion


def apply_promotion_rule(
    settings: Settings, symbol: str, recipe: str, recipe_hash: str, at: datetime
) -> Decision:
    """Apply the promotion rule to a recipe's evidence on record by a time; change nothing.

    Without a study that counts, is recent, and was made by the current code on the current market
    definition, every condition is unknown and nothing is promoted.
    """
    study = study_that_counts(settings, symbol, recipe_hash, at)
    champion = present_champion(settings, symbol)
    count = questions_on_record(settings, symbol)
    # the champion's own recipe is not required to beat itself
    against_baseline_alone = (
        champion is None or champion.kind == "baseline" or champion.recipe_hash == recipe_hash
    )
    if study is None:
        return decide(_no_evidence(recipe, recipe_hash, count))
    theirs = None
    if champion is not None and not against_baseline_alone:
        other = study_that_counts(settings, symbol, champion.recipe_hash, at)
        theirs = None if other is None else recorded_predictions(settings, other)[0]
    return decide(
        collect_evidence(
            recipe,
            recorded_predictions(settings, study),
            theirs,
            champion_is_baseline=against_baseline_alone,
            lookahead_clean=study.figures.get("lookahead_clean"),
            signal_found=study.figures.get("signal_found"),
            trials=max(count.questions, 1),
            families=count.families,
            live=live_comparison(settings, symbol, recipe_hash),
        )
    )


def champion_recipe(settings: Settings, symbol: str) -> Recipe | None:
    """Return the recipe in the champion's files; None without a champion, or if they are damaged.

    This recipe is refitted every night, even if the recipe's own file has changed since.
    """
    champion = present_champion(settings, symbol)
    if champion is None or settings.models().faults(champion):
        return None
    return load_bundle(champion.folder).recipe


def live_comparison(settings: Settings, symbol: str, recipe_hash: str) -> Comparison | None:
    """Compare champion and challenger on the ledger's live rows; None if there are none yet.

    A slot counts if the challenger's recipe and the champion both predicted it in time, under the
    current market definition.
    """
    same_market = hashes_of_question(settings, symbol)
    database = settings.database()

    def by_slot(rows: Iterable[ScoredPrediction]) -> dict[tuple[date, str], ScoredPrediction]:
        return {
            (row.trading_day, row.opening_range): row
            for row in rows
            if row.market_hash in same_market
        }

    challengers = by_slot(
        scored_predictions(database, symbol, mode="live", role=CHALLENGER, recipe_hash=recipe_hash)
    )
    if not challengers:
        return None
    since = min(day for day, _ in challengers)
    champions = by_slot(
        scored_predictions(database, symbol, mode="live", role=CHAMPION, first=since)
    )
    ours, theirs, directions, day = [], [], [], []
    for slot, champion in champions.items():
        challenger = challengers.get(slot)
        if challenger is None:
            continue
        our_p, their_p = _p_up_in_time(challenger), _p_up_in_time(champion)
        if our_p is None or their_p is None:
            continue
        ours.append(our_p)
        theirs.append(their_p)
        directions.append(champion.direction)
        day.append(np.datetime64(champion.trading_day))
    broke = np.array([direction in SIDES for direction in directions], bool)
    if not broke.any():
        return None
    order = np.argsort(np.array(day), kind="stable")
    return compare_logged(
        np.array(ours, np.float64)[order],
        np.array(theirs, np.float64)[order],
        np.array([direction == "UP" for direction in directions], bool)[order],
        np.array(day)[order],
        broke[order],
        AGAINST_CHAMPION,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoServes:
    """Which version serves after a retrain.

    Attributes
    ----------
    champion
        The version that serves.
    challenger
        The version of the requested recipe.
    verdict
        Whether the champion stays, in a sentence.
    reasons
        The result of each rule.
    """

    champion: str
    challenger: str
    verdict: str
    reasons: tuple[str, ...]


@task(name="decide the champion", task_run_name="{symbol}: champion", **RETRIED)
def decide_who_serves(
    symbol: str, judged: list[TrainedVersion], chosen: str, material: Material, at: datetime
) -> WhoServes:
    """Judge the champion's refit and the challenger, set the aliases, and record the reasons.

    Parameters
    ----------
    symbol
        The market.
    judged
        The versions just trained, the baseline first.
    chosen
        Version of the requested recipe.
    material
        What the versions were trained on.
    at
        Time by which the bars used were known.

    Raises
    ------
    AliasChangedError
        Another process changed the champion meanwhile; another try may succeed.
    """
    settings = current_settings()
    models = settings.models()
    first = models.current(symbol, CHAMPION)
    change = _Change(models, symbol, at, "" if first is None else first.version)
    if first is None:
        why = "first champion of the market: the driftless baseline, until a model beats it"
        change.to(judged[0].version, why)
    reasons: list[str] = []
    before = models.find(symbol, CHAMPION)
    if changed := models.other_market(before):
        why = f"a new series: {changed}; the driftless baseline, until a model beats it"
        reasons.append(why)
        change.to(judged[0].version, why)
    champion = models.find(symbol, CHAMPION)
    for trained in judged:
        if (
            trained.bundle.recipe.hash == champion.recipe_hash
            and trained.version != champion.version
        ):
            refit_decision = judge_refit(settings, trained, material.assembly, at)
            _record(settings, models.find(symbol, trained.version), "refit", refit_decision, at)
            reasons += [refit_decision.verdict]
            if refit_decision.promote:
                change.to(trained.version, refit_decision.verdict)
    wanted = next(trained for trained in judged if trained.version == chosen)
    decision: Decision | None = None
    if (
        wanted.bundle.recipe.hash != champion.recipe_hash
        and wanted.bundle.recipe.kind != "baseline"
    ):
        models.set_alias(
            symbol, CHALLENGER, chosen, at=at, by=BY, reason=wanted.evaluation.verdict
        )
        decision = apply_promotion_rule(
            settings, symbol, wanted.bundle.recipe.name, wanted.bundle.recipe.hash, at
        )
        _record(settings, models.find(symbol, chosen), "promotion", decision, at)
        reasons += [decision.verdict, *decision.reasons]
        if decision.promote:
            change.to(chosen, decision.verdict)
    now_champion = models.find(symbol, CHAMPION).version
    stays = now_champion == before.version
    verdict = f"Champion {before.version} stays."
    if not stays:
        verdict = f"Champion is {now_champion} now, before it {before.version}."
    return WhoServes(
        champion=now_champion, challenger=chosen, verdict=verdict, reasons=tuple(reasons)
    )


@dataclass(slots=True)
class _Change:
    """Changes of the champion by one retrain.

    Attributes
    ----------
    serves
        Version that new ones are compared with; "" for none.
    """

    models: ModelStore
    symbol: str
    at: datetime
    serves: str

    def to(self, version: str, why: str) -> None:
        """Make a version champion; a retrain as of an earlier time changes nothing.

        A version that a person made champion meanwhile is not replaced, since the new version was
        not compared with it.
        """
        now = self.models.current(self.symbol, CHAMPION)
        if now is None or self.at >= now.at:
            make_champion(
                self.models,
                self.symbol,
                version,
                at=self.at,
                by=BY,
                reason=why,
                instead_of=self.serves,
            )
            self.serves = version


def _record(
    settings: Settings, version: VersionRecord, kind: str, decision: Decision, at: datetime
) -> None:
    record_decision(
        settings.database(),
        DecisionRecord(
            market=version.market,
            kind=kind,
            version=version.version,
            verdict=decision.verdict,
            reasons=decision.reasons,
            evidence=json_values(decision),
            at=at,
        ),
    )


def _p_up_in_time(row: ScoredPrediction) -> float | None:
    return None if not row.predicted or row.late else row.p_up


def _no_evidence(recipe: str, recipe_hash: str, count: TrialCount) -> Evidence:
    return Evidence(
        recipe=recipe,
        recipe_hash=recipe_hash,
        comparisons=(),
        against_wanted=(BASELINE,),
        calibration=None,
        lookahead_clean=None,
        signal_found=None,
        trials=max(count.questions, 1),
        families=count.families,
    )
