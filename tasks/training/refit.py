"""Decide whether a refit of the champion's recipe should serve, judged on the latest days."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from ml_core.evidence.comparison import Comparison, NoCommonRowsError, compare
from ml_core.evidence.out_of_sample import predict_unseen
from ml_core.evidence.promotion.collect_evidence import BASELINE
from ml_core.evidence.promotion.collect_evidence import CHAMPION as AGAINST_CHAMPION
from ml_core.evidence.promotion.evidence import Evidence
from ml_core.evidence.promotion.rule import Decision, decide_refit
from ml_core.features.catalogue import Catalogue, FeatureChangedError, UnknownFeatureError
from ml_core.learning.bundle import Bundle
from ml_core.learning.datasets.assemble import Assembly
from ml_core.learning.saved_bundle import load_bundle
from ml_core.ranges.labels import DOWN, UP
from tasks.settings import Settings
from tasks.training.champion import present_champion
from tasks.training.train import TrainedVersion


def judge_refit(
    settings: Settings, refit: TrainedVersion, assembly: Assembly, at: datetime
) -> Decision:
    """Apply the rule for a refit of the champion's own recipe, on the latest days.

    A refit has learned from every day. Therefore the same recipe, trained without the latest fifth
    of the days, is judged on that fifth: against the corridor, and against the champion on the
    days that the champion has not learned from, if any. A champion that has expired by ``at`` no
    longer predicts, and is not compared.
    """
    champion = present_champion(settings, refit.bundle.trained["market"])
    comparisons: tuple[Comparison, ...] = ()
    wanted: tuple[str, ...] = (AGAINST_CHAMPION,)
    if champion is not None:
        wanted, comparisons = _comparisons(
            load_bundle(champion.folder), refit, assembly, settings.catalogue()
        )
        if comparisons and settings.models().expired(champion, at):
            # the corridor serves in its place
            wanted, comparisons = (BASELINE,), comparisons[:1]
    evidence = Evidence(
        recipe=f"{refit.bundle.recipe.name} {refit.version}",
        recipe_hash=refit.bundle.recipe.hash,
        comparisons=comparisons,
        against_wanted=wanted,
        calibration=None,
        lookahead_clean=True,  # a version is registered only after a clean audit
        signal_found=None,
        trials=None,
    )
    return decide_refit(evidence)


def _comparisons(
    old: Bundle, refit: TrainedVersion, assembly: Assembly, catalogue: Catalogue
) -> tuple[tuple[str, ...], tuple[Comparison, ...]]:
    """Return what a refit must be compared with, and the comparisons that can be made."""
    last_learned = old.trained["last_day"]
    if refit.bundle.trained["last_day"] < last_learned:
        # it has seen fewer days than the champion: a step back, not a refit
        return (AGAINST_CHAMPION,), ()
    unseen = refit.unseen
    with_baseline = compare((unseen,), None, BASELINE)
    later = unseen.rows(unseen.test.trading_day > np.datetime64(last_learned))
    if not np.isin(later.test.direction, (UP, DOWN)).any():
        return (BASELINE,), (with_baseline,)
    wanted = (BASELINE, AGAINST_CHAMPION)
    try:
        # an older champion may have learned from features that its refit no longer has
        data = assembly.with_features(catalogue.learned(old.feature_names, old.own))
        rows = np.flatnonzero(data.trading_day > np.datetime64(last_learned))
        of_old = predict_unseen(old, data.rows(rows))
        return wanted, (with_baseline, compare((later,), of_old, AGAINST_CHAMPION))
    except (NoCommonRowsError, UnknownFeatureError, FeatureChangedError):
        return wanted, (with_baseline,)
