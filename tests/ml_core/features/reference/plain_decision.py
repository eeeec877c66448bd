"""One decision, and the data that was known at t0."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from math import isnan, nan, sqrt
from statistics import fmean

from ml_core.market.news import NewsEvent
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.features.reference.plain_market import (
    DAY,
    Bar,
    PlainMarket,
    Slot,
    Span,
    one_bar,
)
from tests.ml_core.features.reference.plain_trades import Story, story_of

LOOKBACK = 34 * DAY
"""The farthest that any feature reads back before t0."""
DAYS_READ = 21
STALE = 4 * DAY
SESSION_LOOKBACK = 7 * DAY


def ratio(number: float, divisor: float) -> float:
    """Return the quotient; NaN if the divisor is not above zero."""
    return number / divisor if divisor > 0 else nan


def mean(values: list[float]) -> float:
    """Return the mean of the numbers that are not NaN; NaN if there is none."""
    present = [value for value in values if not isnan(value)]
    return fmean(present) if present else nan


class Decision:
    """One slot at t0.

    Parameters
    ----------
    market, spec
        The market, and the label for earlier outcomes.
    place
        Position of the slot in ``market.slots``.
    stories
        The outcomes of slots, computed once for all decisions.
    news
        Scheduled news in the order of recording, whenever it became known.
    """

    def __init__(
        self,
        market: PlainMarket,
        spec: LabelSpec,
        place: int,
        stories: dict[int, Story],
        news: tuple[NewsEvent, ...] = (),
    ) -> None:
        self.news = news
        self.market, self.spec, self.place = market, spec, place
        self.stories = stories
        self.slot = market.slots[place]
        self.t0 = self.slot.t0
        self.day = market.days[self.slot.day]
        self.window = market.window(self.slot)
        self.window_bar = one_bar(self.window)
        self.price = self.window[-1].close

    @property
    def height(self) -> float:
        """Height of the range, NaN where it is zero."""
        return self.window_bar.height or nan

    @cached_property
    def today(self) -> list[Bar]:
        """Bars of the trading day up to t0."""
        return self.market.bars(self.day.start, self.t0)

    # --- minutes -----------------------------------------------------------------------------

    def close_before(self, minute: int) -> float:
        """Return the last close by a minute; NaN if it is missing or older than four days."""
        bar = self.market.bar_before(minute)
        return bar.close if bar and minute - bar.minute <= STALE else nan

    def volatility(self, minutes: int) -> float:
        """Root mean square change between neighbouring minutes within the last ``minutes``."""
        bars = self.market.bars(self.t0 - minutes, self.t0)
        changes = [
            later.close - earlier.close
            for earlier, later in pairwise(bars)
            if later.minute == earlier.minute + 1
        ]
        if len(changes) < 5:
            return nan
        return sqrt(sum(change * change for change in changes) / len(changes))

    @cached_property
    def sigma(self) -> float:
        """A minute's typical move over the last 24 hours."""
        return self.volatility(DAY)

    # --- days --------------------------------------------------------------------------------

    @cached_property
    def daily(self) -> list[Span]:
        """The last 21 completed days with trades, oldest first; empty if there are fewer."""
        days: list[Span] = []
        for position in range(self.slot.day - 1, -1, -1):
            age = (self.day.date - self.market.days[position].date).days
            day = self.market.bar_of_day(position)
            if day.count and age * DAY <= LOOKBACK:
                days.insert(0, day)
            if len(days) == DAYS_READ:
                return days
        return []

    @cached_property
    def true_ranges(self) -> list[float]:
        """Wilder's true range of the last 20 completed days, oldest first."""
        return [
            max(day.high - day.low, abs(day.high - before.close), abs(day.low - before.close))
            for before, day in pairwise(self.daily)
        ]

    def atr(self, period: int) -> float:
        """Wilder's average true range; NaN where there are not 21 days."""
        return wilder(self.true_ranges, period)

    def above(self, level: float) -> float:
        """Price less a level, in ATR-20."""
        return ratio(self.price - level, self.atr(20))

    def basis_points(self, ticks: float) -> float:
        """Ticks in ten-thousandths of the price as it was traded."""
        return ticks / (self.price + self.market.shift_of[self.slot.day]) * 10_000

    # --- sessions ----------------------------------------------------------------------------

    def session(self, number: int) -> Span:
        """Return the last completed session (1) or the one before (2); empty after a week."""
        completed = [span for span in self.market.sessions if span[1] <= self.t0]
        if len(completed) < number:
            return one_bar([])
        start, end = completed[-number]
        return one_bar(self.market.bars(start, end) if self.t0 - end <= SESSION_LOOKBACK else [])

    @property
    def since_session(self) -> Span:
        """Bars since the last completed session ended, at most a week."""
        ends = [end for _, end in self.market.sessions if end <= self.t0]
        if not ends:
            return one_bar([])
        return one_bar(self.market.bars(max(ends[-1], self.t0 - SESSION_LOOKBACK), self.t0))

    # --- earlier ranges ----------------------------------------------------------------------

    def earlier(self, back: int) -> Slot | None:
        """Return the slot a number of slots before this one, if its range had formed by t0."""
        if self.place < back:
            return None
        slot = self.market.slots[self.place - back]
        closed = slot.t0 <= self.t0 and self.t0 - slot.t0 <= LOOKBACK
        return slot if closed and self.market.window(slot) else None

    def same_range(self, days: int) -> Slot | None:
        """Return this opening range a number of trading days ago, if it formed."""
        return self.earlier(days * len(self.market.market.ranges))

    def range_of(self, slot: Slot | None) -> Span:
        """Return an earlier slot's window as one bar."""
        return one_bar(self.market.window(slot) if slot else [])

    def _story(self, slot: Slot) -> Story:
        place = slot.day * len(self.market.market.ranges) + slot.number
        if place not in self.stories:
            self.stories[place] = story_of(self.market, slot, self.spec)
        return self.stories[place]

    def direction(self, slot: Slot | None) -> float:
        """Return +1 or -1 if a slot has broken out by t0, 0 if not, NaN without a slot."""
        if slot is None:
            return nan
        story = self._story(slot)
        broken = story.break_minute is not None and story.break_minute <= self.t0
        return float(story.direction or 0) if broken else 0.0

    def net_r(self, slot: Slot | None) -> float:
        """Net R of a slot's trade if it was settled by t0."""
        story = self._story(slot) if slot else Story()
        settled = story.resolved is not None and story.resolved <= self.t0
        return story.r_net if settled and story.r_net is not None else nan


def wilder(values: list[float], period: int) -> float:
    """Mean of the first ``period`` values, then moved by 1/period of each later difference."""
    if len(values) < period:
        return nan
    average = fmean(values[:period])
    for value in values[period:]:
        average += (value - average) / period
    return average


def relative_strength(closes: list[float], period: int = 14) -> float:
    """Return Wilder's RSI; NaN if a close is missing or the price never moved."""
    changes = [later - earlier for earlier, later in pairwise(closes)]
    if len(changes) < period or any(map(isnan, changes)):
        return nan
    gain = wilder([max(change, 0) for change in changes], period)
    loss = wilder([max(-change, 0) for change in changes], period)
    return 100 - 100 / (1 + gain / loss) if loss else (100.0 if gain else nan)
