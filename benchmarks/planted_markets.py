"""Markets beyond the demo's simulator: other steps and edges, and mirrored real bars.

Steps are Student's t with five degrees of freedom under a daily GARCH(1, 1) variance (Bollerslev
1986), rounded to whole ticks. An edge is planted by reflection: after each window, the steps until
the next range or the session's end are drawn once. If they and their mirror image leave the range
on different sides, the side that the edge favours is taken with a probability above one half. With
a probability of one half this is a fair market, whatever the steps are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.arrays import Bars
from ml_core.bars.continuous import join
from ml_core.market.market import Market
from ml_core.market.schedule import Schedule

Kind = Literal[
    "none",
    "yesterday",
    "yesterday crossed",
    "volatility regime",
    "begins half-way",
    "ends half-way",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

START_TICKS = 20_000
_FREEDOM = 5
_ARCH, _GARCH = 0.08, 0.9
_SILENT = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedMarket:
    """Bars of one contract, and the side that was favoured at each range.

    Attributes
    ----------
    bars
        The bars in the form that the kernels read.
    day, opening_range
        For each of n slots with a range: datetime64[D] and the range's name.
    sign
        Shape (n,): +1 where the edge favours UP, -1 DOWN, 0 where there is no edge.
    """

    bars: Bars
    day: NDArray[np.datetime64]
    opening_range: NDArray[np.str_]
    sign: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Known:
    """The facts that an edge may use at a window's end.

    ``moves`` holds the completed days' moves and ``variance`` their variances, oldest first;
    ``upper`` says whether the price is in the upper half of the range; ``past`` is the share of
    the days that has passed.
    """

    moves: list[float]
    variance: list[float]
    upper: int
    past: float


def _yesterday(known: _Known) -> int:
    return int(np.sign(known.moves[-1])) if known.moves else 0


def _regime(known: _Known) -> int:
    """Follow the price in volatile times, and go against it in quiet ones."""
    if len(known.variance) < 20:
        return 0
    nervous = known.variance[-1] > float(np.median(known.variance[-250:]))
    return known.upper if nervous else -known.upper


_EDGES: dict[Kind, Callable[[_Known], int]] = {
    "none": lambda _: 0,
    "yesterday": _yesterday,
    "yesterday crossed": lambda known: _yesterday(known) * known.upper,
    "volatility regime": _regime,
    "begins half-way": lambda known: _yesterday(known) if known.past >= 0.5 else 0,
    "ends half-way": lambda known: _yesterday(known) if known.past < 0.5 else 0,
}


def planted_market(
    market: Market,
    schedule: Schedule,
    kind: Kind,
    *,
    seed: int,
    strength: float,
    sigma_ticks: float = 5.0,
) -> PlantedMarket:
    """Simulate a market with an edge of one kind.

    Parameters
    ----------
    market, schedule
        Ranges and trading days.
    kind
        The kind of edge.
    seed
        The same seed gives the same bars.
    strength
        0 to 1: the favoured side is taken with a probability of (1 + strength) / 2.
    sigma_ticks
        A minute's standard deviation on an ordinary day; 0.7 makes a market of coarse ticks.
    """
    draw = np.random.default_rng([seed, 11])
    following = np.sort(schedule.range_start[schedule.open])
    price, variance = START_TICKS, 1.0
    moves: list[float] = []
    variances: list[float] = []
    columns: list[NDArray[np.int64]] = []
    slots: list[tuple[int, int, int]] = []
    for row in range(len(schedule)):
        minute = np.arange(schedule.exchange_open[row], schedule.exchange_close[row])
        shock = draw.standard_t(_FREEDOM, len(minute)) * ((_FREEDOM - 2) / _FREEDOM) ** 0.5
        sigma = sigma_ticks * variance**0.5 * price / START_TICKS
        step = np.rint(sigma * _season(minute) * shock).astype(np.int64)
        trades = draw.random(len(minute)) >= _SILENT
        step[~trades] = 0
        reach = draw.geometric(1.0 / (1.0 + 0.4 * sigma_ticks), (2, len(minute))) - 1
        volume = 1 + draw.poisson(60.0 * _season(minute) * draw.gamma(2.0, 0.5, len(minute)))
        day = _Day(minute, price, step, trades, reach)
        order = np.argsort(schedule.range_end[row], kind="stable")
        for spec in order[schedule.open[row][order]].tolist():
            stop = int(schedule.range_end[row, spec])
            after = following[np.searchsorted(following, stop) :]
            end = min([int(schedule.session_scan_end[row, spec]), *after[:1].tolist()])
            window = day.window(int(schedule.range_start[row, spec]), stop, end)
            if window is not None:
                past = row / len(schedule)
                sign = _EDGES[kind](_Known(moves, variances, window.upper, past))
                slots.append((row, spec, sign))
                day.plant(window, sign, strength, draw)
        bars = day.bars()
        columns.append(np.stack([minute, *bars, volume])[:, trades])
        moves.append(float(bars[-1][-1] - price))
        variances.append(variance)
        daily = float(np.mean(shock**2)) * variance * draw.chisquare(1)
        variance = (1 - _ARCH - _GARCH) + _ARCH * daily + _GARCH * variance
        price = int(bars[-1][-1])
    table = np.concatenate(columns, axis=1)
    day_row, spec_row, sign = np.array(slots, np.int64).T
    names = np.array([range_.name for range_ in market.ranges])
    return PlantedMarket(
        bars=Bars(
            symbol=market.symbol,
            contracts=(f"{market.symbol}Z9",),
            contract=np.zeros(table.shape[1], np.int32),
            minute=table[0],
            open=table[1].astype(np.int32),
            high=table[2].astype(np.int32),
            low=table[3].astype(np.int32),
            close=table[4].astype(np.int32),
            volume=table[5],
        ),
        day=schedule.days[day_row],
        opening_range=names[spec_row],
        sign=sign,
    )


@dataclass(frozen=True, slots=True)
class _Window:
    """An opening range: the start and end of its path, and the corridor around the price."""

    begin: int
    end: int
    price: int
    low: int
    high: int

    @property
    def upper(self) -> int:
        return 1 if 2 * self.price >= self.high + self.low else -1

    def side(self, path: NDArray[np.int64]) -> int:
        """Return which side a path closes beyond first: +1, -1, or 0 for neither."""
        out = np.flatnonzero((path > self.high) | (path < self.low))
        return 0 if not len(out) else (1 if path[out[0]] > self.high else -1)


@dataclass(frozen=True, slots=True)
class _Day:
    """One day's minutes; ``step`` is mirrored after a window where an edge requires it."""

    minute: NDArray[np.int64]
    price: int
    step: NDArray[np.int64]
    trades: NDArray[np.bool_]
    reach: NDArray[np.int64]

    def bars(self, begin: int = 0, end: int | None = None) -> tuple[NDArray[np.int64], ...]:
        """Return open, high, low and close of the minutes from one position to another, ticks."""
        before = self.price + int(self.step[:begin].sum())
        close = before + np.cumsum(self.step[begin:end])
        opened = np.concatenate([[before], close[:-1]])
        reach = self.reach[:, begin:end]
        return (
            opened,
            np.maximum(opened, close) + reach[0],
            np.minimum(opened, close) - reach[1],
            close,
        )

    def window(self, start: int, stop: int, end: int) -> _Window | None:
        """Return the range of the minutes from start to stop; None if none of them trades."""
        begin, middle, last = np.searchsorted(self.minute, [start, stop, end]).tolist()
        seen = self.trades[begin:middle]
        if not seen.any():
            return None
        _, high, low, close = self.bars(begin, middle)
        return _Window(middle, last, int(close[-1]), int(low[seen].min()), int(high[seen].max()))

    def plant(
        self, window: _Window, sign: int, strength: float, draw: np.random.Generator
    ) -> None:
        """Take the path after a window or its mirror image, the favoured one more often."""
        after = slice(window.begin, window.end)
        path = np.cumsum(self.step[after])
        side, mirrored = window.side(window.price + path), window.side(window.price - path)
        turn = draw.random() < 1 / 2
        if sign and side == -mirrored != 0:
            wanted = sign if draw.random() < (1.0 + strength) / 2.0 else -sign
            turn = side != wanted
        if turn:
            self.step[after] *= -1


