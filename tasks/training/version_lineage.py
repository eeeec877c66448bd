"""Lines: one role's live predictions by one recipe, whose versions are refits of one another."""

from __future__ import annotations

from collections.abc import Sequence

from ml_core.decision.entry import PredictionEntry
from ml_core.health.scored_prediction import ScoredPrediction
from monitoring.sequential_monitors import JudgedRows, Monitor, monitors
from registry.errors import UnknownVersionError
from registry.ledger.entries import Settled
from registry.ledger.scored import current_recipe, scored_predictions
from tasks.settings import Settings

ROLES = ("champion", "challenger")


def monitors_by_role(settings: Settings, symbol: str) -> dict[str, tuple[Monitor, ...]]:
    """Return the sequential monitors of each role's current line, over its whole live record.

    Predictions by other recipes are not read.
    """
    by_role = {}
    for role in ROLES:
        database = settings.database()
        recipe = current_recipe(database, symbol, mode="live", role=role)
        rows = (
            ()
            if recipe is None
            else scored_predictions(database, symbol, mode="live", role=role, recipe_hash=recipe)
        )
        line = [row for row in rows if _counts(row)]
        if line:
            held_to = unseen_interval(settings, symbol, line[-1].version, "accuracy")
            low = None if held_to is None else held_to["low"]
            by_role[role] = monitors(JudgedRows.of(line), low)
    return by_role


def line_of(rows: Sequence[Settled], role: str) -> list[Settled]:
    """Return the predictions of a role's current recipe that were made in time, in order."""
    listed = [row for row in rows if row.prediction.role == role and _counts(row.prediction)]
    recipe = listed[-1].prediction.recipe_hash if listed else None
    return [row for row in listed if row.prediction.recipe_hash == recipe]


def _counts(row: PredictionEntry | ScoredPrediction) -> bool:
    """Return whether a prediction was made in time, with its baseline's."""
    has_both = row.p_up is not None and row.baseline_p_up is not None
    return row.status == "predicted" and has_both and not row.late


def judged_rows(line: Sequence[Settled]) -> JudgedRows:
    """Return the rows as arrays, including those without a breakout and open ones."""
    return JudgedRows.of([row.scored() for row in line])


def unseen_interval(
    settings: Settings, symbol: str, version: str | None, metric: str
) -> dict[str, float] | None:
    """Return the interval of a metric on a version's unseen days; None if there is none."""
    try:
        record = settings.models().find(symbol, version or "")
    except UnknownVersionError:
        return None
    intervals = record.metrics.get("directional", {}).get("interval", {}).get("model", {})
    interval: dict[str, float] | None = intervals.get(metric)
    usable = interval is not None and all(
        interval.get(name) is not None for name in ("low", "error")
    )
    return interval if usable else None
