"""The facts that a slot's messages are written from, and its picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np

from ml_core.array_rows import take_rows
from ml_core.decision.plan_record import SlotKey
from ml_core.market.instrument import Instrument
from ml_core.market.news import coming_news
from ml_core.market.schedule import to_minute
from ml_core.strategy.bracket import Bracket, planned_bracket
from ml_core.strategy.rules import SIDES, Side
from ml_core.strategy.trades import TradedSlot, day_so_far
from monitoring import pages
from monitoring.messages.facts import (
    ForecastFacts,
    PlanFacts,
    RangeFacts,
    SettledFacts,
    TradeFacts,
)
from monitoring.messages.words import BREAKS, planned_copy_line
from monitoring.pages.plots.opening_range import Mark, RangePicture, levels_of
from tasks.messages.followed_days import FollowedDays, FollowedSlot
from tasks.prediction.trading_day import Candles

_DOTS_PER_INCH = 150
_AFTER = 30
"""The least number of minutes that are drawn after a trade has ended."""

_NEWS_WITHIN = timedelta(hours=8)
"""News later than this after a range's close belongs to other ranges."""


OUTCOMES = {"target": "WIN", "stop": "LOSS", "time": "TIMEOUT", "moved_stop": "MOVED_STOP"}
"""Names of the ledger's outcomes, by how a trade of the rules ended."""


def forecast_facts(days: FollowedDays, slot: FollowedSlot) -> ForecastFacts:
    """Return the facts of a forecast."""
    opening, rules = range_facts(days, slot), slot.rules.for_range(slot.entry.opening_range)
    counted = rules.counted_by
    same = counted is not None and slot.entry.label == counted.key
    decided = slot.entry.decision_time
    return ForecastFacts(
        slot=slot.name,
        opening_range=opening,
        entry=slot.entry,
        brackets=() if opening is None else _planned(slot, opening),
        plan=plan_facts(slot),
        other_label=slot.entry.label if slot.entry.status == "predicted" and not same else None,
        trade="" if counted is not None else rules.trade_rule.words,
        driftless=None if counted is not None else days.driftless(slot),
        news=coming_news(days.news, decided, decided + _NEWS_WITHIN),
        zone=days.market.zone,
    )


def trade_facts(days: FollowedDays, slot: FollowedSlot) -> TradeFacts | None:
    """Return the facts of an entry; None where there was none."""
    opening, traded = range_facts(days, slot), slot.traded
    if opening is None or traded is None or traded.side is None or traded.prices is None:
        return None
    entered = _bracket(slot, opening, traded.side, traded.prices.entry)
    planned = _bracket(slot, opening, traded.side)
    if entered is None or planned is None or traded.entered_at is None:
        return None
    taken = slot.taken
    return TradeFacts(
        opening_range=opening,
        entry=slot.entry,
        plan=plan_facts(slot),
        bracket=entered,
        planned=planned,
        broke=traded.entered_at,
        size=taken.size if taken else 0.0,
        why_not=taken.why_not if taken else "they made no decision here",
        by=slot.rule.entry,
    )


def settled_facts(days: FollowedDays, slot: FollowedSlot) -> SettledFacts | None:
    """Return the facts of a settlement; None where the rules' trade is not settled yet."""
    opening, traded = range_facts(days, slot), slot.traded
    if opening is None or traded is None or traded.resolved_at is None:
        return None
    trade, prices = trade_facts(days, slot), traded.prices
    rule = slot.rule
    return SettledFacts(
        opening_range=opening,
        entry=slot.entry,
        plan=plan_facts(slot),
        trade=trade,
        outcome=OUTCOMES.get(prices.reason) if prices else None,
        exit=prices.exit if prices else None,
        r_gross=traded.r_gross if trade else None,
        r_net=traded.r_net if trade else None,
        resolved=traded.resolved_at,
        day=day_so_far(days.taken, slot.entry.trading_day, traded.resolved_at),
        by=rule.entry if rule.first_break_only else None,
    )


def range_facts(days: FollowedDays, slot: FollowedSlot) -> RangeFacts | None:
    """Return what is known of a slot's range; None where it has none."""
    row, entry = slot.row, slot.entry
    if row is None or row["high"] is None:
        return None
    return RangeFacts(
        symbol=entry.market,
        trading_day=entry.trading_day,
        opening_range=entry.opening_range,
        zone=days.market.zone,
        closed=entry.decision_time,
        instrument=days.market.instrument,
        contract=row["contract"],
        high=_ticks(days, row["high"]),
        low=_ticks(days, row["low"]),
    )


def picture(
    days: FollowedDays, slot: FollowedSlot, title: str, brackets: Mapping[str, Bracket]
) -> bytes | None:
    """Draw a slot with the prices of its trades, as PNG; None without bars.

    Parameters
    ----------
    days, slot
        The slot, and the days that hold its bars.
    title
        Title above the picture.
    brackets
        Trades by the label of their prices, such as UP.
    """
    drawn = range_picture(days, slot.key, slot, brackets, title)
    if drawn is None:
        return None
    figure = pages.plots.opening_range.range_plot(drawn)
    return pages.figure_style.to_png(figure, _DOTS_PER_INCH)


