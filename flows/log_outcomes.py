"""Outcomes: settle every slot that can be settled, and report how the predictions did."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from ml_core.json_values import field_values
from monitoring.performance import over
from tasks.health.breaker_check import check_breaker
from tasks.health.early_warning import warn_early
from tasks.health.outcomes_artifact import (
    OutcomesResult,
    counts_in_words,
    is_latest_state,
    publish_outcomes,
    state_words,
)
from tasks.health.performance import champion_days
from tasks.health.prometheus_figures import write_figures
from tasks.health.serving_check import check_serving
from tasks.messages.send_day import send_due
from tasks.notices.heartbeat import send_heartbeat
from tasks.notices.notify import REPORTED, send_waiting
from tasks.paper.update import update_outbox, update_paper
from tasks.prediction.missed import fill_missed
from tasks.prediction.outcomes.settling import measure, settle
from tasks.rollout.checks import check_rollout
from tasks.runs.parameters import MarketName
from tasks.runs.periods import moment_of
from tasks.runs.recovery.restarts import by_itself
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings


@flow(
    name="log-outcomes",
    flow_run_name=run_name("{symbol} outcomes {day} {time}"),
    timeout_seconds=TIME_LIMITS["log-outcomes"],
    **REPORTED,
)
def log_outcomes(market: MarketName = "mgc", as_of: datetime | None = None) -> OutcomesResult:
    """Append the outcomes of predicted slots and update the daily figures.

    Live slots without a prediction in time are recorded as missed, so that the ledger has a row
    for every slot the calendar expects.

    Args:
        market: Name of a market file, such as mgc.
        as_of: Use only bars known by this time; default: now.
    """
    at = moment_of(as_of, current_settings().market(market))
    # only the real clock can show that a live prediction was missed
    missed = 0 if as_of else fill_missed(market, at)
    counts = settle(market, at)
    measure(market, at)
    live = champion_days(market, "live")
    warned = None if as_of else warn_early(market, at)
    breaker = None if as_of else check_breaker(market, at)
    rollout = None if as_of else check_rollout(market, at)
    if not as_of:
        check_serving(market, at)
        update_outbox(market, at)
        update_paper(market, at)
        send_due(market, at, live)
        send_waiting()
    period = over(live)
    standing = state_words(breaker, rollout)
    verdict = counts_in_words(counts, missed) + standing
    new = missed or counts.added or counts.revised or (warned is not None and warned.made)
    # it runs every quarter of an hour; a run without news keeps the last artifact that had some
    if new or not by_itself() or not is_latest_state(market, standing):
        publish_outcomes(market, verdict, live, warned.warnings if warned else ())
    if not as_of:
        write_figures(current_settings(), market, at)
        send_heartbeat(current_settings())
    return OutcomesResult(
        **field_values(counts),
        verdict=verdict,
        missed=missed,
        performance=period.verdict,
        breaker=breaker,
        rollout=rollout,
        early_warning=warned,
    )
