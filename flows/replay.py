"""Replay: past days through the same code as a live day, with the clock as a parameter."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

from prefect import flow

from monitoring.performance import over
from tasks.health.performance import champion_days
from tasks.notices.notify import REPORTED
from tasks.prediction.outcomes.settling import measure, settle
from tasks.prediction.prediction_artifact import publish_replay
from tasks.prediction.replay import Replay, replay_days
from tasks.runs.artifacts import progress
from tasks.runs.heavy_work import heavy_work
from tasks.runs.parameters import MarketName
from tasks.runs.periods import require_past, require_period
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings, now


@flow(
    name="replay",
    flow_run_name=run_name("{symbol} replay {period}"),
    timeout_seconds=TIME_LIMITS["replay"],
    **REPORTED,
)
def replay(
    market: MarketName = "mgc", from_day: date | None = None, to_day: date | None = None
) -> Replay:
    """Predict every slot of past days as of its time, settle the slots, and report the results.

    Replays are marked as such and count for no gate. The versions that serve today predict; their
    results on days they were trained on show nothing.

    Args:
        market: Name of a market file, such as mgc.
        from_day: First trading day; default: ninety days before the last.
        to_day: Last trading day; default: the one before today.
    """
    last = to_day or now().date() - timedelta(days=1)
    first = from_day or last - timedelta(days=90)
    require_past(last, now().date())
    require_period(first, last)
    words = f"replay {market} {first} to {last}"
    with heavy_work(current_settings()):
        replayed = replay_days(market, first, last, progress(f"replay-{market}-progress", words))
        settle(market, now())
    measure(market, now())
    figures = [row for row in champion_days(market, "replay", first=first) if row.day <= last]
    period = over(figures)
    publish_replay(market, replayed, period, figures)
    return dataclasses.replace(replayed, verdict=period.verdict)
