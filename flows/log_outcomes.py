"""Outcomes: settle what can be settled, and say how the predictions did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow

from monitoring.performance import ALL
from tasks.artifacts import publish, table
from tasks.breaker import check_breaker
from tasks.missed import fill_missed
from tasks.outcomes import measure, settle
from tasks.settings import now, settings
from tasks.slots import in_zone

_SHOWN = {
    "day": "Day",
    "mode": "Mode",
    "role": "Role",
    "breaks": "Breaks",
    "open": "Open",
    "model_accuracy": "Accuracy",
    "baseline_accuracy": "Corridor's",
    "model_log_loss": "Log loss",
    "baseline_log_loss": "Corridor's",
    "taken_r_net": "Net R taken",
}
_DAYS_SHOWN = 14


@flow(name="log-outcomes")
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
    figures = measure(market, at)
    breaker = None if as_of else check_breaker(market, at)
    verdict = (
        f"{counts['symbol']}: {counts['added']} outcomes added, {counts['revised']} revised, "
        f"{counts['open']} still open"
    )
    if missed:
        verdict += f"; {missed} slots that nobody had answered were recorded"
    if breaker is not None and breaker["state"] != "closed":
        verdict += f"; breaker {breaker['state']}: {breaker['cause']}, {breaker['detail']}"
    days = [
        {"day": each["day"], "mode": each["mode"], "role": each["role"], **each["figures"]}
        for each in figures
        if each["opening_range"] == ALL
    ]
    publish(f"outcomes-{market}", verdict, table(days[-_DAYS_SHOWN:], _SHOWN))
    return {**counts, "missed": missed, "breaker": breaker, "verdict": verdict}
