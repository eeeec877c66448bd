"""Drift: whether recently logged features still resemble the champion's training data."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from ml_core.decision.entry import Mode
from ml_core.json_values import field_values
from tasks.health.drift import compare, write_report
from tasks.health.drift_artifact import DriftResult, publish_drift
from tasks.notices.notify import REPORTED
from tasks.runs.parameters import MarketName
from tasks.runs.periods import moment_of
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings


@flow(
    name="check-drift",
    flow_run_name=run_name("{symbol} drift {day}"),
    timeout_seconds=TIME_LIMITS["check-drift"],
    **REPORTED,
)
def check_drift(
    market: MarketName = "mgc",
    mode: Mode = "live",
    full: bool = False,
    as_of: datetime | None = None,
) -> DriftResult:
    """Compare the features logged in the last ten trading days with the champion's training data.

    Each range is compared with the same opening range; roll days and half-days are left out. A
    new drift emits orbcast.drift.detected, which starts a retrain.

    Args:
        market: Name of a market file, such as mgc.
        mode: live predictions, or replayed ones, which never start a retrain.
        full: Also write Evidently's whole report as an HTML page.
        as_of: Use predictions up to this time; default: now.
    """
    at = moment_of(as_of, current_settings().market(market))
    report = compare(market, at, mode)
    page = write_report(market, at, mode) if full and report.judged else None
    publish_drift(market, report, page)
    return DriftResult(
        **field_values(report.figures),
        verdict=report.verdict,
        detected=report.detected,
        report=page,
    )
