"""The outbox: which order intents may still be acted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ml_core.decision.plan_record import OrderIntent
from ml_core.json_values import BESIDE
from registry.strategy import order_intents
from tasks.health.breaker import breaker_of
from tasks.rollout.stage import stage_of
from tasks.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An order intent as the outbox shows it at a time.

    ``in_force`` tells whether it may be acted on then, and ``why_not``, if it may not, why: what
    held when it was written may hold no more. ``order`` is what may be ordered, as
    :func:`ml_core.strategy.order_intent.planned_order` has it.
    """

    slot: str
    market: str
    trading_day: date
    opening_range: str
    at: datetime
    expires_at: datetime
    in_force: bool
    why_not: str | None
    version: str
    rules: str
    approved_for: str
    order: Mapping[str, Any] = field(metadata=BESIDE)


def outbox(
    settings: Settings, symbol: str, at: datetime, since: datetime | None = None
) -> list[Outgoing]:
    """Return a market's intents, oldest first.

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


def _outbox_row(intent: OrderIntent, at: datetime, general: str, approved: str | None) -> Outgoing:
    why_not = general
    if at >= intent.expires_at:
        why_not = "it has expired"
    elif not why_not and intent.bound_to != approved:
        why_not = "it was written under another approval"
    return Outgoing(
        slot=f"{intent.market}:{intent.trading_day}:{intent.opening_range}",
        market=intent.market,
        trading_day=intent.trading_day,
        opening_range=intent.opening_range,
        at=intent.at,
        expires_at=intent.expires_at,
        in_force=not why_not,
        why_not=why_not or None,
        version=intent.version,
        rules=intent.rules_hash,
        approved_for=intent.bound_to,
        order=intent.order,
    )
