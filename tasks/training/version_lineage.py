"""Lines: one role's live predictions by one recipe, whose versions are refits of one another."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring.sequential_monitors import JudgedRows, Monitor, monitors
from registry.errors import UnknownVersionError
from registry.ledger.entries import Settled
from tasks.settings import Settings

ROLES = ("champion", "challenger")


def monitors_by_role(settings: Settings, symbol: str) -> dict[str, tuple[Monitor, ...]]:
    """Return the sequential monitors of each role's current line, over its whole live record."""
    rows = settings.ledger().settled(symbol, mode="live")
    by_role = {}
    for role in ROLES:
        line = line_of(rows, role)
        if line:
            held_to = unseen_interval(settings, symbol, line[-1].prediction.version, "accuracy")
            low = None if held_to is None else held_to["low"]
            by_role[role] = monitors(judged_rows(line), low)
    return by_role


def line_of(rows: Sequence[Settled], role: str) -> list[Settled]:
    """Return the predictions of a role's current recipe that were made in time, in order."""
    listed = [
        row
        for row in rows
        if row.prediction.role == role
        and row.prediction.status == "predicted"
        and row.prediction.p_up is not None
        and row.prediction.baseline_p_up is not None
        and not row.prediction.late
    ]
    recipe = listed[-1].prediction.recipe_hash if listed else None
    return [row for row in listed if row.prediction.recipe_hash == recipe]


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
