"""Slots nobody answered: each one the calendar expects has a row, if only to say `missed`."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from prefect import task

from tasks.decision import answers
from tasks.retrying import RETRIED
from tasks.settings import Settings, settings
from tasks.slots import Slot, slots_between


@task(name="record what was missed", **RETRIED)
def fill_missed(market: str, at: datetime) -> int:
    """Record live slots that went by unanswered; give how many. Twice adds nothing.

    The live record begins with the first live answer: before it nothing was promised.
    """
    where = settings()
    absent = unanswered(where, market, at)
    known = where.market(market)
    entries = [entry for slot in absent for entry in answers(where, known, slot, at, "live")]
    if entries:
        where.ledger().record(entries)
    return len(absent)


def unanswered(where: Settings, market: str, at: datetime) -> tuple[Slot, ...]:
    """Give the live slots past their deadline, since the first live answer, that have no row."""
    known = where.market(market)
    rows = [each.prediction for each in where.ledger().settled(known.symbol, mode="live")]
    if not rows:
        return ()
    have = {(each.trading_day, each.opening_range) for each in rows}
    deadline = at - timedelta(minutes=where.missed_after_minutes)
    last = at.astimezone(ZoneInfo(known.zone)).date() + timedelta(days=1)
    begun = min(each.decision_time for each in rows)
    return tuple(
        slot
        for slot in slots_between(known, rows[0].trading_day, last)
        if begun < slot.decision < deadline and (slot.trading_day, slot.opening_range) not in have
    )
