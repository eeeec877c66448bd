"""The outbox: which order intents may still be acted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, cast

from ml_core.decision.plan_record import IntentChange, IntentEvent, OrderIntent, SlotKey
from ml_core.json_values import INLINE
from ml_core.market.market import Market
from ml_core.paper.order_terms import ResizedOrder, resize_order
from registry.strategy import intent_events, order_intents, record_intent_event
from tasks.health.breaker import breaker_of
from tasks.prediction.account_now import account_standing, followed_plans
from tasks.prediction.slots import trading_day_at
from tasks.rollout.stage import stage_of
from tasks.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An order intent as the outbox shows it at a time.

    ``in_force`` is whether it may be acted on then, and ``why_not`` is the reason if it may not:
    the conditions may have changed since it was written. It may be entered from ``in_force_from``
    until ``in_force_until``; ``event`` is its latest :class:`IntentEvent`. ``order`` is what may
    be ordered, as :func:`ml_core.strategy.order_intent.planned_order` returns it, or as it was
    replaced.
    """

    slot: str
    market: str
    trading_day: date
    opening_range: str
    at: datetime
    expires_at: datetime
    in_force_from: datetime
    in_force_until: datetime
    in_force: bool
    why_not: str | None
    event: IntentChange
    version: str
    rules: str
    approved_for: str
    order: Mapping[str, Any] = field(metadata=INLINE)


def outbox(
    settings: Settings, symbol: str, at: datetime, since: datetime | None = None
) -> list[Outgoing]:
    """Return a market's intents, oldest first.

    Parameters
    ----------
    settings, symbol
        The installation, and the market's symbol.
    at
        Aware time, now.
    since
        Only intents written since then; all if left out.
    """
    intents = order_intents(settings.database(), symbol, since=since)
    if not intents:
        return []
    general, approved = _standing_reason(settings, symbol, at)
    last = {event.key: event for event in intent_events(settings.database(), symbol)}
    return [_outbox_row(intent, at, general, approved, last.get(intent.key)) for intent in intents]


def review_outbox(settings: Settings, name: str, at: datetime) -> tuple[IntentEvent, ...]:
    """Record what became of a market's intents that were in force; return the new events.

    An intent that may no longer be acted on is withdrawn for good; one whose time is over expires.
    If the account that it was sized for now has room for another number of contracts, as after a
    losing trade, it is replaced, never by more contracts than it began with; without room for any
    it is withdrawn. An intent whose range has broken in the bars is not resized.

    Parameters
    ----------
    settings, name
        The installation, and the name of a market file.
    at
        Aware time, now.
    """
    market = settings.market(name)
    database, symbol = settings.database(), market.symbol
    last = {event.key: event for event in intent_events(database, symbol)}
    standing = [event for event in last.values() if not event.is_over]
    if not standing:
        return ()
    general, approved = _standing_reason(settings, symbol, at)
    intents = {intent.key: intent for intent in order_intents(database, symbol)}
    resized = _resized(settings, market, standing, intents, at)
    new = []
    for event in standing:
        change, reason, order = "", "", dict[str, Any]()
        if at >= event.in_force_until:
            change, reason = "expired", "its time for an entry is over"
        elif why := _why_not(intents[event.key], at, general, approved):
            change, reason = "withdrawn", why
        elif event.key in resized:
            reason, order = resized[event.key].reason, resized[event.key].order
            change = "replaced" if order else "withdrawn"
        if change:
            changed = replace(
                event,
                sequence=event.sequence + 1,
                event=cast("IntentChange", change),
                reason=reason,
                order=order,
                at=at,
            )
            if record_intent_event(database, changed):
                new.append(changed)
    return tuple(new)


def _resized(
    settings: Settings,
    market: Market,
    standing: Sequence[IntentEvent],
    intents: Mapping[SlotKey, OrderIntent],
    at: datetime,
) -> dict[SlotKey, ResizedOrder]:
    """Return the orders that the account would now size differently."""
    with_account = [event for event in standing if "account" in event.order]
    if not with_account:
        return {}
    _, taken = followed_plans(settings, market, "live", at, first=None)
    account = account_standing(settings, market, "live", at, taken)
    if account is None:
        return {}
    broken = {one.slot.key for one in taken if one.slot.entered_at is not None}
    now = account.on(trading_day_at(market, at))
    resized = {}
    for event in with_account:
        if event.key in broken:
            continue
        first_order = intents[event.key].order
        fits = resize_order(event.order, first_order, now, market.instrument)
        if fits.order != event.order:
            resized[event.key] = fits
    return resized


def _standing_reason(settings: Settings, symbol: str, at: datetime) -> tuple[str, str | None]:
    """Return why no intent of a market may be acted on, if so, and the current approval."""
    breaker = breaker_of(settings, symbol, at)
    stage, position = stage_of(settings, symbol, at)
    general = ""
    if not breaker.closed:
        general = f"the circuit breaker is {breaker.state.replace('_', ' ')}: {breaker.cause}"
    elif stage != "auto":
        general = f"the stage is {stage} now"
    return general, position.bound_to


def _why_not(intent: OrderIntent, at: datetime, general: str, approved: str | None) -> str:
    if at >= intent.expires_at:
        return "it has expired"
    if not general and intent.bound_to != approved:
        return "it was written under another approval"
    return general


def _outbox_row(
    intent: OrderIntent,
    at: datetime,
    general: str,
    approved: str | None,
    last: IntentEvent | None = None,
) -> Outgoing:
    why_not = _why_not(intent, at, general, approved)
    if not why_not and last is not None and last.is_over:
        why_not = f"{last.event}: {last.reason}"
    return Outgoing(
        slot=f"{intent.market}:{intent.trading_day}:{intent.opening_range}",
        market=intent.market,
        trading_day=intent.trading_day,
        opening_range=intent.opening_range,
        at=intent.at,
        expires_at=intent.expires_at,
        in_force_from=intent.at,
        in_force_until=intent.in_force_until,
        in_force=not why_not,
        why_not=why_not or None,
        event="issued" if last is None else last.event,
        version=intent.version,
        rules=intent.rules_hash,
        approved_for=intent.bound_to,
        order=last.order if last is not None and last.order else intent.order,
    )
