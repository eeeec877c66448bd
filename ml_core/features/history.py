"""The single path from bars to features, for ten years of history and for one live decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.arrays import Bars
from ml_core.bars.continuous import CHOICE_LOOKBACK_DAYS, Tape, join
from ml_core.features.view import LOOKBACK_DAYS, View
from ml_core.market.market import Market
from ml_core.market.news import NewsEvent
from ml_core.market.schedule import Schedule
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import Labels, label
from ml_core.ranges.opening_range import OpeningRanges, opening_ranges

HISTORY_DAYS = LOOKBACK_DAYS + CHOICE_LOOKBACK_DAYS
"""Calendar days of bars before a trading day that its decisions can depend on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A stretch of the market: its tape, the range and label of every slot on it, and its news."""

    market: Market
    tape: Tape
    ranges: OpeningRanges
    labels: Labels
    news: tuple[NewsEvent, ...] | None = None

    def view(self, rows: NDArray[np.int64]) -> View:
        """Return what was known at the decisions of these slots (positions in ``ranges``)."""
        return View(
            tape=self.tape,
            market=self.market,
            ranges=self.ranges,
            labels=self.labels,
            rows=rows,
            cost_ticks=self.market.instrument.round_trip_cost_ticks,
            news=self.news,
        )


def read_history(
    bars: Bars,
    market: Market,
    spec: LabelSpec,
    schedule: Schedule,
    horizon: int | None = None,
    news: tuple[NewsEvent, ...] | None = None,
) -> History:
    """Join the bars, then measure and label every opening range, using nothing after ``horizon``.

    Parameters
    ----------
    bars
        The bars of every outright contract.
    market, spec
        The market and the label specification.
    schedule
        Trading days to read; must begin ``HISTORY_DAYS`` before the first decision wanted.
    horizon
        UTC minute after which nothing is known; by default the end of the last bar.
    news
        Scheduled news in the order of recording, of which a decision knows what was known by then;
        None if no feature reads it.
    """
    tape = join(bars, schedule, market.roll, horizon)
    ranges = opening_ranges(tape, market)
    labels = label(tape, ranges, spec, market.instrument.round_trip_cost_ticks)
    return History(market=market, tape=tape, ranges=ranges, labels=labels, news=news)
