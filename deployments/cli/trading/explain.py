"""`orbcast explain`: why a slot has its prediction, and what would have changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import tasks
from deployments.cli.terminal import AsJson, echo, print_json
from tasks import prediction

if TYPE_CHECKING:
    from tasks.prediction.explanation.explain import ExplainedPrediction


def explain(
    slot: Annotated[str, typer.Argument(help="Such as MGC:2025-06-30:0900.")],
    as_json: AsJson = False,
) -> None:
    """Print why a slot was not recommended: each gate, its figure, and the smallest change needed.

    Everything comes from the ledger's row and the rules' decision, as logged before the outcome.

    Example: orbcast explain MGC:2025-06-30:0900
    """
    rows = prediction.explanation.explain.explained(tasks.settings.current_settings(), slot)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        _show(row)


def _show(row: ExplainedPrediction) -> None:
    echo(f"{row.role} ({row.mode}) {row.model or '-'} {row.version or ''}")
    echo(f"  {row.verdict}")
    for gate in row.gates:
        echo(f"  {'ok' if gate.passed else 'no'}  {gate.name}: {gate.words}")
        if gate.change:
            echo(f"      would have sufficed: {gate.change}")
    for words in row.reasons:
        echo(f"      {words}")
