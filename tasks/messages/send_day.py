"""Messages of the trading day: breaks, settlements, digests of day and week, a new champion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from prefect import task

from ml_core.health.daily_sums import PerformanceRecord
from ml_core.strategy.trades import day_so_far
from monitoring.messages.digest import champion_message, day_message, week_message
from monitoring.messages.facts import ChampionFacts, DayFacts, RangeOfDigest, WeekFacts
from monitoring.messages.words import BREAKS
from monitoring.notices import NOTICE_LIFETIME
from monitoring.performance import over
from registry.models.versions import CHAMPION
from registry.notices import is_kept
from tasks.data.ingest import announce_bars, read_source
from tasks.data.source_kinds import source_class
from tasks.data.standing_sources import standing_source
from tasks.messages.followed_days import FollowedDays, FollowedSlot, followed_days
from tasks.messages.send_slot import NOT_SENT, name_of, send_break, send_result
from tasks.messages.slot_facts import OUTCOMES
from tasks.notices.delivery import quietly
from tasks.notices.notify import notify
from tasks.prediction.day_outlook import expected_ranges
from tasks.prediction.slots import trading_day_at
from tasks.rollout.stage import stage_of
from tasks.settings import Settings, current_settings

_DAYS_BACK = timedelta(days=3)
"""At most a weekend lies between a day and its digest."""


@task(name="send breaks", task_run_name="{market}: breaks")
def send_breaks(market: str, at: datetime) -> int:
    """Send a message for each forecast range that broke; return how many. Nothing is raised.

    The source is read only while a forecast range waits for its break.
    """
    with quietly(f"{market}: messages of breaks were not sent"):
        settings = current_settings()
        day = trading_day_at(settings.market(market), at)
        if not _awaits_break(settings, market, day):
            return 0
        with quietly(f"{market}: its bars could not be refreshed"):
            _refresh(settings, market, at)
        days = followed_days(settings, market, day - timedelta(days=1), day, at)
        return sum(send_break(settings, days, slot, at) for slot in days.slots)
    return 0


@task(name="send the day", task_run_name="{market}: send the day")
def send_due(market: str, at: datetime, figures: Sequence[PerformanceRecord]) -> int:
    """Send the messages that have become due; return how many. Nothing is raised.

    Parameters
    ----------
    market
        Name of a market file.
    at
        Aware time, now.
    figures
        Figures of the live champion, for whole days.
    """
    count = 0
    with quietly(f"{market}: messages of the trading day were not sent"):
        settings = current_settings()
        day = trading_day_at(settings.market(market), at)
        days = followed_days(settings, market, day - _DAYS_BACK, day, at)
        for slot in days.slots:
            count += send_break(settings, days, slot, at) + send_result(settings, days, slot, at)
        for past in sorted({slot.entry.trading_day for slot in days.slots}):
            if _is_over(days, past, day):
                count += _send_digest(settings, days, past, figures, at)
                count += _send_weekly_digest(settings, market, days, past, figures, at)
        count += _send_champion(settings, days, at)
    return count


def _awaits_break(settings: Settings, market: str, day: date) -> bool:
    symbol = settings.market(market).symbol
    rows = settings.ledger().settled(symbol, first=day - timedelta(days=1), last=day, mode="live")
    return any(
        row.prediction.role == "champion"
        and row.prediction.status == "predicted"
        and row.outcome is None
        and not is_kept(settings.database(), name_of("break", symbol, row.prediction))
        for row in rows
    )


def _refresh(settings: Settings, market: str, at: datetime) -> None:
    spec = standing_source(settings.sources_file, market)
    if spec is not None and source_class(spec.kind).is_live:
        announce_bars(market, [read_source(market, None, at, full=False)])


def _is_over(days: FollowedDays, day: date, today: date) -> bool:
    """Return whether a day's slots are all settled, or the day is too long ago to wait for."""
    own = [slot for slot in days.slots if slot.entry.trading_day == day]
    begun = min(slot.entry.decision_time for slot in own)
    have = {slot.entry.opening_range for slot in own}
    expected = {
        opening.opening_range
        for _, opening in expected_ranges(days.market, day, day)
        if opening.decision >= begun
    }
    is_settled = all(slot.is_settled for slot in own)
    return (expected <= have and is_settled) or today > day + timedelta(days=1)


