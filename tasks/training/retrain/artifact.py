"""What a retrain shows in the Prefect UI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ml_core.evidence.evaluation import Evaluation
from ml_core.evidence.promotion.trial_cost import TrialCost
from monitoring import pages
from tasks.runs.artifacts import bullets, pictures, publish, scoreboard, table, to_open
from tasks.training.promotion import WhoServes
from tasks.training.train import Material, TrainedVersion

_AUDIT = {"decisions": "Decisions audited", "features": "Features", "clean": "None saw the future"}
_VERSIONS = {"champion": "Champion", "challenger": "Trained from this recipe"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrained:
    """What a run of nightly-retrain returns.

    Where the run was left out after failures, only ``verdict``, ``symbol`` and ``skipped`` are
    there.

    Attributes
    ----------
    verdict
        How the version does on days it never saw, in a sentence; or why the run was left out.
    symbol
        The market's.
    skipped
        Whether the run was left out.
    champion, challenger, decision, reasons
        Who serves, the version trained, whether the champion stays and what each rule came to.
    rows
        Opening ranges trained and judged on.
    report, card
        Path of the model card.
    excluded
        Ranges left out, by reason.
    data
        What was learned from, by label.
    trouble
        What went wrong with the refresh before it.
    cost
        Questions asked so far of this family of markets, and what they cost at a promotion; None
        of a baseline.
    drift
        What the drift check after it came to; None of a look back.
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
    """Return what a retrain says of its bars, by label."""
    rows = material.assembly.dataset
    return {
        "Market": material.market.name,
        "Opening ranges": f"{len(rows):,}, {rows.trading_day[0]} to {rows.trading_day[-1]}",
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
    """Publish the verdict, the scores, the decision, the plots and where the model card is."""
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
