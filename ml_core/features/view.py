"""What is known at each decision: bars closed by t0 and outcomes resolved by t0, nothing else.

Every quantity here is a sum of integers or uses a fixed, bounded window. So a live decision that
reads a few weeks of bars gets, bit for bit, the same number as ten years of history.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.continuous import Tape
from ml_core.errors import DefectError, InputError
from ml_core.features.aggregates import Aggregate, Spans, aggregate
from ml_core.features.daily import Daily, daily_history
from ml_core.features.known_news import KnownNews
from ml_core.features.sessions_done import CompletedSessions
from ml_core.market.market import Market
from ml_core.market.news import NewsEvent
from ml_core.ranges.labels import Labels
from ml_core.ranges.opening_range import OpeningRanges

LOOKBACK_DAYS = 34
"""Calendar days before t0 that any feature may read."""

STALE_MINUTES = 4 * 1440
"""A price older than this counts as missing: it spans a long weekend, but not a data gap."""


class NewsNotDeclaredError(InputError):
    """A feature reads news without saying so: what learns from it would not be named by news."""

    template = 'it reads view.news: declare that, feature("...", news=True)'


class NewsNotReadError(DefectError):
    """A feature of news is asked for where none was read from the record."""

    template = "features of scheduled news are computed without the news on record"


class View:
    """n decisions and what is known at each.

    Parameters
    ----------
    tape, market
        Bars and the market they are of.
    ranges, labels
        Every slot of the tape; a decision looks back on earlier slots, usable or not.
    rows
        Positions in ``ranges`` of the n decisions; each must have formed a range.
    cost_ticks
        Round-trip cost.
    news
        Scheduled news in the order of record, what became known after a decision is left out here;
        None where no feature reads it.
    """

    def __init__(
        self,
        *,
        tape: Tape,
        market: Market,
        ranges: OpeningRanges,
        labels: Labels,
        rows: NDArray[np.int64],
        cost_ticks: float,
        news: Iterable[NewsEvent] | None = None,
    ) -> None:
        self.tape = tape
        self.market = market
        self.ranges = ranges
        self.labels = labels
        self.rows = rows
        self.cost_ticks = cost_ticks
        self._news, self.shows_news = news, False
        self._atr: dict[int, NDArray[np.float64]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    # --- the decision itself -----------------------------------------------------------------

    @cached_property
    def decision(self) -> NDArray[np.int64]:
        """Decision time t0, UTC minutes since the epoch, shape (n,)."""
        return self.ranges.decision[self.rows]

    @cached_property
    def day(self) -> NDArray[np.int64]:
        """Row in the schedule, shape (n,)."""
        return self.ranges.day[self.rows]

    @cached_property
    def spec(self) -> NDArray[np.int64]:
        """Index of the opening range in the market's list, shape (n,)."""
        return self.ranges.spec[self.rows]

    @cached_property
    def size(self) -> NDArray[np.float64]:
        """Height of the range, ticks, NaN where it is zero, shape (n,)."""
        return positive(self.ranges.size[self.rows])

    @cached_property
    def price(self) -> NDArray[np.int64]:
        """Last price known at t0, adjusted ticks, shape (n,)."""
        return self.ranges.close[self.rows]

    @cached_property
    def traded_price(self) -> NDArray[np.int64]:
        """Last price known at t0 as it was traded (unadjusted), ticks, shape (n,)."""
        return self.price + self.tape.offset[self.day]

    def basis_points(self, ticks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert ticks to basis points of the traded price; NaN where it is not positive."""
        return 1e4 * ticks / positive(self.traded_price)

    # --- prices and spans before the decision ------------------------------------------------

    def price_before(self, minute: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the last close known at each minute, adjusted ticks; NaN where none is recent."""
        bar = self.tape.first_at(minute) - 1
        seen = np.maximum(bar, 0)
        fresh = (bar >= 0) & (minute - self.tape.minute[seen] <= STALE_MINUTES)
        return np.where(fresh, self.tape.close[seen], np.nan)

    def change(self, minutes: int) -> NDArray[np.float64]:
        """Return the price change over the last ``minutes`` before t0, ticks, shape (n,)."""
        return self.price - self.price_before(self.decision - minutes)

    def span(self, start: NDArray[np.int64], stop: NDArray[np.int64]) -> Aggregate:
        """Summarise the bars that open in [start, stop), shape (n,) each."""
        return aggregate(self.tape, start, stop)

    @cached_property
    def window(self) -> Aggregate:
        """The opening range's own bars."""
        return self.span(self.ranges.start[self.rows], self.decision)

    @cached_property
    def today(self) -> Aggregate:
        """The trading day so far, up to t0."""
        return self.span(self.tape.schedule.day_start[self.day], self.decision)

    @cached_property
    def spans(self) -> Spans:
        """Running sums over the whole tape."""
        return Spans(self.tape)

    @cached_property
    def sigma(self) -> NDArray[np.float64]:
        """Root mean square of 1-minute changes over the last 24 hours, ticks, shape (n,).

        It scales the overshoot of the corridor baseline. On MGC before 2022 it fitted the
        breakouts better than horizons from 5 minutes to 4 hours.
        """
        return self.realised_volatility(1440)

    def realised_volatility(self, minutes: int) -> NDArray[np.float64]:
        """Return the root mean square of close-to-close changes of neighbouring minutes, ticks.

        Shape (n,). NaN with fewer than five such pairs in the last ``minutes`` before t0.
        """
        return self.spans.rms_change(self.decision - minutes, self.decision)

    # --- scheduled news ----------------------------------------------------------------------

    @cached_property
    def news(self) -> KnownNews:
        """Scheduled news as it was known at each decision.

        Raises
        ------
        NewsNotDeclaredError
            It is asked for by a feature that was not declared to read news.
        NewsNotReadError
            The view was made without the news on record.
        """
        if not self.shows_news:
            raise NewsNotDeclaredError
        if self._news is None:
            raise NewsNotReadError
        return KnownNews.at(self._news, self.decision)

    @cached_property
    def with_news(self) -> View:
        """The same view for features that are declared to read news."""
        other = copy(self)
        other.shows_news = True
        return other

    # --- earlier days, sessions and ranges ---------------------------------------------------

    @cached_property
    def daily(self) -> Daily:
        """Completed trading days before each decision's own."""
        return daily_history(self.tape, self.day, LOOKBACK_DAYS)

    def atr(self, days: int) -> NDArray[np.float64]:
        """Return Wilder's average true range over ``days``, ticks, shape (n,); see Daily."""
        if days not in self._atr:
            self._atr[days] = self.daily.atr(days)
        return self._atr[days]

    @cached_property
    def sessions(self) -> CompletedSessions:
        """Sessions completed by each t0."""
        return CompletedSessions(self.tape, self.decision)

    def earlier_slot(self, back: int) -> NDArray[np.int64]:
        """Return the position ``back`` slots before each decision; -1 before the first slot."""
        return np.maximum(self.rows - back, -1)

    def known_direction(self, slot: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return +1 or -1 for slots broken out by t0, 0 for the others, NaN without a slot."""
        usable = self._formed(slot)
        seen = np.maximum(slot, 0)
        broke = self.labels.break_minute[seen] <= self.decision
        direction = np.where(broke, self.labels.direction[seen], 0)
        return np.where(usable, direction, np.nan)

    def known_net_r(self, slot: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the net R of slots whose trade had ended by t0, NaN otherwise."""
        seen = np.maximum(slot, 0)
        settled = self._formed(slot) & (self.labels.resolved_minute[seen] <= self.decision)
        return np.where(settled, self.labels.r_net[seen], np.nan)

    def slot_size(self, slot: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the height of earlier slots' ranges, ticks; NaN where there is none."""
        return np.where(self._formed(slot), self.ranges.size[np.maximum(slot, 0)], np.nan)

    def slot_middle(self, slot: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the middle of earlier slots' ranges, adjusted ticks; NaN where there is none."""
        seen = np.maximum(slot, 0)
        middle = (self.ranges.high[seen] + self.ranges.low[seen]) / 2
        return np.where(self._formed(slot), middle, np.nan)

    def slot_volume(self, slot: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the volume of earlier slots' windows; NaN where there is none."""
        return np.where(self._formed(slot), self.ranges.volume[np.maximum(slot, 0)], np.nan)

    def same_slot(self, days_back: int) -> NDArray[np.int64]:
        """Return the position of the same range ``days_back`` trading days earlier, or -1."""
        return np.maximum(self.rows - days_back * len(self.market.ranges), -1)

    def _formed(self, slot: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which slots exist, had formed by t0, and are within the lookback of features."""
        seen = np.maximum(slot, 0)
        age = self.decision - self.ranges.decision[seen]
        recent = (age >= 0) & (age <= LOOKBACK_DAYS * 1440)
        return (slot >= 0) & recent & self._has_range[seen]

    @cached_property
    def _has_range(self) -> NDArray[np.bool_]:
        return self.ranges.formed


def positive(value: NDArray[np.integer] | NDArray[np.floating]) -> NDArray[np.float64]:
    """Return ``value`` as float64, with NaN where it is not positive: a safe divisor."""
    result = np.asarray(value, np.float64)
    return np.where(result > 0, result, np.nan)
