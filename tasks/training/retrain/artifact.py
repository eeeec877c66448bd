"""The Prefect artifact of a retrain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ml_core.evidence.evaluation import Evaluation
from ml_core.evidence.promotion.trial_cost import TrialCost
from monitoring import pages
from tasks.runs.artifacts import bullets, pictures, publish, scoreboard, table, to_open
from tasks.training.promotion import WhoServes
from tasks.training.train import Material, TrainedVersion

_AUDIT = {"decisions": "Decisions audited", "features": "Features", "clean": "Without look-ahead"}
_VERSIONS = {"champion": "Champion", "challenger": "Trained from this recipe"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrained:
    """Result of a run of nightly-retrain.

    If the run was skipped after failures, only ``verdict``, ``symbol`` and ``skipped`` are set.

    Attributes
    ----------
    verdict
        The version's result on days it never saw, in a sentence; or why the run was skipped.
    symbol
        The market's.
    skipped
        Whether the run was skipped.
    champion, challenger, decision, reasons
        The serving version, the trained version, whether the champion stays, each rule's result.
    rows
        Number of opening ranges for training and judging.
    report, card
        Path of the model card.
    excluded
        Number of ranges left out, by reason.
    data
        Facts about the bars, by label.
    trouble
        The error of the refresh before the retrain, if any.
    cost
        Questions asked so far of this family of markets, and their cost in a promotion; None for
        a baseline.
    drift
        Result of the drift check afterwards; None in a run as of an earlier time.
    """

    verdict: str
    symbol: str
    skipped: bool = False
    champion: str | None = None
    challenger: str | None = None
    decision: str | None = None
    reasons: tuple[str, ...] = ()
    rows: int | None = None
    report: str | None = None
    card: str | None = None
    excluded: Mapping[str, int] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    trouble: str | None = None
    cost: TrialCost | None = None
    drift: str | None = None


def about_the_bars(material: Material) -> dict[str, str]:
    """Return the facts about a retrain's bars, by label."""
    rows = material.assembly.dataset
    news = material.news_words
    return {
        "Market": material.market.name,
        "Opening ranges": f"{len(rows):,}, {rows.trading_day[0]} to {rows.trading_day[-1]}",
        **({"Scheduled news": news} if news else {}),
        "Look-ahead audit": f"{material.audit.features} features at "
        f"{material.audit.decisions} decisions, none saw the future",
    }


def publish_retrain(
    market: str,
    material: Material,
    trained: TrainedVersion,
    decision: WhoServes,
    card: str,
    cost: TrialCost | None,
    trouble: str | None,
) -> None:
    """Publish verdict, scores, decision and plots, and the path of the model card."""
    evaluation = trained.evaluation
    publish(
        f"retrain-{market}",
        evaluation.verdict,
        bullets([decision.verdict]),
        scoreboard(evaluation.directional),
        table([decision], _VERSIONS),
        bullets(dict.fromkeys([*decision.reasons, *([] if cost is None else [cost.words])])),
        table([material.audit], _AUDIT),
        *_plots(evaluation),
        bullets([trouble] if trouble else []),
        to_open({"model card": card}),
    )


def _plots(evaluation: Evaluation) -> list[str]:

    return pictures(
        [
            draw(evaluation)
            for draw in (
                pages.plots.version.accuracy_chart,
                pages.plots.version.reliability_chart,
                pages.plots.version.equity_chart,
            )
        ]
    )
