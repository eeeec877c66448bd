"""Audit: parity of what was logged with the lake, and whether any feature sees the future."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from prefect import flow

from monitoring.pages.markdown import code, escaped
from monitoring.parity import Audited, ParityReport
from registry.ledger import Mode
from tasks.health.parity import audit_parity
from tasks.notices.notify import REPORTED
from tasks.rollout.checks import look_at_gates
from tasks.runs.artifacts import bullets, publish, table
from tasks.runs.parameters import MarketName
from tasks.runs.periods import moment_of
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings
from tasks.training.lookahead import audit_recent

_ODD = {"slot": "Slot", "role": "Role", "cause": "Cause", "features": "Features", "bars": "Bars"}
_AUDIT = {"decisions": "Decisions audited", "features": "Features", "clean": "None saw the future"}
_GATES = {"name": "Gate", "passed": "Passed", "figure": "Figure", "missing": "Missing"}
_SHOWN = 20


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
) -> dict[str, Any]:
    """Compute logged features again from the lake, to the bit; audit features for look-ahead.

    Args:
        market: Name of a market file, such as mgc.
        from_day: First trading day of the answers to audit; left out, two weeks back.
        to_day: Last trading day; left out, today.
        mode: live or replay answers.
        as_of: Use only bars known by this time; left out, now.
    """
    at = moment_of(as_of, current_settings().market(market))
    parity = audit_parity(market, from_day, to_day, at, mode)
    lookahead = audit_recent(market, at)
    rollout = look_at_gates(market, at) if mode == "live" else None
    publish(
        f"audit-{market}",
        f"{parity.verdict}; {_seen(lookahead)}",
        _differing(parity),
        table([lookahead], _AUDIT),
        bullets(lookahead["leaks"]),
    )
    if rollout is not None:
        _show_rollout(market, rollout)
    return {"verdict": parity.verdict, "parity": parity.to_json(), "lookahead": lookahead}


def _show_rollout(market: str, rollout: dict[str, Any]) -> None:
    missing = sum(not each["passed"] for each in rollout["gates"])
    publish(
        f"rollout-{market}",
        f"{rollout['market']}: {rollout['stage']}; {missing} gates missing before "
        f"{rollout['next'] or 'nothing more'}",
        table(rollout["gates"], _GATES) if rollout["gates"] else "",
        f"Next: {_to_do(rollout['next_step'])}",
    )


def _seen(lookahead: dict[str, Any]) -> str:
    audited = f"{lookahead['features']} features of {lookahead['decisions']} decisions"
    leaks = len(lookahead["leaks"])
    return f"of {audited}, {leaks or 'none'} {'see' if leaks > 1 else 'sees'} the future"


def _to_do(step: str) -> str:
    return code(step) if step.startswith("orbcast ") else escaped(step)


def _differing(report: ParityReport) -> str:
    odd = [_row(each) for each in report.audited if each.cause != "same"]
    return table(odd[:_SHOWN], _ODD) if odd else ""


def _row(each: Audited) -> dict[str, Any]:
    return {
        "slot": each.slot,
        "role": each.role,
        "cause": each.cause,
        "features": ", ".join(one.feature for one in each.differences[:5]),
        "bars": "; ".join(each.changes[:3]),
    }
