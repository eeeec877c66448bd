"""Outcomes: settle what can be settled, and say how the predictions did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from prefect import flow

from monitoring.performance import DailyRow, Period, over, whole_days
from tasks.health.breaker_check import check_breaker
from tasks.health.early_warning import warn_early
from tasks.health.performance_artifact import last_days, plots_of_record, scores_of
from tasks.notices.notify import REPORTED, bring_waiting
from tasks.prediction.missed import fill_missed
from tasks.prediction.outcomes import measure, settle
from tasks.rollout.checks import check_rollout
from tasks.runs.artifacts import bullets, last_verdict, publish
from tasks.runs.parameters import MarketName
from tasks.runs.periods import moment_of
from tasks.runs.recovery import by_itself
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings


@flow(
    name="log-outcomes",
    flow_run_name=run_name("{symbol} outcomes {day} {time}"),
    timeout_seconds=TIME_LIMITS["log-outcomes"],
    **REPORTED,
)
def log_outcomes(market: MarketName = "mgc", as_of: datetime | None = None) -> dict[str, Any]:
    """Append the outcomes of predicted slots and bring the daily figures up to them.

    Live slots that nobody answered in time are recorded as missed, so that the ledger has a row
    for every slot the calendar expects.

    Args:
        market: Name of a market file, such as mgc.
        as_of: Use only bars known by this time; left out, now.
    """
    at = moment_of(as_of, current_settings().market(market))
    # only the clock can say that a live prediction was missed
    missed = 0 if as_of else fill_missed(market, at)
    counts = settle(market, at)
    figures = whole_days(measure(market, at))
    warned = None if as_of else warn_early(market, at)
    breaker = None if as_of else check_breaker(market, at)
    rollout = None if as_of else check_rollout(market, at)
    if not as_of:
        bring_waiting()
    live = [each for each in figures if each["mode"] == "live" and each["role"] == "champion"]
    period = over(live)
    standing = _standing(breaker, rollout)
    verdict = _counted(counts, missed) + standing
    new = missed or counts["added"] or counts["revised"] or (warned and warned["made"])
    # every quarter of an hour, for weeks: a run that has nothing new leaves the last that had
    if new or not by_itself() or not _stands(market, standing):
        _show(market, verdict, live, _remarks(period, warned["warnings"] if warned else ()))
    return {
        **counts,
        "missed": missed,
        "breaker": breaker,
        "rollout": rollout,
        "performance": period.verdict,
        "early_warning": warned,
        "verdict": verdict,
    }


def _show(market: str, verdict: str, live: Sequence[DailyRow], remarks: list[str]) -> None:
    publish(
        f"outcomes-{market}",
        verdict,
        bullets(remarks),
        *scores_of(over(live)),
        *plots_of_record(live),
        last_days(live),
    )


def _counted(counts: dict[str, Any], missed: int) -> str:
    told = (
        f"{counts['symbol']}: {counts['added']} outcomes added, {counts['revised']} revised, "
        f"{counts['open']} still open"
    )
    if missed:
        told += f"; {missed} slots that nobody had answered were recorded"
    return told


def _standing(breaker: dict[str, Any] | None, rollout: dict[str, Any] | None) -> str:
    told = ""
    if breaker is not None:
        told += f"; breaker {breaker['state']}"
        if breaker["state"] != "closed":
            told += f": {breaker['cause']}, {breaker['detail']}"
    if rollout and rollout["stepped_down"]:
        told += f"; stepped down to {rollout['stage']}: {rollout['stepped_down']}"
    return told


def _stands(market: str, standing: str) -> bool:
    last = last_verdict(f"outcomes-{market}")
    return last is not None and last.endswith(standing)


def _remarks(period: Period, warnings: Sequence[str]) -> list[str]:
    """Return how the live champion does, and what of its record was late or revised."""
    counts = period.counts
    told = [f"Champion, {period.verdict}"]
    if counts["late"] or counts["revised"] or counts["late_outcomes"]:
        told.append(
            f"{counts['late']} answers came late and are not scored; {counts['revised']} outcomes "
            f"were revised since, {counts['late_outcomes']} were recorded late"
        )
    return [*told, *(f"Early warning, {each}" for each in warnings)]