def _season(minute: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the size of moves by the time of day, busiest at 14:00 UTC, shape (m,)."""
    return 1.0 + 0.4 * np.cos(2 * np.pi * (minute % 1440 - 840) / 1440)


def turned_bars(
    bars: Bars, market: Market, schedule: Schedule, *, seed: int, by: Literal["day", "range"]
) -> Bars:
    """Mirror stretches of real bars by the toss of a coin, joined without jumps.

    Parameters
    ----------
    bars, market, schedule
        Real bars of every contract, their market, and their days.
    seed
        Seed of the coin.
    by
        ``day``: whole trading days, so that each day keeps its own course; ``range``: each stretch
        from one window's end to the next, so that nothing known by then predicts the price.
    """
    tape = join(bars, schedule, market.roll)
    ends = schedule.day_start if by == "day" else np.sort(schedule.range_end[schedule.open])
    stretch = np.searchsorted(ends, tape.minute, side="right")
    coin = np.random.default_rng([seed, 12]).integers(0, 2, int(stretch[-1]) + 1) * 2 - 1
    way = coin[stretch]
    change = np.diff(tape.close, prepend=tape.open[0])
    close = START_TICKS + np.cumsum(way * change)
    before = close - way * change
    from_last = tape.close - change
    opened, high, low = (
        before + way * (price - from_last) for price in (tape.open, tape.high, tape.low)
    )
    return Bars(
        symbol=market.symbol,
        contracts=(f"{market.symbol}Z9",),
        contract=np.zeros(len(tape), np.int32),
        minute=tape.minute,
        open=opened.astype(np.int32),
        high=np.maximum(high, low).astype(np.int32),
        low=np.minimum(high, low).astype(np.int32),
        close=close.astype(np.int32),
        volume=tape.volume,
    )
