"""A slot's messages: its forecast, its break and its result, each sent once."""

from __future__ import annotations

from datetime import datetime, timedelta

from prefect import task

from ml_core.decision.entry import PredictionEntry
from ml_core.decision.slot import Slot
from ml_core.strategy.bracket import Bracket
from monitoring.channel_rules import notice_lifetime
from monitoring.messages.facts import Message
from monitoring.messages.forecast import forecast_message
from monitoring.messages.trade import break_message, settled_message
from registry.notices import is_kept
from tasks.messages.followed_days import FollowedDays, FollowedSlot, followed_days
from tasks.messages.slot_facts import (
    by_break,
    forecast_facts,
    picture,
    settled_facts,
    trade_facts,
)
from tasks.notices.delivery import quietly
from tasks.notices.notify import notify
from tasks.settings import Settings, current_settings, now

SETTLED_WORTH = timedelta(days=1)
"""How long after settlement a result is sent: last month's, from a late feed, is not."""

NOT_SENT = frozenset({"holiday", "exchange_closed", "missed", "off"})
"""Reasons for no forecast that need no message, or that another message reports."""


@task(name="send the forecast", task_run_name="send {slot.title}")
def send_forecast(market: str, slot: Slot) -> bool:
    """Send a live forecast once; return whether it was sent now. Nothing is raised."""
    with quietly(f"{slot}: the forecast was not sent"):
        settings, at = current_settings(), now()
        if at - slot.decision >= notice_lifetime("forecast"):
            return False
        if is_kept(settings.database(), name_of("forecast", slot.symbol, slot)):
            return False
        days = followed_days(settings, market, slot.trading_day, slot.trading_day, at)
        return any(
            _send_forecast(settings, days, own) for own in days.slots if own.key == slot.key
        )
    return False


def send_break(settings: Settings, days: FollowedDays, slot: FollowedSlot, at: datetime) -> bool:
    """Send a break once, while its trade is open; return whether it was sent now."""
    facts = trade_facts(days, slot)
    if facts is None or slot.entry.status != "predicted" or slot.traded is None:
        return False
    is_over = slot.traded.resolved_at is not None
    if is_over or at - facts.broke >= notice_lifetime("break"):
        return False
    message = break_message(facts)
    return _send(settings, days, slot, "break", "", message, {"": facts.bracket})


def send_result(settings: Settings, days: FollowedDays, slot: FollowedSlot, at: datetime) -> bool:
    """Send a slot's result, again if a revised bar changed it; return whether it was sent now."""
    if slot.outcome is None or slot.entry.status != "predicted":
        return False
    facts = settled_facts(days, slot)
    if facts is None or at - facts.resolved >= SETTLED_WORTH:
        return False
    what = f" {slot.outcome.direction} {facts.outcome or '-'}"
    brackets = {"": facts.trade.bracket} if facts.trade else {}
    return _send(settings, days, slot, "settled", what, settled_message(facts), brackets)


def _send_forecast(settings: Settings, days: FollowedDays, slot: FollowedSlot) -> bool:
    if slot.entry.reason in NOT_SENT:
        return False
    facts = forecast_facts(days, slot)
    message = forecast_message(facts)
    return _send(settings, days, slot, "forecast", "", message, by_break(facts.brackets))


def _send(
    settings: Settings,
    days: FollowedDays,
    slot: FollowedSlot,
    kind: str,
    what: str,
    message: Message,
    brackets: dict[str, Bracket],
) -> bool:
    symbol = slot.entry.market
    return notify(
        settings,
        kind,
        symbol,
        f"{name_of(kind, symbol, slot.entry)}{what}",
        message.subject,
        message.body,
        draw=lambda: picture(days, slot, message.subject, brackets),
    )


def name_of(kind: str, symbol: str, slot: Slot | PredictionEntry) -> str:
    """Return the name of a slot's notice of a kind."""
    return f"{kind} {symbol} {slot.trading_day} {slot.opening_range}"
