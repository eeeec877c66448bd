"""The outcome of a slot, bar by bar: breakout, entry, stop, target, result."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.features.reference.plain_market import Bar, PlainMarket, Slot


@dataclass
class Story:
    """A slot's breakout and trade; None for what did not happen or is not known yet."""

    direction: int | None = None
    break_minute: int | None = None
    entry: int | None = None
    stop: int | None = None
    target: int | None = None
    outcome: str | None = None
    r_gross: float | None = None
    r_net: float | None = None
    resolved: int | None = None


def story_of(market: PlainMarket, slot: Slot, spec: LabelSpec) -> Story:
    """Follow one slot from its window to the end of its scan."""
    window = market.window(slot)
    story = Story()
    if not window:
        return story
    high, low = max(bar.high for bar in window), min(bar.low for bar in window)
    after = market.bars(slot.t0, slot.scan_end)
    over = slot.scan_end <= market.horizon
    for place, bar in enumerate(after):
        if bar.close > high or bar.close < low:
            story.direction = 1 if bar.close > high else -1
            story.break_minute = bar.minute + 1
            _levels(story, bar.close, high, low, spec)
            _follow(story, after[: place + 1], after[place + 1 :], over, slot.scan_end)
            _count(story, market)
            return story
    if over:
        story.direction, story.resolved = 0, slot.scan_end
    return story


def _levels(story: Story, entry: int, high: int, low: int, spec: LabelSpec) -> None:
    """Return the levels; fractions of a tick are rounded against the trade."""
    side = story.direction or 0
    broken, opposite = (high, low) if side > 0 else (low, high)
    half = ceil(Fraction(high - low, 2))
    stop = opposite if spec.stop == "full" else broken - side * half
    anchor = entry if spec.anchor == "entry" else broken
    story.entry, story.stop = entry, stop
    story.target = anchor + side * ceil(Fraction(str(spec.rr)) * abs(anchor - stop))


def _follow(story: Story, before: list[Bar], after: list[Bar], over: bool, end: int) -> None:
    side, stop, target = story.direction or 0, story.stop or 0, story.target or 0
    for bar in after:
        lost = bar.low <= stop if side > 0 else bar.high >= stop
        won = bar.high >= target if side > 0 else bar.low <= target
        if lost or won:
            story.outcome, story.resolved = ("loss" if lost else "win"), bar.minute + 1
            story.r_gross = float(_gain(story, stop if lost else target))
            return
    if over:
        last = (before + after)[-1]
        story.outcome, story.resolved = "timeout", end
        story.r_gross = float(_gain(story, last.close))


def _gain(story: Story, price: int) -> Fraction:
    assert story.direction is not None
    assert story.entry is not None
    assert story.stop is not None
    return Fraction(story.direction * (price - story.entry), abs(story.entry - story.stop))


def _count(story: Story, market: PlainMarket) -> None:
    if story.r_gross is not None and story.entry is not None and story.stop is not None:
        cost = round_trip_cost(market) / abs(story.entry - story.stop)
        story.r_net = story.r_gross - cost


def round_trip_cost(market: PlainMarket) -> float:
    """Return commission and slippage of entry and exit, in ticks."""
    instrument = market.market.instrument
    commission = instrument.commission_per_side / instrument.tick_value
    return 2 * commission + 2 * instrument.slippage_ticks_per_side
