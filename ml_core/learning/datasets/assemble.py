"""Builds datasets from bars: ranges, labels and features in one pass, past or live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.arrays import Bars
from ml_core.bars.continuous import Tape
from ml_core.errors import InputError
from ml_core.features.all import CATALOGUE, compute
from ml_core.features.catalogue import Feature
from ml_core.features.history import HISTORY_DAYS, History, read_history
from ml_core.learning.datasets.dataset import Dataset
from ml_core.market.definition import MarketDefinition
from ml_core.market.market import Market
from ml_core.market.news import NewsEvent, news_hash
from ml_core.market.schedule import build_schedule, from_minute
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import UNKNOWN, Labels
from ml_core.ranges.opening_range import Exclusion, OpeningRanges


class NoBarsError(InputError):
    """The requested period holds no bar of the market."""

    symbol: str
    first: date
    last: date
    template = (
        "{symbol} has no bars from {first} to {last}; see the stored bars with `orbcast bars "
        "status`, or ingest them with `orbcast ingest --market {_market} ...`"
    )

    @property
    def _market(self) -> str:
        return self.symbol.lower()


class NoSlotError(InputError):
    """The requested day and opening range allow no decision."""

    symbol: str
    trading_day: date
    opening_range: str
    why: str
    template = (
        "{symbol} {trading_day} {opening_range}: no decision, {why}; name a time on a day that "
        "trades and of which there are bars"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """Everything known of a period's n slots, whether or not they allow a decision.

    Attributes
    ----------
    market, label_spec
        The market and the label specification.
    tape, ranges, labels
        The bars, and every slot's range and label. Slots before ``first`` are included for earlier
        outcomes; they are not in the dataset or the table.
    reported
        Positions in ``ranges`` of the period's own slots, in decision order.
    dataset
        The reported slots that have a usable range.
    news
        Scheduled news in the order of recording; None if no feature may read it.
    news_hash
        Hash of the news that the dataset's decisions could know; "" if no feature reads any.
    """

    market: Market
    label_spec: LabelSpec
    tape: Tape
    ranges: OpeningRanges
    labels: Labels
    reported: NDArray[np.int64]
    dataset: Dataset
    news: tuple[NewsEvent, ...] | None = None
    news_hash: str = ""

    def with_features(self, features: tuple[Feature, ...]) -> Dataset:
        """Return the dataset with other feature columns, as an earlier version may need them."""
        names = tuple(feature.name for feature in features)
        if names == self.dataset.feature_names:
            return self.dataset
        history = History(
            market=self.market,
            tape=self.tape,
            ranges=self.ranges,
            labels=self.labels,
            news=self.news,
        )
        rows = self.reported[self.ranges.usable[self.reported]]
        return _dataset(history, rows, self.label_spec, features)

    def exclusions(self) -> dict[str, int]:
        """Count the period's slots that have no usable range, by reason."""
        codes = self.ranges.exclusion[self.reported]
        names, counts = np.unique(codes[codes != Exclusion.NONE], return_counts=True)
        return {
            Exclusion(int(code)).name.lower(): int(n)
            for code, n in zip(names, counts, strict=True)
        }


def assemble(
    bars: Bars,
    market: Market,
    spec: LabelSpec,
    *,
    first: date,
    last: date,
    features: tuple[Feature, ...] | None = None,
    as_of_minute: int | None = None,
    news: tuple[NewsEvent, ...] | None = None,
) -> Assembly:
    """Build ranges, labels and features of every slot from ``first`` to ``last``.

    Parameters
    ----------
    bars
        The bars of every outright contract, from ``HISTORY_DAYS`` before ``first`` if available.
    market, spec
        The market and the label specification.
    first, last
        Trading days, both included.
    features
        Columns wanted; by default all features that need no news.
    as_of_minute
        UTC minute after which nothing is known: later bars are ignored, and outcomes that they
        would settle stay open. By default the end of the last bar.
    news
        Scheduled news in the order of recording, for features that read it; a decision knows what
        was known by its t0.

    Raises
    ------
    NoBarsError
        The period holds no bar.
    """
    schedule = build_schedule(market, first - timedelta(days=HISTORY_DAYS), last)
    history = read_history(bars, market, spec, schedule, as_of_minute, news)
    ranges = history.ranges
    reported = np.flatnonzero(schedule.days[ranges.day] >= np.datetime64(first))
    if not ranges.formed[reported].any():
        raise NoBarsError(market.symbol, first, last)
    rows = reported[ranges.usable[reported]]
    features = CATALOGUE.select("all") if features is None else features
    return Assembly(
        market=market,
        label_spec=spec,
        tape=history.tape,
        ranges=ranges,
        labels=history.labels,
        reported=reported,
        dataset=_dataset(history, rows, spec, features),
        news=news,
        news_hash=_knowable(news, ranges.decision[rows], features),
    )


