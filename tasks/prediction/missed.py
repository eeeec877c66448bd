"""Record missed slots: every slot that the calendar expects gets a row, even if `missed`."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from prefect import task

from ml_core.decision.abstain import EXCHANGE_CLOSED, HOLIDAY, MISSED, NO_MODEL, Abstention
from ml_core.decision.decide import abstained
from ml_core.decision.entry import PredictionEntry
from ml_core.decision.slot import Slot
from ml_core.market.definition import MarketDefinition
from ml_core.market.market import Market
from ml_core.market.schedule import NoTradingDaysError, build_schedule
from registry.definitions.markets import remember_definition
from registry.ledger.slots import answered_slots
from tasks.notices.notify import notify
from tasks.prediction.predict import announce
from tasks.prediction.slot_context import bare_context, versions_for
from tasks.prediction.slots import slots_between
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings


@task(name="record what was missed", task_run_name="{market}: missed slots", **RETRIED)
def fill_missed(market: str, at: datetime) -> int:
    """Record live slots that passed without a row and return their number; a repeat adds none.

    The live record begins with the first live entry: no slot before it counts as missed.
    """
    settings = current_settings()
    absent = unanswered(settings, market, at)
    definition = settings.market(market)
    entries = unanswered_entries(settings, definition, _reasons(definition, absent), at)
    if entries:
        remember_definition(settings.database(), MarketDefinition.of(definition), at)
        ledger = settings.ledger()
        ledger.record(entries)
        first, last = absent[0].trading_day, absent[-1].trading_day
        rows = ledger.settled(entries[0].market, first=first, last=last, mode="live")
        announce(entries, [row.prediction for row in rows])
        missed = [entry for entry in entries if entry.reason == MISSED]
        if missed:
            _notify(settings, missed)
    return len(absent)


def _notify(settings: Settings, missed: list[PredictionEntry]) -> None:
    slots = sorted({f"{entry.trading_day}:{entry.opening_range}" for entry in missed})
    symbol = missed[0].market
    notify(
        settings,
        "missed",
        symbol,
        f"missed {symbol} {slots[0]} {slots[-1]}",
        f"{symbol}: {len(slots)} slots were missed",
        f"From {slots[0]} to {slots[-1]} no prediction was made in time: was `orbcast up` "
        "running? They are recorded as missed and count against the rollout's gates.",
    )


def unanswered_entries(
    settings: Settings, market: Market, reasons: dict[Slot, str], made_at: datetime
) -> list[PredictionEntry]:
    """Return entries for live slots that passed without a row, each with its typed reason."""
    if not reasons:
        return []
    versions = versions_for(settings, market.symbol, made_at)
    entries = []
    for slot, reason in reasons.items():
        context = bare_context(settings, market, slot, made_at, "live")
        entries += [abstained(context, version, Abstention(reason)) for version in versions] or [
            abstained(context, None, Abstention(NO_MODEL))
        ]
    return entries


def unanswered(settings: Settings, market: str, at: datetime) -> tuple[Slot, ...]:
    """Return live slots since the first live entry that passed their deadline without a row."""
    definition = settings.market(market)
    answered = answered_slots(settings.database(), definition.symbol, "live")
    if answered is None:
        return ()
    deadline = at - timedelta(minutes=settings.missed_after_minutes)
    last = at.astimezone(ZoneInfo(definition.zone)).date() + timedelta(days=1)
    return tuple(
        slot
        for slot in slots_between(definition, answered.first_day, last)
        if answered.begun < slot.decision < deadline and slot.key not in answered.slots
    )


def _reasons(market: Market, slots: tuple[Slot, ...]) -> dict[Slot, str]:
    """Return each slot's reason for having no prediction: closed by the calendar, or missed."""
    if not slots:
        return {}
    try:
        schedule = build_schedule(market, slots[0].trading_day, slots[-1].trading_day)
    except NoTradingDaysError:
        return dict.fromkeys(slots, HOLIDAY)
    rows = {day.item(): row for row, day in enumerate(schedule.days)}
    reasons: dict[Slot, str] = {}
    for slot in slots:
        row = rows.get(slot.trading_day)
        if row is None:
            reasons[slot] = HOLIDAY
        elif schedule.open[row, market.range_index(slot.opening_range)]:
            reasons[slot] = MISSED
        else:
            reasons[slot] = EXCHANGE_CLOSED
    return reasons
