"""Parts of a model card that are not in a version's files: known truth, recorded predictions."""

from __future__ import annotations

from ml_core.health.scored_prediction import ScoredPrediction
from monitoring.pages.document import Block, Paragraph, Table
from monitoring.pages.findings import recovered
from monitoring.pages.formatting import DASH, percent, percent_or_dash, signed_or_dash
from monitoring.pages.model_card.facts import CardFacts

TRUTH = ("bayes_accuracy", "bayes_log_loss", "driftless_accuracy", "driftless_log_loss")
"""Facts that must be known of a simulated market."""

_RECENT_ROWS = 12
"""Ledger rows shown at once; earlier ones are folded."""

_RECENT_HEAD = ("range", "UP, model", "UP, corridor", "recommended", "broke", "R net of the break")


def truth_blocks(facts: CardFacts) -> tuple[Block, ...]:
    """Return a simulated market's best possible figures beside the measured ones; else nothing."""
    truth = facts.truth
    if truth is None:
        return ()
    edge = truth.get("edge")
    planted = (
        "No edge is planted: no model can beat the corridor here, and a report that claims "
        "otherwise is wrong."
        if edge == 0
        else "An edge is planted, and its size is known exactly."
        if edge is None
        else (
            f"An edge is planted: a model that finds it is right {edge * 100:g} points more often."
        )
    )
    directional = facts.evaluation.directional
    possible = (
        (words, truth[f"{name}_accuracy"], truth[f"{name}_log_loss"])
        for words, name in (("best possible", "bayes"), ("best without the edge", "driftless"))
    )
    measured = (
        (f"{name}, measured", scores.accuracy, scores.log_loss)
        for name, scores in (("model", directional.model), ("corridor", directional.corridor))
    )
    rows = tuple(
        (words, percent(accuracy), f"{log_loss:.4f}")
        for words, accuracy, log_loss in (*possible, *measured)
    )
    share = recovered(facts.evaluation, truth)
    note = (
        ""
        if share is None
        else f"The model gained {percent(share, 0)} of the log loss there is to gain. The known "
        "figure is an expectation; a figure measured on some days is above or below it by chance."
    )
    return (
        Paragraph(f"This market is simulated, so its true probabilities are known. {planted}"),
        Table(("", "accuracy", "log loss"), rows, "Known and measured", note),
    )


def prediction_blocks(facts: CardFacts) -> tuple[Block, ...]:
    """Return the champion's latest predictions with their outcomes, if there are any."""
    if not facts.recent:
        return ()
    rows = tuple(map(_prediction, facts.recent))
    replayed = any(row.mode == "replay" for row in facts.recent)
    note = "Replayed: past days predicted as if live. Replays are not used for any decision."
    latest = Table(_RECENT_HEAD, rows[-_RECENT_ROWS:], note=note if replayed else "")
    earlier = rows[:-_RECENT_ROWS]
    title = f"{len(earlier):,} earlier ones"
    return (latest, Table(_RECENT_HEAD, earlier, title, folded=True)) if earlier else (latest,)


def _prediction(row: ScoredPrediction) -> tuple[str, ...]:
    return (
        f"{row.trading_day} {row.opening_range}",
        percent_or_dash(row.p_up if row.predicted else None),
        percent_or_dash(row.baseline_p_up if row.predicted else None),
        (row.recommendation or DASH) if row.predicted else row.reason or "no prediction",
        row.direction or "open",
        signed_or_dash(row.r_net),
    )