def picture_now(
    days: FollowedDays, key: SlotKey, slot: FollowedSlot | None
) -> RangePicture | None:
    """Return a range with the current state of its trade: entered, or planned while it waits.

    Parameters
    ----------
    days, key
        The range, and the days that hold its bars.
    slot
        What is known of it; None without an entry in the ledger, which draws the range alone.
    """
    brackets: Mapping[str, Bracket] = {}
    opening = None if slot is None else range_facts(days, slot)
    if slot is not None and opening is not None:
        trade = trade_facts(days, slot)
        if trade is not None:
            brackets = {"": trade.bracket}
        elif slot.traded is None or slot.traded.resolved_at is None:
            armed = [] if slot.plan is None else [s for s in SIDES if slot.plan.size(s)]
            brackets = by_break(tuple(one for one in _planned(slot, opening) if one.side in armed))
    return range_picture(days, key, slot, brackets)


def range_picture(
    days: FollowedDays,
    key: SlotKey,
    slot: FollowedSlot | None,
    brackets: Mapping[str, Bracket],
    title: str = "",
) -> RangePicture | None:
    """Return what is drawn of a range, on the page Today as in messages; None without bars.

    Parameters
    ----------
    days, key
        The range, and the days that hold its bars.
    slot
        What is known of it; None draws the range alone.
    brackets
        Trades by the label of their prices, such as UP.
    title
        Title above the picture.
    """
    row, rule = days.rows.get(key), None if slot is None else slot.rule
    candles = days.candles(key, whole_day=rule is not None and rule.scan_end == "next_day_start")
    if candles is None or row is None or row["high"] is None:
        return None
    market, instrument = days.market, days.market.instrument
    traded = None if slot is None else slot.traded
    if traded is not None and traded.prices is not None and traded.resolved_at is not None:
        candles = _until(candles, to_minute(traded.resolved_at))
    closed = row["decision_time"]
    return RangePicture(
        title=title,
        minute=candles.minute,
        open=candles.open,
        high=candles.high,
        low=candles.low,
        close=candles.close,
        opens=closed - timedelta(minutes=market.ranges[market.range_index(key[1])].minutes),
        closed=closed,
        range_high=row["high"],
        range_low=row["low"],
        levels=levels_of(instrument, brackets),
        zone=market.zone,
        marks=() if traded is None else tuple(_marks(traded, instrument)),
    )


def _until(candles: Candles, settled: int) -> Candles:
    """Leave out bars long after a trade's end: with them the range would be a thin line."""
    spent = settled - int(candles.minute[0])
    drawn: Candles = take_rows(candles, candles.minute < settled + max(_AFTER, spent // 4))
    return drawn


def _marks(traded: TradedSlot, instrument: Instrument) -> Iterator[Mark]:
    """Yield where a trade was entered and left, in the bars that it happened in."""
    prices = traded.prices
    if traded.side is None or traded.entered_at is None or prices is None:
        return
    entry = instrument.price_text(prices.entry)
    begun = to_minute(traded.entered_at) - 1
    yield Mark(traded.side, begun, float(entry), f"{traded.side} at {entry}")
    if prices.exit is not None and traded.resolved_at is not None:
        left, why = instrument.price_text(prices.exit), prices.reason.replace("_", " ")
        over = to_minute(traded.resolved_at) - 1
        yield Mark("exit", over, float(left), f"out at {left}: {why}")


def lines_to_copy(days: FollowedDays, slot: FollowedSlot) -> tuple[str, ...]:
    """Return each armed side's bracket to copy by hand; none at a stage that is not traded."""
    opening, plan = range_facts(days, slot), slot.plan
    if opening is None or plan is None or not plan_facts(slot).is_traded:
        return ()
    brackets = _planned(slot, opening)
    return tuple(planned_copy_line(opening, one, plan) for one in brackets if plan.size(one.side))


def by_break(brackets: tuple[Bracket, ...]) -> dict[str, Bracket]:
    """Return brackets by the break that each is entered on."""
    return {BREAKS[bracket.side]: bracket for bracket in brackets}


def _planned(slot: FollowedSlot, opening: RangeFacts) -> tuple[Bracket, ...]:
    brackets = (_bracket(slot, opening, side) for side in SIDES)
    return tuple(bracket for bracket in brackets if bracket is not None)


def _bracket(
    slot: FollowedSlot,
    opening: RangeFacts,
    side: Side,
    entry_ticks: int | None = None,
) -> Bracket | None:
    return planned_bracket(
        slot.rule,
        side,
        high_ticks=opening.high,
        low_ticks=opening.low,
        entry_ticks=entry_ticks,
        atr_ticks=slot.atr,
    )


def plan_facts(slot: FollowedSlot) -> PlanFacts:
    """Return the facts of a plan."""
    return PlanFacts(rules=slot.rules.name, stage=slot.stage, plan=slot.plan)


def _ticks(days: FollowedDays, value: Any) -> int:
    return int(days.market.instrument.to_ticks(np.array([value]))[0])
