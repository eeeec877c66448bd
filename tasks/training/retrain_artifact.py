"""What a retrain shows in the Prefect UI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_core.evidence.evaluation import Evaluation
from monitoring import pages
from tasks.runs.artifacts import bullets, pictures, publish, scoreboard, table, to_open
from tasks.training.train import Material, TrainedVersion

_AUDIT = {"decisions": "Decisions audited", "features": "Features", "clean": "None saw the future"}
_VERSIONS = {"champion": "Champion", "challenger": "Trained from this recipe"}


def about_the_bars(material: Material) -> dict[str, str]:
    """Return what a retrain says of its bars, by label."""
    rows = material.assembly.dataset
    return {
        "Market": material.market.name,
        "Opening ranges": f"{len(rows):,}, {rows.trading_day[0]} to {rows.trading_day[-1]}",
        "Look-ahead audit": f"{material.audit['features']} features at "
        f"{material.audit['decisions']} decisions, none saw the future",
    }


def publish_retrain(
    market: str,
    material: Material,
    trained: TrainedVersion,
    decision: Mapping[str, Any],
    card: str,
    trouble: str | None,
) -> None:
    """Publish the verdict, the scores, the decision, the plots and where the model card is."""
    evaluation = trained.evaluation
    publish(
        f"retrain-{market}",
        evaluation.verdict,
        bullets([decision["verdict"]]),
        scoreboard(evaluation.directional),
        table([decision], _VERSIONS),
        bullets(decision["reasons"]),
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
                pages.version_charts.accuracy_chart,
                pages.version_charts.reliability_chart,
                pages.version_charts.equity_chart,
            )
        ]
    )
