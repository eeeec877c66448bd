"""Collect the evidence for the promotion rule from predictions: comparisons and controls."""

from __future__ import annotations

import numpy as np

from ml_core.evidence.calibration_check import check_calibration
from ml_core.evidence.comparison import Comparison, compare
from ml_core.evidence.intervals import mean_interval
from ml_core.evidence.metrics import ACCURACY, EVEN_ODDS
from ml_core.evidence.out_of_sample import OutOfSamplePredictions, followed
from ml_core.evidence.promotion.evidence import Evidence
from ml_core.ranges.labels import DOWN, UP

BASELINE = "corridor"
CHAMPION = "champion"


def collect_evidence(
    recipe: str,
    by_seed: tuple[OutOfSamplePredictions, ...],
    champion: OutOfSamplePredictions | None,
    *,
    champion_is_baseline: bool,
    lookahead_clean: bool | None,
    signal_found: bool | None,
    trials: int | None,
    families: int = 1,
    live: Comparison | None = None,
    seed: int = 0,
) -> Evidence:
    """Compare a challenger with the corridor and the champion on common unseen rows.

    Parameters
    ----------
    recipe
        The challenger's name.
    by_seed
        Its predictions with each training seed, the judged one first.
    champion
        The champion recipe's predictions in its own study; None if there is no champion.
    champion_is_baseline
        Whether the champion is the corridor itself, so that one comparison is enough.
    lookahead_clean, signal_found, trials, families, live
        See :class:`ml_core.evidence.promotion.evidence.Evidence`.
    seed
        Of the bootstrap.

    Raises
    ------
    SeenRowsError, NoCommonRowsError
        The rows cannot serve as evidence.
    """
    first = by_seed[0]
    comparisons = [compare(by_seed, None, BASELINE, seed=seed)]
    if champion is not None and not champion_is_baseline:
        comparisons.append(compare(by_seed, champion, CHAMPION, seed=seed))
    wanted = (BASELINE,) if champion_is_baseline else (BASELINE, CHAMPION)
    broke = np.isin(first.test.direction, (UP, DOWN))
    p, happened = first.predictions.p_up[broke], first.test.direction[broke] == UP
    taken = followed(first.predictions, first.test)
    return Evidence(
        recipe=recipe,
        recipe_hash=first.recipe_hash,
        comparisons=tuple(comparisons),
        against_wanted=wanted,
        calibration=check_calibration(p, happened),
        lookahead_clean=lookahead_clean,
        signal_found=signal_found,
        trials=trials,
        families=families,
        live=live,
        net_r=mean_interval(first.test.r_net[taken], first.test.trading_day[taken], seed=seed),
        trades=int(taken.sum()),
        correct=int(((p >= EVEN_ODDS) == happened).sum()),
        baseline_accuracy=ACCURACY(first.predictions.baseline_p_up[broke], happened),
    )