def _send_digest(
    settings: Settings,
    days: FollowedDays,
    day: date,
    figures: Sequence[PerformanceRecord],
    at: datetime,
) -> bool:
    own = [slot for slot in days.slots if slot.entry.trading_day == day]
    if all(slot.entry.reason in NOT_SENT for slot in own):
        return False
    so_far, symbol = day_so_far(days.taken, day, at), days.market.symbol
    message = day_message(
        DayFacts(
            symbol=symbol,
            trading_day=day,
            stage=days.stage,
            ranges=[_of_digest(slot) for slot in own],
            trades=so_far.trades,
            net_r=so_far.net_r,
            period=over(row for row in figures if row.day == day),
            record=over(figures),
        )
    )
    return notify(settings, "day", symbol, f"day {symbol} {day}", message.subject, message.body)


def _of_digest(slot: FollowedSlot) -> RangeOfDigest:
    """Return a range's line of the digest, by the rules' trade."""
    entry, traded = slot.entry, slot.traded
    settled = traded if traded is not None and traded.resolved_at is not None else None
    direction = None if settled is None else BREAKS[settled.side] if settled.side else "NONE"
    ended = settled.prices.reason if settled and settled.prices else ""
    return RangeOfDigest(
        opening_range=entry.opening_range,
        p_up=entry.p_up,
        baseline_p_up=entry.baseline_p_up,
        why_none=entry.reason,
        direction=direction,
        outcome=OUTCOMES.get(ended),
        r_net=settled.r_net if settled else None,
        size=slot.taken.size if slot.taken else 0.0,
    )


def _send_weekly_digest(
    settings: Settings,
    market: str,
    days: FollowedDays,
    day: date,
    figures: Sequence[PerformanceRecord],
    at: datetime,
) -> bool:
    """Send the digest of a week once, when its last trading day is over."""
    monday = day - timedelta(days=day.weekday())
    expected = [on for on, _ in expected_ranges(days.market, monday, monday + timedelta(days=6))]
    symbol = days.market.symbol
    key = f"week {symbol} {monday}"
    if not expected or day != max(expected) or is_kept(settings.database(), key):
        return False
    week = followed_days(settings, market, monday, day, at)
    so_far = [(on, day_so_far(week.taken, on, at)) for on in sorted(set(expected))]
    message = week_message(
        WeekFacts(
            symbol=symbol,
            first_day=min(expected),
            last_day=day,
            stage=days.stage,
            days=[(on, trades.trades, trades.net_r) for on, trades in so_far],
            period=over(row for row in figures if monday <= row.day <= day),
            record=over(figures),
        )
    )
    return notify(settings, "week", symbol, key, message.subject, message.body)


def _send_champion(settings: Settings, days: FollowedDays, at: datetime) -> int:
    """Send a message for each recent change of champion; the first champion replaces none."""
    symbol, models = days.market.symbol, settings.models()
    history, count = models.history(symbol, CHAMPION), 0
    for before, change in pairwise(history):
        if at - change.at >= NOTICE_LIFETIME:
            continue
        message = champion_message(
            ChampionFacts(
                symbol=symbol,
                stage=stage_of(settings, symbol, at)[0],
                model=models.find(symbol, change.version).model,
                version=change.version,
                before=before.version,
                by=change.by,
                reason=change.reason,
                at=change.at,
            )
        )
        key = f"champion {symbol} {change.version} {change.at.isoformat()}"
        count += notify(settings, "champion", symbol, key, message.subject, message.body)
    return count