def assemble_live(
    bars: Bars,
    market: Market,
    spec: LabelSpec,
    *,
    trading_day: date,
    opening_range: str,
    features: tuple[Feature, ...] | None = None,
    news: tuple[NewsEvent, ...] | None = None,
) -> Dataset:
    """Build the one row a decision needs, from the bars closed by its t0.

    The same functions build history and this row, so the two agree to the bit.

    Parameters
    ----------
    bars
        Bars of the last ``HISTORY_DAYS`` or more; bars that open at or after t0 are ignored.
    market, spec
        The market and the label specification (for the outcomes of earlier ranges).
    trading_day, opening_range
        The slot.
    features
        Columns wanted; by default all features that need no news.
    news
        Scheduled news in the order of recording, for features that read it.

    Raises
    ------
    NoSlotError
        The slot has no usable range; ``why`` is a typed reason: ``holiday``,
        ``exchange_closed``, ``no_contract``, ``no_bars`` or ``zero_size``.
    UnknownRangeError
        The market has no such opening range.
    """
    column = market.range_index(opening_range)
    schedule = build_schedule(market, trading_day - timedelta(days=HISTORY_DAYS), trading_day)
    if schedule.days[-1] != np.datetime64(trading_day):
        raise NoSlotError(market.symbol, trading_day, opening_range, "holiday")
    row = (len(schedule) - 1) * len(market.ranges) + column
    t0 = int(schedule.range_end[-1, column])
    history = read_history(bars, market, spec, schedule, t0, news)
    why = Exclusion(int(history.ranges.exclusion[row]))
    if why is not Exclusion.NONE:
        raise NoSlotError(market.symbol, trading_day, opening_range, why.name.lower())
    features = CATALOGUE.select("all") if features is None else features
    return _dataset(history, np.array([row]), spec, features)


def _knowable(
    news: tuple[NewsEvent, ...] | None,
    decision: NDArray[np.int64],
    features: tuple[Feature, ...],
) -> str:
    """Return the hash of the news that the latest of decisions could know; "" if none reads it."""
    if not news or not len(decision) or not any(feature.news for feature in features):
        return ""
    latest = from_minute(int(decision.max()))
    return news_hash(event for event in news if event.known_since <= latest)


def _dataset(
    history: History,
    rows: NDArray[np.int64],
    spec: LabelSpec,
    features: tuple[Feature, ...],
) -> Dataset:
    market, tape = history.market, history.tape
    ranges, labels = history.ranges, history.labels
    view = history.view(rows)
    names = np.array([range_.name for range_ in market.ranges])
    traded = np.abs(labels.direction[rows]) == 1
    offset = tape.offset[ranges.day[rows]]

    def of_trade(ticks: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.where(traded, ticks, np.nan)

    return Dataset(
        market=market.symbol,
        market_hash=MarketDefinition.of(market).hash,
        label_spec=spec,
        trading_day=tape.schedule.days[ranges.day[rows]],
        opening_range=names[ranges.spec[rows]],
        decision_minute=ranges.decision[rows],
        resolved_minute=labels.resolved_minute[rows],
        direction=labels.direction[rows],
        outcome=np.where(traded, labels.outcome[rows], UNKNOWN).astype(np.int16),
        r_gross=labels.r_gross[rows],
        r_net=labels.r_net[rows],
        entry_ticks=of_trade(labels.entry[rows] + offset),
        risk_ticks=of_trade(labels.risk[rows]),
        target_ticks=of_trade(np.abs(labels.target[rows] - labels.entry[rows])),
        feature_names=tuple(feature.name for feature in features),
        categorical=tuple(feature.name for feature in features if feature.categorical),
        own=tuple(filter(None, (feature.own_column for feature in features))),
        features=compute(view, features),
        close_position=(view.price - ranges.low[rows]) / view.size,
        size_ticks=view.size,
        sigma_ticks=view.sigma,
        cost_ticks=view.cost_ticks,
    )
