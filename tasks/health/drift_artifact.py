"""The Prefect artifact of a drift check."""

from __future__ import annotations

from dataclasses import dataclass

from ml_core.health.drift import DriftFigures
from monitoring import pages
from monitoring.drift.report import DriftReport
from tasks.runs.artifacts import pictures, publish, table, to_open

_COLUMNS = {
    "column": "Column",
    "group": "Group",
    "shift": "Shift in sd",
    "p": "p",
    "drifted": "Drifted",
}
_MOST_ROWS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftResult(DriftFigures):
    """Result of a run of check-drift.

    Attributes
    ----------
    verdict
        Which groups of columns drifted, in a sentence.
    detected
        Whether any did.
    report
        Path of Evidently's page, if it was requested.
    """

    verdict: str
    detected: bool
    report: str | None


def publish_drift(market: str, report: DriftReport, page: str | None) -> None:
    """Publish the drifted columns, how far each moved, and the path of Evidently's page."""
    shifts = report.columns[:_MOST_ROWS]
    publish(
        f"drift-{market}",
        report.verdict,
        table(shifts, _COLUMNS) if shifts else "",
        *_plots(report),
        to_open({"Evidently's full report": page} if page else {}),
    )


def _plots(report: DriftReport) -> list[str]:
    if not report.columns:
        return []
    return pictures([pages.plots.drift.drift_chart(report.columns)])
