"""The facts that a slot's messages are written from, and its picture."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np

from ml_core.strategy.bracket import Bracket, planned_bracket
from ml_core.strategy.rules import SIDES
from ml_core.strategy.trades import SIDE_OF, day_so_far
from monitoring import pages
from monitoring.messages.facts import (
    ForecastFacts,
    PlanFacts,
    RangeFacts,
    SettledFacts,
    TradeFacts,
)
from monitoring.messages.words import BREAKS
from monitoring.pages.plots.opening_range import RangePicture, levels_of
from tasks.messages.followed_days import FollowedDays, FollowedSlot

_DOTS_PER_INCH = 150


def forecast_facts(days: FollowedDays, slot: FollowedSlot) -> ForecastFacts:
    """Return the facts of a forecast."""
    opening, label = range_facts(days, slot), days.rules.label
    other = slot.entry.label if slot.entry.label != label.key else None
    return ForecastFacts(
        slot=slot.name,
        opening_range=opening,
        entry=slot.entry,
        brackets=() if opening is None else _planned(days, opening),
        plan=_plan(days, slot),
        other_label=other if slot.entry.status == "predicted" else None,
    )


def trade_facts(days: FollowedDays, slot: FollowedSlot) -> TradeFacts | None:
    """Return the facts of a break; None where the range has not broken."""
    opening, row = range_facts(days, slot), slot.row
    side = SIDE_OF.get(row["break_direction"] or "") if row else None
    if opening is None or row is None or side is None:
        return None
    edges = {"high_ticks": opening.high, "low_ticks": opening.low}
    entry = _ticks(days, row["entry"])
    taken = slot.taken
    return TradeFacts(
        opening_range=opening,
        entry=slot.entry,
        plan=_plan(days, slot),
        bracket=planned_bracket(days.rules.label, side, entry_ticks=entry, **edges),
        planned=planned_bracket(days.rules.label, side, **edges),
        broke=row["break_time"],
        size=taken.size if taken else 0.0,
        why_not=taken.why_not if taken else "they decided nothing here",
    )


def settled_facts(days: FollowedDays, slot: FollowedSlot) -> SettledFacts | None:
    """Return the facts of a settlement; None where the rules' label settles nothing yet."""
    opening, row = range_facts(days, slot), slot.row
    if opening is None or row is None or row["resolved_at"] is None:
        return None
    trade, resolved = trade_facts(days, slot), row["resolved_at"]
    counted = slot.taken.slot if slot.taken else None
    r_gross, r_net = (
        (row["r_gross"], row["r_net"]) if counted is None else (counted.r_gross, counted.r_net)
    )
    return SettledFacts(
        opening_range=opening,
        entry=slot.entry,
        plan=_plan(days, slot),
        trade=trade,
        outcome=row["outcome"],
        exit=_ticks(days, row["exit"]) if trade else None,
        r_gross=r_gross if trade else None,
        r_net=r_net if trade else None,
        resolved=resolved,
        day=day_so_far(days.taken, slot.entry.trading_day, resolved),
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
        The slot, and what its bars are in.
    title
        Above the picture.
    brackets
        Trades by what stands before their prices, such as UP.
    """
    candles, opening = days.candles(slot), range_facts(days, slot)
    if candles is None or opening is None:
        return None
    market, instrument = days.market, opening.instrument
    minutes = market.ranges[market.range_index(opening.opening_range)].minutes
    drawn = RangePicture(
        title=title,
        minute=candles.minute,
        open=candles.open,
        high=candles.high,
        low=candles.low,
        close=candles.close,
        opens=opening.closed - timedelta(minutes=minutes),
        closed=opening.closed,
        range_high=float(instrument.price_text(opening.high)),
        range_low=float(instrument.price_text(opening.low)),
        levels=levels_of(instrument, brackets),
        zone=market.zone,
    )
    figure = pages.plots.opening_range.range_plot(drawn)
    return pages.figure_style.to_png(figure, _DOTS_PER_INCH)


def by_break(brackets: tuple[Bracket, ...]) -> dict[str, Bracket]:
    """Return brackets by the break that each is entered on."""
    return {BREAKS[bracket.side]: bracket for bracket in brackets}


def _planned(days: FollowedDays, opening: RangeFacts) -> tuple[Bracket, ...]:
    return tuple(
        planned_bracket(days.rules.label, side, high_ticks=opening.high, low_ticks=opening.low)
        for side in SIDES
    )


def _plan(days: FollowedDays, slot: FollowedSlot) -> PlanFacts:
    return PlanFacts(rules=days.rules.name, stage=slot.stage, plan=slot.plan)


def _ticks(days: FollowedDays, value: Any) -> int:
    return int(days.market.instrument.to_ticks(np.array([value]))[0])
