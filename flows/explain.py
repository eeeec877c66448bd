"""Explain: why a slot has its prediction, and the smallest change that would have changed it."""

from __future__ import annotations

from datetime import date

from prefect import flow

from tasks.notices.notify import REPORTED
from tasks.prediction.explanation.artifact import publish_explanation
from tasks.prediction.explanation.explain import ExplainedSlot, explained
from tasks.prediction.slots import latest_slot
from tasks.runs.parameters import MarketName, OpeningRangeName
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings, now


@flow(
    name="explain",
    flow_run_name=run_name("explain {slot}"),
    timeout_seconds=TIME_LIMITS["explain"],
    **REPORTED,
)
def explain(
    market: MarketName = "mgc",
    trading_day: date | None = None,
    opening_range: OpeningRangeName | None = None,
) -> ExplainedSlot:
    """Explain the logged predictions of a slot, gate by gate; nothing is computed again.

    Args:
        market: Name of a market file, such as mgc.
        trading_day: Of the slot; default: that of the slot that closed last.
        opening_range: Name of a range, such as 0900; default: the one that closed last.
    """
    definition = current_settings().market(market)
    latest = latest_slot(definition, now(), opening_range)
    slot = f"{definition.symbol}:{trading_day or latest.trading_day}:{latest.opening_range}"
    explanations = explained(current_settings(), slot)
    publish_explanation(slot, explanations)
    return ExplainedSlot(slot=slot, answers=explanations)
