"""Outcomes: settle what can be settled, and say how the predictions did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from prefect import flow

from monitoring.performance import Period, day_figures, over, whole_days
from tasks.artifacts import bullets, publish, table
from tasks.breaker import check_breaker
from tasks.early_warning import warn_early
from tasks.missed import fill_missed
from tasks.notices import REPORTED, bring_waiting
from tasks.outcomes import measure, settle
from tasks.rollout import check_rollout
from tasks.settings import now, settings
from tasks.slots import in_zone

_SHOWN = {
    "day": "Day",
    "mode": "Mode",
    "role": "Role",
    "breaks": "Breaks",
    "open": "Open",
    "revised": "Revised",
    "model_accuracy": "Accuracy",
    "corridor_accuracy": "Corridor's",
    "model_log_loss": "Log loss",
    "corridor_log_loss": "Corridor's",
    "taken_r_net": "Net R taken",
}
_DAYS_SHOWN = 14


@flow(name="log-outcomes", **REPORTED)
def log_outcomes(market: str = "mgc", as_of: datetime | None = None) -> dict[str, Any]:
    """Append the outcomes of predicted slots and bring the daily figures up to them.

    Live slots that nobody answered in time are recorded as missed, so that the ledger has a row
    for every slot the calendar expects.

    Args:
        market: Name of a market file, such as mgc.
        as_of: Use only bars known by this time; left out, now.
    """
    at = in_zone(as_of, settings().market(market)) if as_of else now()
    # only the clock can say that a live prediction was missed
    missed = 0 if as_of else fill_missed(market, at)
    counts = settle(market, at)
    figures = whole_days(measure(market, at))
    warned = None if as_of else warn_early(market, at)
    breaker = None if as_of else check_breaker(market, at)
    rollout = None if as_of else check_rollout(market, at)
    if not as_of:
        bring_waiting()
    period = over(
        each for each in figures if each["mode"] == "live" and each["role"] == "champion"
    )
    verdict = _verdict(counts, missed, breaker)
    if rollout and rollout["stepped_down"]:
        verdict += f"; stepped down to {rollout['stage']}: {rollout['stepped_down']}"
    publish(
        f"outcomes-{market}",
        verdict,
        bullets(_remarks(period, warned["warnings"] if warned else ())),
        table([day_figures(each) for each in figures[-_DAYS_SHOWN:]], _SHOWN),
    )
    return {
        **counts,
        "missed": missed,
        "breaker": breaker,
        "rollout": rollout,
        "performance": period.verdict,
        "early_warning": warned,
        "verdict": verdict,
    }


def _verdict(counts: dict[str, Any], missed: int, breaker: dict[str, Any] | None) -> str:
    told = (
        f"{counts['symbol']}: {counts['added']} outcomes added, {counts['revised']} revised, "
        f"{counts['open']} still open"
    )
    if missed:
        told += f"; {missed} slots that nobody had answered were recorded"
    if breaker is not None and breaker["state"] != "closed":
        told += f"; breaker {breaker['state']}: {breaker['cause']}, {breaker['detail']}"
    return told


def _remarks(period: Period, warnings: Sequence[str]) -> list[str]:
    """Say how the live champion does, and what of its record was late or revised."""
    counts = period.counts
    told = [f"Champion, {period.verdict}"]
    if counts["late"] or counts["revised"] or counts["late_outcomes"]:
        told.append(
            f"{counts['late']} answers came late and are not scored; {counts['revised']} outcomes "
            f"were revised since, {counts['late_outcomes']} were recorded late"
        )
    return [*told, *(f"Early warning, {each}" for each in warnings)]
