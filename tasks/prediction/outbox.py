"""The outbox: which order intents may still be acted on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from registry.strategy import OrderIntent, order_intents
from tasks.health.breaker import breaker_of
from tasks.rollout.stage import stage_of
from tasks.settings import Settings


def outbox(
    settings: Settings, symbol: str, at: datetime, since: datetime | None = None
) -> list[dict[str, Any]]:
    """Return a market's intents as plain values, oldest first.

    ``in_force`` tells whether an intent may be acted on at the time asked, and ``why_not``, if it
    may not, why: what held when it was written may hold no more.

    Parameters
    ----------
    settings, symbol
        Whose.
    at
        Aware time, now.
    since
        Those written since then; all when left out.
    """
    intents = order_intents(settings.database(), symbol, since=since)
    if not intents:
        return []
    breaker = breaker_of(settings, symbol, at)
    stage, position = stage_of(settings, symbol, at)
    general = ""
    if not breaker.closed:
        general = f"the circuit breaker is {breaker.state.replace('_', ' ')}: {breaker.cause}"
    elif stage != "auto":
        general = f"the stage is {stage} now"
    return [_outbox_row(intent, at, general, position.bound_to) for intent in intents]


def _outbox_row(
    intent: OrderIntent, at: datetime, general: str, approved: str | None
) -> dict[str, Any]:
    why_not = general
    if at >= intent.expires_at:
        why_not = "it has expired"
    elif not why_not and intent.bound_to != approved:
        why_not = "it was written under another approval"
    return {
        "slot": f"{intent.market}:{intent.trading_day}:{intent.opening_range}",
        "market": intent.market,
        "trading_day": intent.trading_day.isoformat(),
        "opening_range": intent.opening_range,
        "at": intent.at.isoformat(),
        "expires_at": intent.expires_at.isoformat(),
        "in_force": not why_not,
        "why_not": why_not or None,
        "version": intent.version,
        "rules": intent.rules_hash,
        "approved_for": intent.bound_to,
        **intent.order,
    }
