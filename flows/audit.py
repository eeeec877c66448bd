"""Audit: parity of logged features with the lake, and whether any feature sees the future."""

from __future__ import annotations

from datetime import date, datetime

from prefect import flow

from ml_core.decision.entry import Mode
from tasks.health.audit_artifact import AuditResult, publish_audit
from tasks.health.parity import audit_parity
from tasks.health.sealing import seal_weekly
from tasks.notices.notify import REPORTED
from tasks.rollout.checks import check_gates
from tasks.runs.parameters import MarketName
from tasks.runs.periods import moment_of
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings
from tasks.training.lookahead import audit_recent


@flow(
    name="audit",
    flow_run_name=run_name("{symbol} audit {day}"),
    timeout_seconds=TIME_LIMITS["audit"],
    **REPORTED,
)
def audit(
    market: MarketName = "mgc",
    from_day: date | None = None,
    to_day: date | None = None,
    mode: Mode = "live",
    as_of: datetime | None = None,
) -> AuditResult:
    """Recompute logged features from the lake and compare to the bit; audit for look-ahead.

    Once a week the audit of the first market also verifies the whole record, and seals it.

    Args:
        market: Name of a market file, such as mgc.
        from_day: First trading day of the predictions to audit; default: two weeks ago.
        to_day: Last trading day; default: today.
        mode: live or replay predictions.
        as_of: Use only bars known by this time; default: now.
    """
    at = moment_of(as_of, current_settings().market(market))
    parity = audit_parity(market, from_day, to_day, at, mode)
    lookahead = audit_recent(market, at)
    if mode == "live":
        check_gates(market, at)
    if as_of is None and market == current_settings().markets[0]:
        seal_weekly(at)
    publish_audit(market, parity, lookahead)
    return AuditResult(verdict=parity.verdict, parity=parity, lookahead=lookahead)
